import random
import re
import shutil
from pathlib import Path

import pandas
import pytest

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.split_table import (
    COLUMNS,
    read_table,
    select_frames,
    without_split,
    write_table,
)
from tests.datasets.builders import START, stamp
from tests.datasets.builders import write_table as write_csv

HEADER = ["recording", "timestamp", "frame", "label"]


def table_row(number: int, recording: str = "pond") -> list[str]:
    stem = stamp(number)
    return [recording, stem, f"images/{stem}.png", f"labels/{stem}.png"]


# Reading


def test_reads_a_table(tmp_path: Path):
    rows = [table_row(1, "b"), table_row(0, "a")]
    frames = read_table(write_csv(tmp_path / "frames.csv", HEADER, rows))
    assert frames == [
        Frame(
            recording,
            (START + 5 * number) * 10**9,
            f"{tmp_path}/images/{stamp(number)}.png",
            f"{tmp_path}/labels/{stamp(number)}.png",
        )
        for number, recording in ((1, "b"), (0, "a"))
    ]


def test_reads_all_columns_and_ignores_others(tmp_path: Path):
    header = ["burst", "split", *HEADER, "fold", "embargo", "focus_share"]
    rows = [
        ["1", "train", *table_row(0), "3", "0 2", "0.017"],
        ["", "embargo", *table_row(1), "", "", ""],
    ]
    first, second = read_table(write_csv(tmp_path / "frames.csv", header, rows))
    assert (first.split, first.fold, first.embargo) == ("train", 3, (0, 2))
    assert first.splash_share == pytest.approx(0.017)
    assert (second.split, second.fold, second.embargo) == ("embargo", None, ())
    assert second.splash_share is None


def test_windows_paths_and_absolute_paths(tmp_path: Path):
    rows = [
        ["a", stamp(0), r"images\a\x.png", r"labels\a\x.png"],
        ["a", stamp(1), "/data/y.png", r"D:\farm\y.png"],
    ]
    first, second = read_table(write_csv(tmp_path / "frames.csv", HEADER, rows))
    assert first.image == f"{tmp_path}/images/a/x.png"
    assert first.label == f"{tmp_path}/labels/a/x.png"
    assert (second.image, second.label) == ("/data/y.png", "D:/farm/y.png")


def test_empty_label_is_an_unlabelled_frame(tmp_path: Path):
    rows = [[*table_row(0)[:3], ""]]
    [frame] = read_table(write_csv(tmp_path / "frames.csv", HEADER, rows))
    assert frame.label == ""


def test_nanoseconds_stay_exact(tmp_path: Path):
    rows = [["a", stamp(0, 1), "x.png", ""], ["a", f"{START}.000000002", "y.png", ""]]
    frames = read_table(write_csv(tmp_path / "frames.csv", HEADER, rows))
    assert [f.timestamp - START * 10**9 for f in frames] == [1, 2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_make_no_difference(
    tmp_path: Path, encoding: str, newline: str
):
    lines = [*HEADER, "split"], [*table_row(0), "val"], [*table_row(1, "É"), "train"]
    text = newline.join(map(",".join, lines)) + newline
    (tmp_path / "frames.csv").write_bytes(text.encode(encoding))
    frames = read_table(tmp_path / "frames.csv")
    assert [(f.recording, f.split) for f in frames] == [("pond", "val"), ("É", "train")]


def test_error_for_another_encoding(tmp_path: Path):
    (tmp_path / "frames.csv").write_bytes("recording\nfj\u00e6ra\n".encode("latin-1"))
    with pytest.raises(
        ValueError,
        match=r"frames\.csv, line 2, is not in UTF-8 .*: save the file as UTF-8",
    ):
        read_table(tmp_path / "frames.csv")


def test_error_for_a_missing_table_describes_the_layout(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"frames\.csv does not exist") as error:
        read_table(tmp_path / "frames.csv")
    assert "recording,timestamp,frame,label[,split]" in str(error.value)
    assert "make demo" in str(error.value)


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("count", [0, 2])
def test_error_names_a_missing_column(tmp_path: Path, column: int, count: int):
    lines = [HEADER, *(table_row(n) for n in range(count))]
    header, *rows = [line[:column] + line[column + 1 :] for line in lines]
    table = write_csv(tmp_path / "frames.csv", header, rows)
    message = f"{table}: columns ['{HEADER[column]}'] are missing, it has {header}"
    with pytest.raises(ValueError, match=re.escape(message)):
        read_table(table)


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_that_spreadsheets_save_are_read(
    tmp_path: Path, separator: str, encoding: str
):
    rows = [[*table_row(n), "val", "", "", ""] for n in (0, 1)]
    plain = read_table(write_csv(tmp_path / "frames.csv", list(COLUMNS), rows))
    text = (tmp_path / "frames.csv").read_text(encoding="utf-8")
    text = text.replace(",", separator).replace("\n", "\r\n")
    (tmp_path / "saved.csv").write_bytes(text.encode(encoding))
    assert read_table(tmp_path / "saved.csv") == plain


def test_folds_that_pandas_writes_as_floats_are_read(tmp_path: Path):
    table = tmp_path / "frames.csv"
    frames = [
        Frame("", 10**18, f"{tmp_path}/a.png", fold=1, embargo=(0, 2)),
        Frame("", 2 * 10**18, f"{tmp_path}/b.png", split="test"),  # no fold: NaN
    ]
    write_table(table, frames)
    pandas.read_csv(table).to_csv(table, index=False)
    assert ",1.0," in table.read_text()
    assert [(f.fold, f.embargo) for f in read_table(table)] == [(1, (0, 2)), (None, ())]


def test_table_without_rows(tmp_path: Path):
    table = write_csv(tmp_path / "frames.csv", HEADER, [])
    with pytest.raises(ValueError, match=f"{table} has a header but no rows"):
        read_table(table)


def test_empty_file(tmp_path: Path):
    (tmp_path / "frames.csv").touch()
    with pytest.raises(ValueError, match=r"frames\.csv: columns .'recording', .* \[\]"):
        read_table(tmp_path / "frames.csv")


def test_error_names_a_frame_listed_twice(tmp_path: Path):
    again = [table_row(1)[0], stamp(1, 1), *table_row(1)[2:]]
    rows = [table_row(0), table_row(1), again]
    table = write_csv(tmp_path / "frames.csv", HEADER, rows)
    with pytest.raises(
        ValueError, match=f"{stamp(1)}.png is listed twice, in lines 3 an"
    ):
        read_table(table)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            "split",
            "training",
            "split 'training' is not empty and not one of ('train', 'val', 'test', ",
        ),
        ("split", "Train", "split 'Train' is not empty and not one of"),
        ("split", " val", "split ' val' is not empty and not one of"),
        ("fold", "one", "fold 'one' is not a whole number from 0"),
        ("fold", "-1", "fold '-1' is not a whole number from 0"),
        ("fold", "0.5", "fold '0.5' is not a whole number from 0"),
        ("embargo", "1,2", "fold '1,2' is not a whole number from 0"),
        ("focus_share", "2 %", "could not convert string to float: '2 %'"),
        ("focus_share", "1.5", "focus_share 1.5 must lie in [0, 1]"),
        ("focus_share", "nan", "focus_share nan must lie in [0, 1]"),
        ("timestamp", "2024-05-01", "'2024-05-01' is not a time stamp"),
        ("frame", "", "line 3: the column frame is empty"),
    ],
)
def test_error_names_an_invalid_cell(
    tmp_path: Path, column: str, cell: str, message: str
):
    rows = [[*table_row(n), "val", "", "", ""] for n in (0, 1)]
    rows[1][COLUMNS.index(column)] = cell
    table = write_csv(tmp_path / "frames.csv", list(COLUMNS), rows)
    with pytest.raises(ValueError, match=re.escape(f"{table}, line 3")) as caught:
        read_table(table)
    assert message in str(caught.value)


def test_row_with_too_many_cells_is_refused(tmp_path: Path):
    table = write_csv(tmp_path / "f.csv", HEADER, [table_row(0), [*table_row(1), "x"]])
    with pytest.raises(ValueError, match=r"line 3 has more cells than .* \['x'\]"):
        read_table(table)


def test_row_with_too_few_cells_is_refused(tmp_path: Path):
    table = write_csv(tmp_path / "f.csv", HEADER, [table_row(0)[:2]])
    with pytest.raises(ValueError, match="line 2: the column frame is empty"):
        read_table(table)


# Tables of earlier versions


GOLDEN = Path(__file__).parent / "golden"


def golden_frame(number: int, **changes) -> Frame:
    """Frame of ``parts.csv`` and ``folds.csv``; the fourth has no label."""
    recording = "ab"[number % 2]
    return Frame(
        recording,
        (START + 5 * number) * 10**9 + number,
        f"{GOLDEN}/images/{recording}/{number}.png",
        "" if number == 4 else f"{GOLDEN}/labels/{recording}/{number}.png",
        splash_share=None if number == 4 else round(number / 48, 9),
        **changes,
    )


def test_reads_parts_of_version_0_1():
    splits = ["train"] * 4 + ["embargo"] * 2 + ["val"] + ["embargo"] * 2 + ["test"] * 3
    assert read_table(GOLDEN / "parts.csv") == [
        golden_frame(number, split=split) for number, split in enumerate(splits)
    ]


def test_reads_folds_of_version_0_1():
    embargoes = [(), (1,), (1,), (0,), (0, 2), (2,), (1,), (1,)]
    inside = [
        golden_frame(number, split="train", fold=fold, embargo=embargo)
        for number, (fold, embargo) in enumerate(
            zip([0, 0, 0, 1, 1, 1, 2, 2], embargoes, strict=True)
        )
    ]
    outside = [
        golden_frame(number, split=split)
        for number, split in enumerate(["embargo"] * 2 + ["test"] * 2, 8)
    ]
    assert read_table(GOLDEN / "folds.csv") == inside + outside


@pytest.mark.parametrize("name", ["parts.csv", "folds.csv"])
def test_rewrites_tables_of_version_0_1_to_the_same_rows(tmp_path: Path, name: str):
    shutil.copy(GOLDEN / name, tmp_path / "old.csv")
    new = write_table(tmp_path / "new.csv", read_table(tmp_path / "old.csv"))
    before = (GOLDEN / name).read_bytes()
    assert before.count(b"splash_share") == 1
    assert new.read_bytes() == before.replace(b"splash_share", b"focus_share")


def test_reads_a_table_of_another_tool():
    """Byte order mark, CRLF, backslashes, other columns, decimal seconds."""
    assert (GOLDEN / "foreign.csv").read_bytes().count(b"\r\n") == 4
    start = START * 10**9
    root = f"{GOLDEN}/"
    assert read_table(GOLDEN / "foreign.csv") == [
        Frame(
            "farm 1",
            start + 250_000_000,
            f"{root}images/a/0.png",
            f"{root}labels/a/0.png",
            "train",
        ),
        Frame("farm 1", start + 5 * 10**9 + 7, f"{root}images/a/1.png", "", "val"),
        Frame(
            "farm é, north",
            start + 10 * 10**9,
            "/data/farm/2.png",
            "D:/farm/2.png",
            "test",
        ),
    ]


# Writing


def frames_in(folder: Path) -> list[Frame]:
    return [
        Frame(
            "ab"[n % 2],
            START * 10**9 + n,
            f"{folder}/images/{n}.png",
            f"{folder}/labels/{n}.png" if n % 3 else "",
            split="train",
            fold=n % 5 if n else None,
            embargo=(n, n + 1) if n == 4 else (),
            splash_share=n / 16 if n % 2 else None,
        )
        for n in range(12)
    ]


def test_round_trip(tmp_path: Path):
    frames = frames_in(tmp_path)
    table = write_table(tmp_path / "new" / "split.csv", frames)
    moved = [(f.image, f.label) for f in read_table(table)]
    assert [Path(image).resolve() for image, _ in moved] == [
        Path(f.image) for f in frames
    ]
    beside = write_table(tmp_path / "split.csv", frames)
    assert read_table(beside) == frames


def test_same_frames_same_bytes_in_any_order(tmp_path: Path):
    frames = frames_in(tmp_path)
    first = write_table(tmp_path / "1.csv", frames).read_bytes()
    shuffled = random.Random(0).sample(frames, len(frames))
    assert write_table(tmp_path / "2.csv", shuffled).read_bytes() == first
    assert b"\r" not in first
    assert str(tmp_path).encode() not in first  # a folder moves as a whole


def test_written_as_documented(tmp_path: Path):
    frame = Frame("a", 7, f"{tmp_path}/x.png", "", "train", 0, (1, 2), 0.5)
    text = write_table(tmp_path / "split.csv", [frame]).read_text()
    assert text == (
        "recording,timestamp,frame,label,split,fold,embargo,focus_share\n"
        "a,0000000000-000000007,x.png,,train,0,1 2,0.500000000\n"
    )


def test_a_failed_write_leaves_the_old_table(tmp_path: Path):
    table = write_table(tmp_path / "split.csv", frames_in(tmp_path))
    before = table.read_bytes()
    twice = [frames_in(tmp_path)[0]] * 2
    with pytest.raises(ValueError, match="same time stamp"):
        write_table(table, twice)
    assert table.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["split.csv"]


# Parts


def rows(*cells: tuple) -> list[Frame]:
    return [
        Frame("a", t, f"{t}", f"{t}", split, fold, embargo)
        for t, (split, fold, embargo) in enumerate(cells)
    ]


def test_select_by_split():
    frames = rows(("train", None, ()), ("embargo", None, ()), ("val", None, ()))
    assert select_frames(frames, "train", None) == frames[:1]
    assert select_frames(frames, "val", None) == frames[2:]
    assert select_frames(frames, "test", None) == []


def test_select_by_fold():
    frames = rows(
        ("train", 0, ()),
        ("train", 0, (1,)),
        ("train", 1, (0, 2)),
        ("train", 2, ()),
        ("embargo", None, ()),
        ("test", None, ()),
    )
    assert select_frames(frames, "val", 1) == [frames[2]]
    assert select_frames(frames, "train", 1) == [frames[0], frames[3]]
    assert select_frames(frames, "train", 2) == [frames[0], frames[1]]
    assert select_frames(iter(frames), "test", 1) == [frames[5]]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_error_names_an_unknown_fold(split: str):
    frames = rows(("train", 0, ()), ("train", 1, ()))
    with pytest.raises(
        ValueError, match=r"fold=2 is not one of the table's folds \[0, 1"
    ):
        select_frames(frames, split, 2)


def test_without_split_keeps_all_but_the_split():
    frame = Frame("a", 1, "x", "y", "train", 1, (2,), 0.5)
    assert without_split(frame) == Frame("a", 1, "x", "y", splash_share=0.5)


def test_the_former_name_of_the_share_is_read(tmp_path):
    table = tmp_path / "split.csv"
    table.write_text("recording,timestamp,frame,label,splash_share\na,1,x.png,,0.25\n")
    (frame,) = read_table(table)
    assert frame.splash_share == 0.25
    text = write_table(tmp_path / "new.csv", [frame]).read_text()
    assert text.splitlines()[0].endswith(",focus_share")
