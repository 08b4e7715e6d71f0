"""Sources of the command line and of lists."""

import pytest

from mmseg_splashkd.deploy.archive.listing import Listed, listed_sources
from mmseg_splashkd.deploy.watch.command import Asked

COMMON = Asked("model.onnx", "", "out", every="2")


def refused(words=(), file=None) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the callers look
        listed_sources(COMMON, words, file)
    return str(caught.value)


def test_names_are_those_of_files_and_folders(tmp_path):
    (tmp_path / "north").mkdir()
    found = listed_sources(COMMON, [str(tmp_path / "north"), "south.tar.mp4"])
    assert [each.name for each in found] == ["north", "south.tar"]
    assert found[1] == Listed(
        "south.tar", Asked("model.onnx", "south.tar.mp4", found[1].asked.out, every="2")
    )
    assert str(found[1].asked.out) == "out/south.tar"


def test_a_table_gives_each_source_its_options(tmp_path):
    file = tmp_path / "cameras.csv"
    file.write_text(
        "source,name,start,from,until,recording,timestamp\n"
        "a.mp4,north,2024-05-01T08:00:00Z,,,,\n"
        "rtsp://u:p@host/1,south,,5,6,pond 2,\n"
        "frames,,,,,,iso8601\n"
    )
    north, south, frames = listed_sources(COMMON, [], str(file))
    assert (north.name, north.asked.start) == ("north", "2024-05-01T08:00:00Z")
    assert north.asked.recording == "north"
    asked = south.asked
    assert (asked.first, asked.until, asked.recording) == ("5", "6", "pond 2")
    assert (frames.name, frames.asked.timestamp) == ("frames", {"name": "iso8601"})
    assert frames.asked.recording is None
    assert {each.asked.every for each in (north, south, frames)} == {"2"}


def test_a_text_has_a_source_a_line(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# cameras\na.mp4\n\n  b.mp4\n")
    found = listed_sources(COMMON, ["c.mp4"], str(file))
    assert [each.asked.source for each in found] == ["c.mp4", "a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "source,nmae\n",
            "has the columns ['source', 'nmae']: give source, and any of",
        ),
        ("name\na\n", "has the columns ['name']: give source"),
        ("source\n", "names no source: give one a line"),
        ("source,name\n,a\n", "line 2, has no source"),
        ("source\na.mp4,b\n", "line 2, has more cells than the header: ['b']"),
        ("source,name\na.mp4,../b\n", "line 2, has the name '../b', which is no name"),
        ("source,name\na.mp4,.b\n", "line 2, has the name '.b', which is no name"),
        ("source,name\na.mp4,Index.HTML\n", "which is no name of a folder: give"),
        ("source,name\na.mp4,x\nb.mp4,X\n", "line 3, has the name 'X', as "),
        ("source\nrtsp://a/1\nrtsp://a/2\n", "line 3, has the name 'camera', as "),
    ],
)
def test_bad_lists_are_refused(tmp_path, text, message):
    file = tmp_path / "list.csv"
    file.write_text(text)
    assert message in refused(file=str(file))


def test_sources_of_the_same_name_are_refused():
    message = refused(["a/x.mp4", "b/x.mp4"])
    assert message == (
        "source b/x.mp4 has the name 'x', as source a/x.mp4: names are those of "
        "folders. Give other ones by the column name of --sources LIST.csv"
    )


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.txt"):
        listed_sources(COMMON, [], str(tmp_path / "none.txt"))
