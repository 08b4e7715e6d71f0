import os
from pathlib import Path

import pytest

from mmseg_splashkd.records.checkpoints import newest_first


def leave(work_dir: Path, *names: str, pointer: str | None = None) -> None:
    """Leave files, each written one second after the one before it."""
    written = (*names, "last_checkpoint") if pointer else names
    for second, name in enumerate(written):
        path = work_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pointer or "" if name == "last_checkpoint" else "")
        os.utime(path, (second, second))


def names(work_dir: Path) -> list[str]:
    found = newest_first(work_dir)
    return [os.path.relpath(path, work_dir) for path in found]


@pytest.mark.parametrize(
    ("files", "pointer", "expected"),
    [
        ("iter_2 iter_10", None, "iter_10 iter_2"),
        ("iter_10 iter_2", "iter_99", "iter_10 iter_2"),  # removed, as by mmengine
        # By ``filename_tmpl``
        ("ckpt_2 ckpt_10 iter_90", "ckpt_10", "ckpt_10 ckpt_2 iter_90"),
        ("ckpt_2 ckpt_4", "ckpt_8", "ckpt_4 ckpt_2"),
        ("latest other", "latest", "latest"),
        # Published, best and other files are no checkpoints
        ("iter_2 iter_2-0a1b2c99 best_mIoU_iter_8 w8", "iter_2", "iter_2"),
        # Numbers of epochs and iterations do not compare
        ("iter_200 epoch_1 epoch_2", "epoch_2", "epoch_2 epoch_1 iter_200"),
        # The run went on from iteration 2, though 8 was there
        ("iter_2 iter_8 iter_4", "iter_4", "iter_4 iter_2 iter_8"),
    ],
)
def test_newest_first(tmp_path, files, pointer, expected):
    pointer = pointer and f"{pointer}.pth"
    leave(tmp_path, *(f"{name}.pth" for name in files.split()), pointer=pointer)
    assert names(tmp_path) == [f"{name}.pth" for name in expected.split()]


@pytest.mark.parametrize(
    "content", [b"", bytes(9), b"\xff\xfe\x00", b"iter_4.pth\n\nx", b"x" * 10_000]
)
def test_a_damaged_pointer_is_none(tmp_path, content):
    leave(tmp_path, "iter_2.pth", "iter_4.pth")
    (tmp_path / "last_checkpoint").write_bytes(content)
    assert [path.name for path in newest_first(tmp_path)] == [
        "iter_4.pth",
        "iter_2.pth",
    ]


def test_a_run_that_was_killed_before_it_wrote_the_pointer(tmp_path):
    leave(tmp_path, "iter_2.pth", pointer="iter_2.pth")
    leave(tmp_path, "a", "b", "iter_4.pth")
    assert names(tmp_path) == ["iter_4.pth", "iter_2.pth"]


def test_checkpoints_of_another_folder(tmp_path):
    run = tmp_path / "run"
    leave(run, "x", pointer="../out/run/iter_4.pth")
    leave(tmp_path / "out" / "run", "iter_2.pth", "iter_4.pth")
    assert names(run) == ["../out/run/iter_4.pth", "../out/run/iter_2.pth"]
    assert all(".." not in path.parts for path in newest_first(run))


def test_a_folder_that_is_not_there(tmp_path):
    assert newest_first(tmp_path / "run") == []
