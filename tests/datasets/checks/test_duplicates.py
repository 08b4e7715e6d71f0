import io
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.checks import duplicates
from mmseg_splashkd.datasets.checks.duplicates import distance_limits, find_duplicates
from mmseg_splashkd.datasets.frames import Frame
from tests.datasets.checks.builders import frame


def find(parts, **arguments):
    return find_duplicates(parts, progress=False, **arguments)


def test_valid_data_set_has_no_duplicates(valid_parts):
    assert find(valid_parts) == duplicates.Duplicates([], [])


def as_jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return Image.open(buffer)


def with_noise(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).integers(-2, 3, (64, 80, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def test_frame_copied_from_train_into_test(valid_parts, train_frame):
    copy = valid_parts["test"][1].image
    shutil.copy(train_frame, copy)
    found = find(valid_parts)
    (pair,), (finding,) = found.pairs, found.findings
    assert (pair.exact, pair.distance, pair.parts) == (True, 0, ("train", "test"))
    assert (finding.level, finding.code) == ("error", "duplicate")
    assert finding.frames == (str(train_frame), copy)


@pytest.mark.parametrize("change", [as_jpeg, with_noise])
def test_every_changed_copy_is_found(valid_parts, change):
    for source, copy in zip(valid_parts["train"], valid_parts["val"], strict=False):
        change(Image.open(source.image)).save(copy.image)
    found = find(valid_parts)
    (finding,) = found.findings
    assert (finding.level, finding.code) == ("error", "near_duplicate")
    pairs = {(pair.first.image, pair.second.image) for pair in found.pairs}
    expected = zip(valid_parts["train"], valid_parts["val"], strict=False)
    assert pairs == {(source.image, copy.image) for source, copy in expected}


def test_copy_in_another_file_format_is_exact(valid_parts, train_frame):
    Image.open(train_frame).save(valid_parts["test"][0].image, "BMP")
    assert find(valid_parts).pairs[0].exact


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        (("train", "train"), "note"),
        (("val", "val"), "note"),
        (("val", "test"), "warning"),
    ],
)
def test_copies_within_a_part_or_between_val_and_test(valid_parts, parts, level):
    first, second = valid_parts[parts[0]][0], valid_parts[parts[1]][-1]
    shutil.copy(first.image, second.image)
    (finding,) = find(valid_parts).findings
    assert (finding.level, finding.code) == (level, "duplicate")


def test_frame_copied_twice_is_paired_within_and_across(valid_parts, train_frame):
    for part in ("train", "test"):
        copy = next(f.image for f in valid_parts[part] if f.image != str(train_frame))
        shutil.copy(train_frame, copy)
    levels = {(f.level, f.code) for f in find(valid_parts).findings}
    assert levels == {("note", "duplicate"), ("error", "duplicate")}


def test_black_and_damaged_frames_are_skipped(valid_parts):
    for part in ("train", "test"):
        Image.new("RGB", (80, 64)).save(valid_parts[part][0].image)
        Path(valid_parts[part][1].image).write_text("no frame")
    assert find(valid_parts).pairs == []


def test_path_in_two_parts_is_not_a_duplicate(valid_parts):
    assert find(valid_parts | {"test": valid_parts["train"][:2]}).pairs == []


@pytest.mark.parametrize(("bits", "expected"), [(100, 12), (32, 8), (16, 4), (15, -1)])
def test_limit_is_relative_to_the_distance_of_neighbours(bits, expected):
    hashes = np.zeros((6, 256), bool)
    hashes[1::2, :bits] = True
    frames = [frame(3 * i) for i in range(6)]
    assert distance_limits(frames, hashes).tolist() == [expected] * 6
    shuffled = [2, 0, 5, 3, 1, 4]
    frames = [frames[i] for i in shuffled]
    assert distance_limits(frames, hashes[shuffled]).tolist() == [expected] * 6
    apart = [replace(f, recording=f.image) for f in frames]
    assert distance_limits(apart, hashes[shuffled]).tolist() == [12] * 6


@pytest.mark.parametrize("place", [1, -1])
def test_copy_next_to_its_source_is_found(valid_parts, place):
    """Includes the last frame, which has no next neighbour."""
    train = valid_parts["train"]
    as_jpeg(Image.open(train[place - 1].image)).save(train[place].image)
    (pair,) = find({"train": train}).pairs
    assert (pair.first, pair.second) == (train[place - 1], train[place])


def test_still_scene_has_only_exact_duplicates(valid_parts, train_frame):
    """All frames differ by camera noise only."""
    still = np.asarray(Image.open(train_frame)).astype(int)
    rng = np.random.default_rng(0)
    frames = [f for part in valid_parts.values() for f in part]
    for f in frames:
        noisy = still + rng.normal(0, 3, still.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(f.image)
    (note,) = find(valid_parts).findings
    assert (note.level, note.code, len(note.frames)) == ("note", "still_scene", 27)
    assert find(valid_parts, threshold=12).pairs
    shutil.copy(train_frame, valid_parts["test"][0].image)
    assert {(f.level, f.code) for f in find(valid_parts).findings} == {
        ("error", "duplicate"),
        ("note", "still_scene"),
    }


def test_pairs_are_the_nearest_by_brute_force(monkeypatch):
    rng = np.random.default_rng(0)
    bits = rng.random((40, 256)) < 0.5
    bits[20:] = bits[:20] ^ (rng.random((20, 256)) < 0.04)
    names = np.array(["train", "test"])[rng.integers(0, 2, 40)]
    monkeypatch.setattr(duplicates, "BLOCK", 7)
    frames = [frame(i) for i in range(40)]
    found = duplicates._pairs(frames, names, bits, np.arange(40), np.full(40, 12))
    distance = (bits[:, None] != bits).sum(-1)
    expected = {
        (i, i + 20, int(distance[i, i + 20]))
        for i in range(20)
        if distance[i, i + 20] <= 12
    }
    assert 5 < len(expected) < 20
    index = {f.image: i for i, f in enumerate(frames)}
    assert expected == {
        (index[p.first.image], index[p.second.image], p.distance) for p in found
    }
    keys = [(p.parts[0] == p.parts[1], p.distance) for p in found]
    assert keys == sorted(keys)


def test_error_for_a_missing_library_names_the_extra(valid_parts, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[data\]'"):
        find(valid_parts)


def test_path_in_two_parts_counts_for_the_first(valid_parts, train_frame):
    shutil.copy(train_frame, valid_parts["test"][0].image)
    parts = valid_parts | {"test": [*valid_parts["test"], *valid_parts["train"]]}
    (pair,) = find(parts).pairs
    assert pair.parts == ("train", "test")


@pytest.mark.parametrize("limits", [[12, -1], [-1, 12], [12, 4]])
def test_pair_must_be_within_the_limits_of_both_frames(limits):
    bits = np.zeros((2, 256), bool)
    bits[1, :5] = True
    arguments = ([frame(0), frame(3)], np.array(["train", "test"]), bits, np.arange(2))
    assert duplicates._pairs(*arguments, np.array(limits)) == []
    assert len(duplicates._pairs(*arguments, np.array([12, 5]))) == 1


def test_frames_without_time_have_an_absolute_limit_and_no_still_scene():
    frames = [Frame("sea", -1, f"{n}.jpg", f"{n}.png") for n in range(3)]
    bits = np.zeros((3, duplicates.BITS), bool)
    assert duplicates.distance_limits(frames, bits).tolist() == [12, 12, 12]
    timed = [replace(frame, timestamp=n) for n, frame in enumerate(frames)]
    assert duplicates.distance_limits(timed, bits).tolist() == [-1, -1, -1]
