"""A store returns what was written, and refuses damaged or foreign files."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_splashkd.teacher_cache import store as store_module
from mmseg_splashkd.teacher_cache.store import (
    CHECKSUMS,
    HEADER,
    LOGITS,
    LogitStore,
    create_store,
    locked,
    pixel_checksum,
    read_header,
    store_size,
    write_header,
)
from tests.forks import fork, join

SHAPE = [3, 2, 2, 4, 5]  # frames, views, classes, h, w


def logits(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(count, *SHAPE[2:], generator=generator)


@pytest.fixture
def folder(tmp_path) -> Path:
    create_store(tmp_path / "cache", {"shape": SHAPE})
    return tmp_path / "cache"


@pytest.fixture
def full(folder) -> Path:
    """A complete store; the checksum of view v of frame f is 10 f + v + 1."""
    store = LogitStore(folder, "r+")
    places = store.missing()
    store.add(places, logits(6), [10 * f + v + 1 for f, v in places])
    return folder


def test_logits_are_read_back_in_half_precision(full):
    store = LogitStore(full)

    assert store.missing() == []
    for row, (frame, view) in enumerate([(f, v) for f in range(3) for v in range(2)]):
        read = store.read(frame, view, 10 * frame + view + 1)
        assert read.dtype == np.float16
        assert np.array_equal(read, logits(6)[row].half().numpy())


def test_missing_views_are_listed(folder):
    store = LogitStore(folder, "r+")
    store.add([(0, 1), (2, 0)], logits(2), [5, 6])

    assert LogitStore(folder).missing() == [(0, 0), (1, 0), (1, 1), (2, 1)]
    with pytest.raises(RuntimeError, match="no logits for view 0 of frame 0"):
        LogitStore(folder).read(0, 0, 5)


def test_logits_of_other_pixels_are_refused(full):
    with pytest.raises(RuntimeError, match=r"view 1 of frame 2 has other pixels"):
        LogitStore(full).read(2, 1, 21)


def test_logits_that_overflow_half_precision_are_refused(folder):
    with pytest.raises(ValueError, match=r"overflow fp16 \(largest: 1e\+05\)"):
        LogitStore(folder, "r+").add([(0, 0)], torch.full((1, 2, 4, 5), 1e5), [1])
    assert len(LogitStore(folder).missing()) == 6


def test_checksums_differ_between_pixels_and_are_never_zero():
    black = torch.zeros(3, 4, 5, dtype=torch.uint8)
    other = black.clone()
    other[1, 2, 3] = 1

    assert (
        pixel_checksum(black) == pixel_checksum(black.clone()) != pixel_checksum(other)
    )
    assert pixel_checksum(black) > 0
    turned = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3).permute(2, 0, 1)
    assert pixel_checksum(turned) == pixel_checksum(turned.contiguous())


def test_size_is_that_of_the_files(full):
    data = sum((full / name).stat().st_size for name in (LOGITS, CHECKSUMS))
    assert store_size(SHAPE) == data - 2 * 128  # NumPy's headers


# Invalid stores.


def test_the_error_without_a_store_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist.*cache_teacher\.py"):
        LogitStore(tmp_path / "nowhere")


def test_a_store_of_another_format_is_refused(full):
    write_header(full, {**read_header(full), "format": 99})
    with pytest.raises(ValueError, match="has format 99"):
        LogitStore(full)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"'])
def test_an_unreadable_header_is_refused(full, text):
    (full / HEADER).write_text(text)
    with pytest.raises(ValueError, match="no readable header"):
        LogitStore(full)


@pytest.mark.parametrize("name", [LOGITS, CHECKSUMS])
def test_damaged_files_are_refused(full, name):
    whole = (full / name).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"x" * 300):
        (full / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=r"is damaged.*Remove it"):
            LogitStore(full)
    (full / name).unlink()
    with pytest.raises(ValueError, match="is damaged"):
        LogitStore(full)


def test_a_header_of_another_shape_is_refused(full):
    header = json.loads((full / HEADER).read_text())
    write_header(full, {**header, "shape": [4, *SHAPE[1:]]})
    with pytest.raises(ValueError, match="differ in size"):
        LogitStore(full)


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(OSError, match=r"needs .* MiB.*reduce teacher_cache.views"):
        create_store(tmp_path / "cache", {"shape": SHAPE})
    assert not (tmp_path / "cache" / HEADER).exists()
    assert store_module.shutil is shutil


# Several processes.


def read_all(number: int, folder: Path) -> None:
    store = LogitStore(folder)
    rows = [store.read(f, v, 10 * f + v + 1) for f in range(3) for v in range(2)]
    total = float(np.stack(rows).astype(np.float64).sum())
    (folder / f"sum{number}").write_text(repr(total))


@pytest.mark.slow
def test_two_processes_read_the_same_store(full):
    reader = fork(read_all, full)
    read_all(1, full)
    join(reader)
    sums = [float((full / f"sum{number}").read_text()) for number in range(2)]
    assert sums == [float(logits(6).half().double().sum())] * 2


def test_one_builder_at_a_time(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(BlockingIOError, match="another process builds"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass
