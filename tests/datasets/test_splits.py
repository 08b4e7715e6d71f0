import random
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from mmseg_splashkd.datasets.splits import (
    Frame,
    in_time_order,
    list_frames,
    parse_timestamp,
    read_table,
    split_by_time,
)
from tests.datasets.builders import START, stamp, write_table

HEADER = ["recording", "timestamp", "frame", "label"]


def frame(timestamp: int, recording: str = "pond") -> Frame:
    name = f"{recording}/{timestamp}.png"
    return Frame(recording, timestamp, Path("images", name), Path("labels", name))


def table_row(number: int, recording: str = "pond") -> list[str]:
    stem = stamp(number)
    return [recording, stem, f"images/{stem}.png", f"labels/{stem}.png"]


def shuffled(items: list) -> list:
    return random.Random(0).sample(items, len(items))


def touch(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


# Time stamps


def test_time_stamp_is_exact_to_the_nanosecond():
    first = parse_timestamp("9999999999-999999998", "a.png")
    second = parse_timestamp("9999999999-999999999", "b.png")
    assert (first, second) == (9_999_999_999_999_999_998, 9_999_999_999_999_999_999)
    assert float(first) == float(second)  # so a float could not have ordered them


def test_leading_zeros_of_the_nanoseconds_count():
    assert parse_timestamp("1714521600-000000005", "") == 1_714_521_600 * 10**9 + 5


@pytest.mark.parametrize(
    "stamp",
    [
        "",
        "1714521600",
        "1714521600-",
        "1714521600-00000000",
        "1714521600-0000000000",
        "171452160-000000000",
        "17145216000-000000000",
        "1714521600_000000000",
        "1714521600.000000000",
        "-714521600-000000000",
        "+714521600-000000000",
        "1714521600-00000000x",
        " 1714521600-000000000",
        "1714521600-000000000 ",
        "1714521600-000000000\n",
        "1714521600-000000000-1",
        "frame_0001",
        "171452160\N{ARABIC-INDIC DIGIT ZERO}-000000000",
        "1714521600-00000000\N{SUPERSCRIPT TWO}",
    ],
)
def test_any_other_form_names_the_file_and_the_right_form(stamp: str):
    message = f"pond/x.png: {stamp!r} is no time stamp; expected <10-digit seconds>-"
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_timestamp(stamp, "pond/x.png")


# Folders


def test_lists_frames_with_their_labels(tmp_path: Path):
    images = touch(tmp_path / "images", [f"{stamp(0)}.png", f"{stamp(1, 7)}.png"])
    (tmp_path / "labels").mkdir()
    frames = in_time_order(list_frames(images, tmp_path / "labels"))
    assert [f.timestamp for f in frames] == [START * 10**9, (START + 5) * 10**9 + 7]
    assert [f.image for f in frames] == sorted(images.iterdir())
    assert [f.label for f in frames] == [
        tmp_path / "labels" / path.name for path in sorted(images.iterdir())
    ]


def test_subfolders_and_links_to_folders_are_recordings(tmp_path: Path):
    names = [f"{stamp(0)}.png", f"b/{stamp(1)}.png", f"a/cam/{stamp(2)}.png"]
    images = touch(tmp_path / "images", names)
    elsewhere = touch(tmp_path / "elsewhere", [f"{stamp(3)}.png"])
    (images / "linked").symlink_to(elsewhere)
    (tmp_path / "labels").mkdir()
    frames = in_time_order(list_frames(images, tmp_path / "labels"))
    assert [f.recording for f in frames] == [".", "b", "a/cam", "linked"]
    assert frames[2].label == tmp_path / "labels" / names[2]
    assert frames[3].label == tmp_path / "labels" / "linked" / f"{stamp(3)}.png"


def test_suffixes_may_differ_and_other_files_are_left_alone(tmp_path: Path):
    names = [f"{stamp(0)}_rgb.jpg", "notes.txt", f"{stamp(1)}.png"]
    images = touch(tmp_path / "images", names)
    (tmp_path / "labels").mkdir()
    [only] = list_frames(images, tmp_path / "labels", "_rgb.jpg", "_label.png")
    assert only.timestamp == START * 10**9
    assert only.label == tmp_path / "labels" / f"{stamp(0)}_label.png"


def test_misnamed_frame_is_named(tmp_path: Path):
    images = touch(tmp_path / "images", [f"{stamp(0)}.png", "b/frame_1.png"])
    (tmp_path / "labels").mkdir()
    with pytest.raises(ValueError, match=f"{images}/b/frame_1.png: 'frame_1' is no"):
        list_frames(images, tmp_path / "labels")


@pytest.mark.parametrize("name", ["{}.PNG", "b/{}.Png"])
def test_suffix_in_another_case_is_named(tmp_path: Path, name: str):
    other = name.format(stamp(1))
    images = touch(tmp_path / "images", [f"{stamp(0)}.png", other])
    (tmp_path / "labels").mkdir()
    message = f"{images / other} differs from img_suffix='.png' in case alone"
    with pytest.raises(ValueError, match=re.escape(message)):
        list_frames(images, tmp_path / "labels")


@pytest.mark.parametrize("present", [[], ["images"], ["labels"]])
def test_missing_folder_tells_the_layout(tmp_path: Path, present: list[str]):
    for name in present:
        (tmp_path / name).mkdir()
    missing = tmp_path / ("labels" if present == ["images"] else "images")
    with pytest.raises(FileNotFoundError, match=f"{missing} is no folder.") as caught:
        list_frames(tmp_path / "images", tmp_path / "labels")
    assert "labels/[<recording>/]<the same name>.png" in str(caught.value)
    assert "make demo" in str(caught.value)


# Order


def test_recordings_are_merged_by_time():
    a, b = [frame(t, "a") for t in (1, 4, 5)], [frame(t, "b") for t in (2, 3, 6)]
    ordered = in_time_order([*b, *a])
    assert [f.timestamp for f in ordered] == [1, 2, 3, 4, 5, 6]
    assert [f.recording for f in ordered] == list("abbaab")


def test_frames_a_nanosecond_apart_keep_their_order():
    stems = [stamp(1, 2), stamp(1, 1), stamp(0, 999_999_999), stamp(1, 0)]
    frames = [frame(parse_timestamp(stem, "")) for stem in stems]
    ordered = in_time_order(frames)
    assert [frames.index(f) for f in ordered] == [2, 3, 1, 0]


def test_order_of_input_does_not_matter():
    frames = [frame(t // 2, "ab"[t % 2]) for t in range(40)]
    expected = in_time_order(frames)
    assert [(f.timestamp, f.recording) for f in expected[:4]] == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (1, "b"),
    ]
    assert in_time_order(shuffled(frames)) == expected
    assert split_by_time(shuffled(frames)) == split_by_time(frames)


def test_equal_time_stamps_in_a_recording_name_both_files():
    twins = [
        Frame("pond", 3, Path("x/a.png"), Path("a")),
        Frame("pond", 3, Path("y/b.png"), Path("b")),
    ]
    with pytest.raises(ValueError, match=r"x/a.png and y/b.png .* recording 'pond'"):
        in_time_order([frame(1), *twins, frame(5), frame(3, "other")])


# Cuts


@pytest.mark.parametrize(
    ("count", "ratios", "counts"),
    [
        (10, (0.7, 0.2, 0.1), [7, 2, 1]),
        (300, (0.7, 0.2, 0.1), [210, 60, 30]),
        (7, (0.7, 0.2, 0.1), [5, 1, 1]),
        (1, (0.7, 0.2, 0.1), [1, 0, 0]),
        (0, (0.7, 0.2, 0.1), [0, 0, 0]),
        (10, [0.8, 0.1, 0.1], [8, 1, 1]),
        (9, (1 / 3, 1 / 3, 1 / 3), [3, 3, 3]),
        (4, (0.5, 0.5, 0), [2, 2, 0]),
        (3, (1, 0, 0), [3, 0, 0]),
        (3, (0, 0, 1), [0, 0, 3]),
    ],
)
def test_counts(count: int, ratios: tuple[float, float, float], counts: list[int]):
    parts = split_by_time([frame(t) for t in range(count)], ratios)
    assert list(parts) == ["train", "val", "test"]
    assert [len(part) for part in parts.values()] == counts


def test_default_ratios_cut_at_the_frame_nearest_to_their_share():
    for count in range(400):
        parts = split_by_time([frame(t) for t in range(count)])
        cut, last_cut = len(parts["train"]), count - len(parts["test"])
        assert abs(cut - count * Fraction("0.7")) <= Fraction("0.5")
        assert abs(last_cut - count * Fraction("0.9")) <= Fraction("0.5")


def test_parts_hold_every_frame_once_and_follow_each_other_in_time():
    frames = [frame(t, "abc"[t % 3]) for t in range(50)]
    parts = split_by_time(shuffled(frames))
    joined = [f for part in parts.values() for f in part]
    assert sorted(joined, key=frames.index) == joined == frames
    assert all(a.timestamp < b.timestamp for a, b in pairwise(joined))


@pytest.mark.parametrize(
    "ratios",
    [
        (0.7, 0.2),
        (),
        (0.7, 0.1, 0.1, 0.1),
        (0.7, 0.2, 0.2),
        (0.7, 0.2, 0.0999),
        (7, 2, 1),
        (1.1, -0.2, 0.1),
        (float("nan"), 0.5, 0.5),
    ],
)
def test_ratios_must_be_three_shares_that_sum_to_one(ratios: tuple[float, ...]):
    with pytest.raises(ValueError, match=r"ratios must be three shares .* got \(") as e:
        split_by_time([frame(1)], ratios)
    assert f"sum {sum(ratios):g}" in str(e.value)


def test_equal_time_stamps_are_refused_wherever_the_cut_is():
    with pytest.raises(ValueError, match="same time stamp"):
        split_by_time([frame(1), frame(2), frame(2)])


# Tables


def test_reads_a_table(tmp_path: Path):
    rows = [table_row(1, "b"), table_row(0, "a")]
    table = write_table(tmp_path / "frames.csv", HEADER, rows)
    frames, parts = read_table(table)
    assert parts is None
    assert [(f.recording, f.timestamp) for f in frames] == [
        ("b", (START + 5) * 10**9),
        ("a", START * 10**9),
    ]
    assert frames[0].image == tmp_path / "images" / f"{stamp(1)}.png"
    assert frames[0].label == tmp_path / "labels" / f"{stamp(1)}.png"


def test_reads_the_split_column_and_leaves_further_columns_alone(tmp_path: Path):
    words = ["test", "train", "val"]
    rows = [[w, "0.2", *table_row(n)] for n, w in enumerate(words)]
    header = ["split", "splash_share", *HEADER]
    frames, parts = read_table(write_table(tmp_path / "frames.csv", header, rows))
    assert parts == words
    assert len(frames) == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_make_no_difference(
    tmp_path: Path, encoding: str, newline: str
):
    lines = [*HEADER, "split"], [*table_row(0), "val"], [*table_row(1, "É"), "train"]
    text = newline.join(map(",".join, lines)) + newline
    (tmp_path / "frames.csv").write_bytes(text.encode(encoding))
    frames, parts = read_table(tmp_path / "frames.csv")
    assert [f.recording for f in frames] == ["pond", "É"]
    assert parts == ["val", "train"]


def test_missing_table_tells_the_layout(tmp_path: Path):
    with pytest.raises(
        FileNotFoundError, match=r"frames\.csv does not exist"
    ) as caught:
        read_table(tmp_path / "frames.csv")
    assert "recording,timestamp,frame,label[,split]" in str(caught.value)
    assert "make demo" in str(caught.value)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("count", [0, 2])
def test_missing_column_is_named(tmp_path: Path, column: int, count: int):
    lines = [HEADER, *(table_row(n) for n in range(count))]
    header, *rows = [line[:column] + line[column + 1 :] for line in lines]
    table = write_table(tmp_path / "frames.csv", header, rows)
    message = f"{table}: columns ['{HEADER[column]}'] are missing, it has {header}"
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(table)


def test_semicolons_are_recognisable_in_the_error(tmp_path: Path):
    table = write_table(tmp_path / "frames.csv", [";".join(HEADER)], [])
    with pytest.raises(ValueError, match=r"it has \['recording;timestamp;frame;la"):
        read_table(table)


def test_table_without_rows(tmp_path: Path):
    table = write_table(tmp_path / "frames.csv", HEADER, [])
    with pytest.raises(ValueError, match=f"{table} has a header but no rows"):
        read_table(table)


def test_empty_file(tmp_path: Path):
    (tmp_path / "frames.csv").touch()
    with pytest.raises(ValueError, match=r"frames\.csv: columns .'recording', .* \[\]"):
        read_table(tmp_path / "frames.csv")


@pytest.mark.parametrize("word", ["training", "Train", "", " val"])
def test_unknown_split_is_named(tmp_path: Path, word: str):
    rows = [[*table_row(0), "train"], [*table_row(1), word]]
    table = write_table(tmp_path / "frames.csv", [*HEADER, "split"], rows)
    message = f"{table}: split ['{word}'] is none of ('train', 'val', 'test')"
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(table)


def test_time_stamp_of_a_table_is_checked_and_its_frame_named(tmp_path: Path):
    row = ["pond", "2024-05-01", "images/x.png", "labels/x.png"]
    table = write_table(tmp_path / "frames.csv", HEADER, [table_row(0), row])
    with pytest.raises(ValueError, match=f"{table}, images/x.png: '2024-05-01' is no"):
        read_table(table)


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("frame", "row .* names no frame or no label"),
        ("label", "row .* names no frame or no label"),
        ("timestamp", "images/.*: '' is no time stamp"),
        ("split", r"split \[''\] is none of"),
    ],
)
def test_short_row_is_refused(tmp_path: Path, last: str, message: str):
    header = [*HEADER, "split"]
    rows = [dict(zip(header, [*table_row(n), "val"], strict=True)) for n in (0, 1)]
    header.sort(key=lambda name: name == last)
    lines = [[row[name] for name in header] for row in rows]
    table = write_table(tmp_path / "frames.csv", header, [lines[0], lines[1][:-1]])
    with pytest.raises(ValueError, match=f"{table}.*{message}"):
        read_table(table)
