from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.checks import check_files, class_pixels
from mmseg_splashkd.datasets.label_coding import SPLASH, LabelCoding
from mmseg_splashkd.datasets.timestamps import NO_TIME
from tests.datasets.builders import halve, write_label
from tests.datasets.checks.builders import finding_of

CODING = LabelCoding(
    ("water", "splash"), [[8, 8, 8], [9, 9, 9]], {0: 0, 255: 1, 9: 255}
)


def check(parts, coding=SPLASH):
    return check_files(parts, coding, progress=False)


def label_of(image: Path) -> Path:
    return image.parents[1] / "labels" / image.name


def only_finding(parts, image, code, level, coding=SPLASH) -> str:
    """Message of the single finding, which concerns one frame."""
    (finding,) = check(parts, coding).findings
    assert (finding.code, finding.level) == (code, level)
    assert finding.frames == (str(image),)
    return finding.message


def test_valid_data_set_has_no_findings(valid_parts):
    assert check(valid_parts).findings == []


def test_truncated_png(valid_parts, train_frame):
    halve(train_frame)
    message = only_finding(valid_parts, train_frame, "unreadable_image", "error")
    assert "truncated" in message


def test_truncated_jpeg(valid_parts, train_frame):
    name = train_frame.with_suffix(".jpg")
    Image.open(train_frame).save(name)
    name.write_bytes(name.read_bytes()[:-100])  # the header is intact
    train = [
        replace(f, image=str(name)) if f.image == str(train_frame) else f
        for f in valid_parts["train"]
    ]
    only_finding(valid_parts | {"train": train}, name, "unreadable_image", "error")


def test_text_file_as_frame(valid_parts, train_frame):
    train_frame.write_text("a frame")
    only_finding(valid_parts, train_frame, "unreadable_image", "error")


def test_truncated_label(valid_parts, train_frame):
    halve(label_of(train_frame))
    only_finding(valid_parts, train_frame, "unreadable_label", "error")


def test_label_with_another_size(valid_parts, train_frame):
    parts = relabel(valid_parts, train_frame, np.zeros((32, 80), np.uint8))
    message = only_finding(parts, train_frame, "size_mismatch", "error")
    assert message == "label is 80x32, frame is 80x64"


def test_value_outside_the_table(valid_parts, train_frame):
    label = np.zeros((64, 80), np.uint8)
    label[:2, :3] = 7
    write_label(label_of(train_frame), label)
    message = only_finding(valid_parts, train_frame, "unknown_value", "error")
    assert message.startswith(f"label {train_frame.name}: ")
    assert "7 (6 pixels)" in message


def test_colour_label(valid_parts, train_frame):
    write_label(label_of(train_frame), np.zeros((64, 80, 3), np.uint8))
    only_finding(valid_parts, train_frame, "unknown_value", "error")


def relabel(parts, image, label):
    """Write a label, and return the parts with its splash share."""
    write_label(label_of(image), label)
    share = float((label == 255).sum() / max(1, (label != 9).sum()))
    return {
        part: [
            replace(f, splash_share=share) if f.image == str(image) else f
            for f in frames
        ]
        for part, frames in parts.items()
    }


def test_label_with_only_ignored_pixels(valid_parts, train_frame):
    parts = relabel(valid_parts, train_frame, np.full((64, 80), 9, np.uint8))
    only_finding(parts, train_frame, "all_ignored", "error", CODING)


@pytest.mark.parametrize(("rows", "found"), [(32, 0), (33, 1), (64, 1)])
def test_label_with_mostly_splash(valid_parts, train_frame, rows, found):
    label = np.zeros((64, 80), np.uint8)
    label[:rows] = 255
    parts = relabel(valid_parts, train_frame, label)
    if found:
        only_finding(parts, train_frame, "mostly_splash", "warning")
    else:
        assert check(parts).findings == []


def test_ignored_pixels_do_not_count_for_mostly_splash(valid_parts, train_frame):
    label = np.full((64, 80), 9, np.uint8)
    label[:4], label[4:6] = 255, 0
    parts = relabel(valid_parts, train_frame, label)
    message = only_finding(parts, train_frame, "mostly_splash", "warning", CODING)
    assert message.startswith("67% of the label is splash")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_black_frame(valid_parts, train_frame, suffix):
    name = train_frame.with_suffix(suffix)
    Image.new("RGB", (80, 64), (16, 16, 16)).save(name)
    name.replace(train_frame)
    message = only_finding(valid_parts, train_frame, "constant_frame", "warning")
    assert message == "all pixels have the colour (16, 16, 16)"


def test_two_sizes_in_a_recording(valid_parts, train_frame):
    Image.open(train_frame).resize((40, 32)).save(train_frame)
    write_label(label_of(train_frame), np.zeros((32, 40), np.uint8))
    finding = finding_of(check(valid_parts).findings, "several_sizes")
    assert (finding.level, finding.frames) == ("warning", (str(train_frame),))
    assert finding.message.endswith("has 2 frame sizes: 80x64 (26), 40x32 (1)")


def test_the_commonest_of_many_sizes_are_listed(valid_parts):
    for i, frame in enumerate(valid_parts["train"][:7]):
        Image.open(frame.image).resize((20 + i, 64)).save(frame.image)
    finding = finding_of(check(valid_parts).findings, "several_sizes")
    sizes = "80x64 (20), 20x64 (1), 21x64 (1), 22x64 (1), 23x64 (1)"
    assert finding.message.endswith(f"8 frame sizes: {sizes}, and 3 other sizes")
    assert len(finding.frames) == 7


def test_photos_may_differ_in_size(valid_parts, train_frame):
    Image.open(train_frame).resize((40, 32)).save(train_frame)
    write_label(label_of(train_frame), np.zeros((32, 40), np.uint8))
    photos = {
        part: [replace(frame, timestamp=NO_TIME) for frame in frames]
        for part, frames in valid_parts.items()
    }
    codes = {finding.code for finding in check(photos).findings}
    assert "several_sizes" not in codes


@pytest.mark.parametrize("labelled", [True, False])
def test_frame_with_exif_orientation(valid_parts, train_frame, labelled):
    exif = Image.Exif()
    exif[274] = 3  # rotation by 180 degrees keeps the size
    Image.open(train_frame).save(train_frame, exif=exif)
    if not labelled:
        valid_parts["train"] = [replace(f, label="") for f in valid_parts["train"]]
    level = "error" if labelled else "warning"
    only_finding(valid_parts, train_frame, "turned_frame", level)


def test_upright_exif_orientation_is_accepted(valid_parts, train_frame):
    exif = Image.Exif()
    exif[274] = 1
    Image.open(train_frame).save(train_frame, exif=exif)
    assert check(valid_parts).findings == []


def test_table_with_another_share(valid_parts, train_frame):
    write_label(label_of(train_frame), np.zeros((64, 80), np.uint8))
    only_finding(valid_parts, train_frame, "stale_share", "warning")


def test_part_without_a_class(valid_parts):
    coding = LabelCoding(
        ("net", "splash", "water"), [[3, 3, 3], [1, 1, 1], [2, 2, 2]], {0: 2, 255: 1}
    )
    valid_parts = {
        part: [replace(f, splash_share=None) for f in frames]
        for part, frames in valid_parts.items()
    }
    report = check_files(valid_parts, coding, focus=1, progress=False)
    messages = [f.message for f in report.findings if f.code == "no_class"]
    assert messages == [f"{part} has no pixel of net" for part in valid_parts]


def test_missing_files_are_left_to_check_parts(valid_parts, train_frame):
    train_frame.unlink()
    label_of(train_frame).unlink()
    report = check(valid_parts)
    assert report.findings == []
    assert report.facts[str(train_frame)].size is None


def test_shares_and_pixels_are_those_of_the_labels(valid_parts):
    forgotten = {
        part: [replace(f, splash_share=None) for f in frames]
        for part, frames in valid_parts.items()
    }
    report = check(forgotten)
    measured = report.measured(forgotten)
    for part, frames in valid_parts.items():
        shares = [f.splash_share for f in measured[part]]
        assert shares == pytest.approx([f.splash_share for f in frames], abs=1e-6)
    pixels = class_pixels(valid_parts, report.facts, 2)
    labels = [np.asarray(Image.open(f.label)) for f in valid_parts["val"]]
    splash = sum(int((label == 255).sum()) for label in labels)
    assert pixels["val"].tolist() == [6 * 64 * 80 - splash, splash]


def test_labels_are_optional(valid_parts):
    bare = {
        part: [replace(f, label="") for f in frames]
        for part, frames in valid_parts.items()
    }
    report = check(bare)
    assert report.findings == []
    assert {fact.share for fact in report.facts.values()} == {None}


def test_missing_focus_class_is_left_to_check_parts(valid_parts):
    bare = {
        part: [replace(f, splash_share=None) for f in frames]
        for part, frames in valid_parts.items()
    }
    for f in bare["val"]:
        write_label(Path(f.label), np.zeros((64, 80), np.uint8))
    report = check(bare)
    assert report.findings == []
    assert {f.splash_share for f in report.measured(bare)["val"]} == {0}


def test_no_default_focus_class_without_a_class_named_splash(valid_parts, train_frame):
    coding = replace(SPLASH, classes=("splashless", "water"))
    label = np.full((64, 80), 255, np.uint8)
    parts = relabel(valid_parts, train_frame, label)
    assert check_files(parts, coding, progress=False).findings == []
    found = check_files(parts, coding, focus=1, progress=False).findings
    assert [finding.code for finding in found] == ["mostly_splash"]
    assert "is water: are its values swapped?" in found[0].message


def test_shares_are_of_pixels_that_are_not_ignored(valid_parts, train_frame):
    label = np.full((64, 80), 9, np.uint8)
    label[:8], label[8:32] = 255, 0
    report = check_files(
        relabel(valid_parts, train_frame, label), CODING, progress=False
    )
    assert report.facts[str(train_frame)].share == 0.25
    assert report.findings == []
