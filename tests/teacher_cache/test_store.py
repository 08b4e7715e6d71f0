"""SegOutputs on disk: what was written is read, and nothing else passes for it."""

import json
import multiprocessing
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_splashkd.teacher_cache import store as answer_store
from mmseg_splashkd.teacher_cache.store import (
    ANSWERS,
    DIGESTS,
    HEADER,
    LogitStore,
    create_store,
    digest,
    locked,
    read_header,
    size_of,
    write_header,
)

SHAPE = [3, 2, 2, 4, 5]  # frames, views, classes, h, w


def answers(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.randn(count, *SHAPE[2:], generator=generator)


@pytest.fixture
def folder(tmp_path) -> Path:
    create_store(tmp_path / "cache", {"shape": SHAPE})
    return tmp_path / "cache"


@pytest.fixture
def full(folder) -> Path:
    """A store with all answers; the checksum of view v of frame f is 10 f + v + 1."""
    store = LogitStore(folder, "r+")
    places = store.missing()
    store.add(places, answers(6), [10 * f + v + 1 for f, v in places])
    return folder


def test_answers_come_back_in_half_precision(full):
    store = LogitStore(full)

    assert store.missing() == []
    for row, (frame, view) in enumerate([(f, v) for f in range(3) for v in range(2)]):
        read = store.read(frame, view, 10 * frame + view + 1)
        assert read.dtype == np.float16
        assert np.array_equal(read, answers(6)[row].half().numpy())


def test_what_is_missing_is_known(folder):
    store = LogitStore(folder, "r+")
    store.add([(0, 1), (2, 0)], answers(2), [5, 6])

    assert LogitStore(folder).missing() == [(0, 0), (1, 0), (1, 1), (2, 1)]
    with pytest.raises(RuntimeError, match="no answer to view 0 of frame 0"):
        LogitStore(folder).read(0, 0, 5)


def test_an_answer_to_other_pixels_is_refused(full):
    with pytest.raises(RuntimeError, match=r"view 1 of frame 2 has other pixels"):
        LogitStore(full).read(2, 1, 21)


def test_an_answer_without_a_half_precision_value_is_refused(folder):
    with pytest.raises(ValueError, match=r"no fp16 value \(largest: 1e\+05\)"):
        LogitStore(folder, "r+").add([(0, 0)], torch.full((1, 2, 4, 5), 1e5), [1])
    assert len(LogitStore(folder).missing()) == 6


def test_a_checksum_tells_pixels_apart_and_is_never_that_of_nothing():
    black = torch.zeros(3, 4, 5, dtype=torch.uint8)
    other = black.clone()
    other[1, 2, 3] = 1

    assert digest(black) == digest(black.clone()) != digest(other)
    assert digest(black) > 0
    turned = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3).permute(2, 0, 1)
    assert digest(turned) == digest(turned.contiguous())


def test_size_is_that_of_the_files(full):
    data = sum((full / name).stat().st_size for name in (ANSWERS, DIGESTS))
    assert size_of(SHAPE) == data - 2 * 128  # NumPy's headers


# What is no store.


def test_no_store_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist.*cache_teacher\.py"):
        LogitStore(tmp_path / "nowhere")


def test_a_store_of_another_format_is_refused(full):
    write_header(full, {**read_header(full), "format": 99})
    with pytest.raises(ValueError, match="is of format 99"):
        LogitStore(full)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"'])
def test_an_unreadable_header_is_refused(full, text):
    (full / HEADER).write_text(text)
    with pytest.raises(ValueError, match="no readable header"):
        LogitStore(full)


@pytest.mark.parametrize("name", [ANSWERS, DIGESTS])
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
    with pytest.raises(OSError, match=r"needs .* MiB.*fewer views"):
        create_store(tmp_path / "cache", {"shape": SHAPE})
    assert not (tmp_path / "cache" / HEADER).exists()
    assert answer_store.shutil is shutil


# Several processes.


def read_all(folder: Path, queue) -> None:
    store = LogitStore(folder)
    rows = [store.read(f, v, 10 * f + v + 1) for f in range(3) for v in range(2)]
    queue.put(float(np.stack(rows).astype(np.float64).sum()))


@pytest.mark.slow
def test_several_processes_read_at_once(full):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    readers = [context.Process(target=read_all, args=(full, queue)) for _ in range(2)]
    for reader in readers:
        reader.start()
    sums = [queue.get(timeout=120) for _ in readers]
    for reader in readers:
        reader.join()
    assert sums == [float(answers(6).half().double().sum())] * 2


def test_one_builder_at_a_time(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(BlockingIOError, match="another process builds"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass
