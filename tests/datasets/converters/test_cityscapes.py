from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.converters.cityscapes import read_cityscapes
from mmseg_splashkd.datasets.converters.writer import write_items
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.time_split import TimeSplitDataset
from tests.datasets.builders import write_frame, write_label

CODING = load_label_coding("cityscapes")
SECOND, DAY = 10**9, 86_400 * 10**9
FRAMES = [
    "train/aachen/aachen_000000_000019",
    "train/aachen/aachen_000001_000019",
    "train/bad-honnef/bad-honnef_000000_000034",
    "train_extra/augsburg/augsburg_000000_000019",
    "val/munster/munster_000007_000000",
    "test/berlin/berlin_000000_000017",
]
# Of the benchmark's evaluation, in the order of trainIds.
LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


def draw(
    root: Path,
    images: str = "leftImg8bit",
    labels: str = "gtFine",
    image_suffix: str = "_leftImg8bit.png",
    label_suffix: str = "_gtFine_labelIds.png",
) -> Path:
    for seed, stem in enumerate(FRAMES):
        write_frame(root / images / f"{stem}{image_suffix}", seed)
        label = np.full((12, 16), seed + 5, np.uint8)
        write_label(root / labels / f"{stem}{label_suffix}", label)
    return root


@pytest.fixture
def src(tmp_path: Path) -> Path:
    return draw(tmp_path / "src")


def test_sequences_are_recordings_a_day_apart(src):
    items = read_cityscapes(src)
    assert [(i.recording, i.timestamp - 10**18, i.split) for i in items] == [
        ("aachen_000000", 1_117_647_059, "train"),
        ("aachen_000001", DAY + 1_117_647_059, "train"),
        ("bad-honnef_000000", 2 * DAY + 2 * SECOND, "train"),
        ("munster_000007", 4 * DAY, "val"),
        ("berlin_000000", 3 * DAY + SECOND, "test"),
    ]
    for number, item in zip((0, 1, 2, 4, 5), items, strict=True):
        assert item.image == src / "leftImg8bit" / f"{FRAMES[number]}_leftImg8bit.png"
        assert item.label
        assert item.label()[0, 0] == number + 5


def test_the_split_dataset_reads_the_parts(src, tmp_path):
    table = write_items(read_cityscapes(src), tmp_path / "dst", CODING, about={})
    for split, count in (("train", 3), ("val", 1), ("test", 1)):
        dataset = TimeSplitDataset(
            split, split_table=str(table), label_coding="cityscapes"
        )
        assert len(dataset) == count


def test_train_extra_is_read_as_train(src):
    items = read_cityscapes(src, splits=["train_extra", "val"])
    assert [(item.recording, item.split) for item in items] == [
        ("augsburg_000000", "train"),
        ("munster_000007", "val"),
    ]


def test_cities_can_be_recordings(src, tmp_path):
    items = read_cityscapes(src, splits=["val", "test"], recording="city")
    assert [(i.recording, i.timestamp - 10**18) for i in items] == [
        ("munster", DAY),
        ("berlin", SECOND),
    ]
    items = read_cityscapes(src, recording="city")  # both of Aachen are frame 19
    with pytest.raises(ValueError, match=r"0000_000019_.*0001_000019_.* same time"):
        write_items(items, tmp_path / "dst", CODING, about={})


def test_other_folders_and_suffixes(tmp_path):
    names = ("rgb/fog", "gt/fog", "_rgb.jpg", "_ids.png")
    options = ("image_folder", "label_folder", "image_suffix", "label_suffix")
    root = draw(tmp_path / "other", *names)
    items = read_cityscapes(root, **dict(zip(options, names, strict=True)), fps="10")
    assert len(items) == 5
    assert items[0].timestamp - 10**18 == 1_900_000_000
    assert all(item.label for item in items)


def test_frames_may_lack_a_label_but_not_all(src, tmp_path):
    label = src / "gtFine" / f"{FRAMES[0]}_gtFine_labelIds.png"
    label.unlink()
    items = read_cityscapes(src)
    assert [item.label is None for item in items] == [True] + [False] * 4
    table = write_items(items, tmp_path / "dst", CODING, about={})
    assert [bool(frame.label) for frame in read_table(table)] == [False] + [True] * 4
    with pytest.raises(FileNotFoundError, match=r"no label \*_labels\.png in"):
        read_cityscapes(src, label_suffix="_labels.png")
    with pytest.raises(FileNotFoundError, match=r"no frame \*_rgb\.png in"):
        read_cityscapes(src, image_suffix="_rgb.png")


def test_other_layouts_are_rejected(src, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"leftImg8bit is not a folder.*holds src"
    ):
        read_cityscapes(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"gtCoarse is not a folder.*leftImg8bit"
    ):
        read_cityscapes(src, label_folder="gtCoarse")
    (src / "leftImg8bit" / "val").rename(src / "leftImg8bit" / "valid")
    assert len(read_cityscapes(src)) == 4
    with pytest.raises(FileNotFoundError, match=r"val is not a folder; .* test, train"):
        read_cityscapes(src, splits=["val"])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"splits": ["train", "valid"]}, r"splits='valid' is not one of"),
        ({"recording": "video"}, "recording='video' is not one of"),
        ({"fps": 0}, "fps=0 must be above 0"),
    ],
)
def test_bad_options_are_rejected(src, options: dict, match: str):
    with pytest.raises(ValueError, match=match):
        read_cityscapes(src, **options)


def test_invalid_names_are_rejected(src):
    write_frame(src / "leftImg8bit" / "val" / "ulm" / "ulm_19_leftImg8bit.png", 0)
    with pytest.raises(ValueError, match=r"ulm_19_leftImg8bit\.png: 'ulm_19' does not"):
        read_cityscapes(src)


def test_the_coding_is_that_of_the_benchmark():
    assert len(CODING.classes) == 19
    gray = np.arange(256, dtype=np.uint8)[None]
    label_ids = [*range(34), 255]
    train_ids = CODING.to_train_ids(gray[:, label_ids], "")[0]
    expected = {label_id: i for i, label_id in enumerate(LABEL_IDS)}
    assert train_ids.tolist() == [expected.get(label_id, 255) for label_id in label_ids]
    back = CODING.to_gray(np.array([[*range(19), 255]], np.uint8))
    assert back.tolist() == [[*LABEL_IDS, 0]]
    with pytest.raises(ValueError, match=r"34 \(1 pixels\)"):
        CODING.to_train_ids(gray, "")


def test_other_names_in_this_layout_tell_the_time(tmp_path):
    images, labels = tmp_path / "leftImg8bit", tmp_path / "gtFine"
    for second in (1, 0):
        stem = f"train/pier/170000000{second}"
        write_frame(images / f"{stem}_leftImg8bit.png", second)
        label = np.full((12, 16), 7, np.uint8)
        write_label(labels / f"{stem}_gtFine_labelIds.png", label)
    items = read_cityscapes(tmp_path, timestamp="seconds")
    start = 1_700_000_000 * SECOND
    found = [(item.recording, item.timestamp) for item in items]
    assert found == [("pier", start), ("pier", start + SECOND)]
    with pytest.raises(ValueError, match="recording=city and fps=None are of"):
        read_cityscapes(tmp_path, timestamp="seconds", recording="city")
