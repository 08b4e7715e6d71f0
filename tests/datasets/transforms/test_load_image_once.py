"""Frames from memory have the pixels of their files."""

import copy
import multiprocessing
import pickle
from typing import Any

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile

from mmseg_splashkd.datasets.transforms import LoadImageOnce, load_image_once


@pytest.fixture
def frames(tmp_path) -> list[str]:
    """Frames of 8 and 16 bits, with one and with three channels."""
    draw = np.random.default_rng(0)
    paths = []
    for kind, channels in ((np.uint8, 3), (np.uint16, 3), (np.uint8, 1)):
        image = draw.integers(0, np.iinfo(kind).max, (9, 7, channels)).astype(kind)
        paths.append(str(tmp_path / f"{len(paths)}.png"))
        cv2.imwrite(paths[-1], image)
    return paths


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The files that are decoded."""
    files: list[str] = []
    own = LoadImageFromFile.transform

    def noted(self: Any, results: dict) -> dict | None:
        files.append(results["img_path"])
        return own(self, results)

    monkeypatch.setattr(LoadImageFromFile, "transform", noted)
    return files


def loaded(transform: Any, path: str) -> dict:
    return transform.transform({"img_path": path})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_type": "unchanged"},
        {"color_type": "grayscale"},
        {"to_float32": True},
        {"imdecode_backend": "pillow"},
    ],
    ids=str,
)
def test_every_time_it_is_the_sample_of_the_host(frames, options, decoded):
    host, once = LoadImageFromFile(**options), LoadImageOnce(**options)
    for path in frames[:: 2 if "imdecode_backend" in options else 1]:
        expected = loaded(host, path)
        decoded.clear()
        for _ in range(3):
            found = loaded(once, path)
            assert found.keys() == expected.keys()
            assert found["img"].dtype == expected["img"].dtype
            np.testing.assert_array_equal(found["img"], expected["img"])
            assert found["img_shape"] == expected["img_shape"]
            assert found["ori_shape"] == expected["ori_shape"]
            found["img"][:] = 1  # as a transform in place
        assert decoded == [path]


def test_a_file_that_changed_is_read_again(frames):
    once = LoadImageOnce()
    loaded(once, frames[0])
    cv2.imwrite(frames[0], np.full((5, 6, 3), 7, np.uint8))
    assert loaded(once, frames[0])["img"].shape == (5, 6, 3)


def test_a_forked_worker_adds_for_all(frames, decoded):
    once = LoadImageOnce()
    worker = multiprocessing.get_context("fork").Process(
        target=loaded, args=(once, frames[0])
    )
    worker.start()
    worker.join()
    loaded(once, frames[0])
    assert decoded == []
    loaded(once, frames[1])
    assert decoded == frames[1:2]


def test_what_does_not_fit_is_decoded_each_time(frames, decoded, monkeypatch):
    warned: list[str] = []
    monkeypatch.setattr(load_image_once, "total_memory", lambda: 800)
    monkeypatch.setattr(load_image_once, "print_log", lambda t, **_: warned.append(t))
    once = LoadImageOnce(0.5)  # one frame of 189 bytes, with its head, fits
    for _ in range(2):
        for path in frames[::2]:
            loaded(once, path)
    assert decoded == [frames[0], frames[2], frames[2]]
    assert len(warned) == 1
    assert "memory_share=0.5 (0 MiB) is full" in warned[0]


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5, True])
def test_a_share_of_memory_is_between_zero_and_one(share):
    with pytest.raises(ValueError, match=r"memory_share=.* must lie in \(0, 1\)"):
        LoadImageOnce(share)


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda once: pickle.loads(pickle.dumps(once))],
    ids=["deepcopy", "pickle"],
)
def test_a_copy_has_a_memory_of_its_own(frames, copied, decoded):
    once = LoadImageOnce()
    loaded(once, frames[0])
    other = copied(once)
    decoded.clear()
    for _ in range(2):
        loaded(other, frames[0])
    assert decoded == frames[:1]


def test_a_missing_file_is_the_error_of_the_host(tmp_path):
    path = str(tmp_path / "nowhere.png")
    for transform in (LoadImageFromFile(), LoadImageOnce()):
        with pytest.raises(FileNotFoundError):
            loaded(transform, path)
    assert loaded(LoadImageOnce(ignore_empty=True), path) is None
