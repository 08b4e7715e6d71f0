"""``tools/split_dataset.py`` from the command line to the data set."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_splashkd.datasets.split_table import read_table, select_frames
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from tests.datasets.builders import draw_frames, stamp, write_frame
from tests.tools import run_tool

Tool = Callable[..., str]


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """Two cameras of 15 frames each, 5 s apart, with splash in each."""
    stems = [f"{'ab'[n % 2]}/{stamp(n // 2, n % 2)}" for n in range(30)]
    return draw_frames(tmp_path / "farm", stems)


@pytest.fixture
def split(capsys: pytest.CaptureFixture[str]) -> Tool:
    """Function that runs the tool in this process and returns its output."""

    def run(*words: object) -> str:
        run_tool("split_dataset.py", *words)
        return capsys.readouterr().out

    return run


def parts(table: Path) -> Counter:
    return Counter(frame.split for frame in read_table(table))


def test_folder_to_table_to_training(split: Tool, farm: Path):
    table = farm / "split.csv"
    printed = split(farm, "--embargo", "7s", "--out", table)
    assert f"{table}: written" in printed
    assert parts(table) == {"train": 18, "val": 3, "test": 3, "embargo": 6}
    assert {frame.splash_share for frame in read_table(table)} == {
        0.083333333
    }  # 16/192
    for part in ("train", "val", "test"):
        dataset = TimeSplitDataset(
            part, data_root=str(farm), split_table="split.csv", pipeline=[]
        )
        assert len(dataset) == parts(table)[part]


def test_folds_to_training(split: Tool, farm: Path):
    table = farm / "folds.csv"
    words = ("--strategy", "blocked", "--folds", 3, "--test-share", 0.2)
    split(farm, *words, "--embargo", 1, "--out", table)
    frames = read_table(table)
    for fold in range(3):
        train, val = (
            TimeSplitDataset(
                part, fold, data_root=str(farm), split_table="folds.csv", pipeline=[]
            )
            for part in ("train", "val")
        )
        assert len(train) == len(select_frames(frames, "train", fold)) < 24
        assert len(val) == len(select_frames(frames, "val", fold)) > 6


def test_stratified_folds_print_a_note_on_optimistic_scores(split: Tool, farm: Path):
    table = farm / "folds.csv"
    printed = split(farm, "--strategy", "stratified", "--folds", 3, "--out", table)
    assert "validation scores are optimistic" in " ".join(printed.split())


def test_table_with_other_content_is_overwritten_only_with_force(
    split: Tool, farm: Path
):
    table = farm / "split.csv"
    split(farm, "--out", table)
    before = table.read_bytes()
    assert "unchanged" in split(farm, "--out", table)
    assert "unchanged" in split("--table", table, "--out", table)
    with pytest.raises(SystemExit, match="--force"):
        split(farm, "--out", table, "--ratios", 1, 1, 1)
    assert table.read_bytes() == before
    assert "replaced" in split(farm, "--out", table, "--ratios", 1, 1, 1, "--force")
    assert parts(table) == {"train": 10, "val": 10, "test": 10}


def test_test_rows_of_a_table_stay_out_of_folds(split: Tool, farm: Path):
    table, folds = farm / "split.csv", farm / "folds.csv"
    split(farm, "--out", table)
    split("--table", table, "--strategy", "stratified", "--folds", 2, "--out", folds)
    assert parts(folds) == {"train": 27, "test": 3}
    tests = [
        [f.image for f in read_table(t) if f.split == "test"] for t in (table, folds)
    ]
    assert tests[0] == tests[1]


def test_a_camera_left_out_is_in_no_training(split: Tool, farm: Path):
    write_frame(farm / "images" / "b" / f"{stamp(99)}.png", 0)
    table = farm / "split.csv"
    words = ("--leave-out", "^b$", "--unlabelled", "--out", table)
    printed = " ".join(split(farm, *words).split())
    assert "Left out, for the test part alone: b (16 frames). 1 of these" in printed
    assert parts(table) == {"train": 11, "val": 3, "test": 17}
    for part in ("train", "val", "test"):
        dataset = TimeSplitDataset(
            part,
            data_root=str(farm),
            split_table="split.csv",
            unlabelled="include",
            pipeline=[],
        )
        infos = [dataset.get_data_info(n) for n in range(len(dataset))]
        assert len(infos) == parts(table)[part]
        recordings = {info["recording"] for info in infos}
        assert recordings == ({"a", "b"} if part == "test" else {"a"})


def test_a_pattern_is_checked_before_labels_are_read(split: Tool, farm: Path):
    next((farm / "labels" / "a").iterdir()).write_bytes(b"no picture")
    with pytest.raises(SystemExit, match="leave_out='c' matches none of the 2"):
        split(farm, "--leave-out", "c", "--out", farm / "split.csv")
    assert not (farm / "split.csv").exists()


def test_lists(split: Tool, farm: Path):
    names = sorted(path.stem for path in (farm / "images" / "a").iterdir())
    for part, chosen in (("train", names[:9]), ("val", names[9:12])):
        (farm / f"{part}.txt").write_text("\n".join(chosen))
    lists = [f"{part}={farm / part}.txt" for part in ("train", "val")]
    words = (farm, "--strategy", "list", "--out", farm / "split.csv", "--list", *lists)
    with pytest.raises(SystemExit, match="18 frames are in no list"):
        split(*words)
    split(*words, "--unlisted", "embargo")
    assert parts(farm / "split.csv") == {"train": 9, "val": 3, "embargo": 18}


def test_unlabelled_frames_need_the_option(split: Tool, farm: Path):
    write_frame(farm / "images" / "a" / f"{stamp(99)}.png", 0)
    with pytest.raises(SystemExit, match="1 of 31 frames have no label"):
        split(farm, "--out", farm / "split.csv")
    printed = split(farm, "--unlabelled", "--out", farm / "split.csv")
    assert "1 of 31 frames have no label." in printed
    assert sum(parts(farm / "split.csv").values()) == 31


def test_other_names_and_folders(split: Tool, tmp_path: Path):
    draw_frames(tmp_path, [f"cam_{n:03}" for n in range(10)], "_rgb.jpg")
    (tmp_path / "images").rename(tmp_path / "rgb")
    (tmp_path / "labels").rename(tmp_path / "gt")
    split(
        tmp_path,
        *("--img-path", "rgb", "--seg-map-path", "gt", "--img-suffix", "_rgb.jpg"),
        *("--timestamp", "frame", "--fps", "30000/1001", "--start", 1_714_521_600),
        *("--timestamp-stem", "(?P<recording>cam)_(?P<stamp>[0-9]+)"),
        *("--class", "background", "--out", tmp_path / "split.csv"),
    )
    frames = read_table(tmp_path / "split.csv")
    assert {frame.recording for frame in frames} == {"cam"}
    assert frames[3].timestamp == 1_714_521_600_100_100_000
    assert frames[0].splash_share == pytest.approx(1 - 16 / 192, abs=1e-6)


def test_shares_of_a_table_are_kept_with_the_option(split: Tool, farm: Path):
    table = farm / "split.csv"
    split(farm, "--out", table)
    table.write_text(table.read_text().replace("0.083333333", "0.5"))
    split("--table", table, "--keep-shares", "--out", farm / "kept.csv")
    split("--table", table, "--out", farm / "read.csv")
    shares = [
        {frame.splash_share for frame in read_table(farm / name)}
        for name in ("kept.csv", "read.csv")
    ]
    assert shares == [{0.5}, {0.083333333}]


def test_picture(split: Tool, farm: Path):
    picture = farm / "pictures" / "split.png"
    printed = split(farm, "--out", farm / "split.csv", "--picture", picture)
    assert str(picture) in printed
    assert picture.is_file()


def test_error_names_a_missing_file_of_a_table(split: Tool, farm: Path):
    split(farm, "--out", farm / "split.csv")
    gone = farm / "labels" / "b" / f"{stamp(3, 1)}.png"
    gone.unlink()
    with pytest.raises(SystemExit, match=f"do not exist, the first is {gone}"):
        split("--table", farm / "split.csv", "--out", farm / "again.csv")


def test_photos_to_training(split: Tool, tmp_path: Path):
    draw_frames(tmp_path, [f"IMG_{n}" for n in range(20)])
    table = tmp_path / "split.csv"
    with pytest.raises(SystemExit, match=r"not a time stamp.* none \(no time\)"):
        split(tmp_path, "--out", table)
    words = (tmp_path, "--timestamp", "none", "--out", table)
    with pytest.raises(SystemExit, match="--strategy random, grouped or stratified"):
        split(*words)
    assert "have no time" in split(*words, "--strategy", "random")
    assert parts(table) == {"train": 14, "val": 4, "test": 2}
    assert table.read_text().splitlines()[1].startswith(".,,images/IMG_0.png,")
    dataset = TimeSplitDataset(
        "val", data_root=str(tmp_path), split_table="split.csv", pipeline=[]
    )
    assert len(dataset) == 4


def test_unlabelled_frames_need_no_folder_of_labels(split: Tool, tmp_path: Path):
    for n in range(10):
        write_frame(tmp_path / "images" / f"{stamp(n)}.png", n)
    printed = split(tmp_path, "--unlabelled", "--out", tmp_path / "split.csv")
    assert "10 of 10 frames have no label." in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: --out"),
        (["--out", "x.csv"], "give either data_root or --table"),
        (["farm", "--table", "t.csv", "--out", "x.csv"], "give either data_root or"),
        (["farm", "--out", "x.csv", "--embargo", "5min"], "argument --embargo"),
        (["farm", "--out", "x.csv", "--strategy", "odd"], "'per-recording'"),
        (
            ["farm", "--out", "x.csv", "--keep-shares"],
            "--keep-shares has no effect with data_root",
        ),
        (
            ["--table", "t.csv", "--out", "x.csv", "--img-suffix", ".jpg"],
            "--img-suffix has no effect with --table",
        ),
    ],
)
def test_invalid_command_lines_are_refused(
    split: Tool, capsys, words: list[str], message: str
):
    with pytest.raises(SystemExit):
        split(*words)
    assert message in capsys.readouterr().err
