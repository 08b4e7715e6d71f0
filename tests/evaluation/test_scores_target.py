"""Files of tests: none replaces another."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_splashkd.evaluation.frame_scores import FrameScores, save_scores
from mmseg_splashkd.evaluation.scores_target import scores_target
from tests.statistics.builders import tiny

TEST = {
    "checkpoint": "runs/weights_kd_best.safetensors",
    "checkpoint_sha256": "a",
    "setting": "s",
    "threshold": None,
    "tta": False,
    "split": "test",
    "fold": None,
}


def written(path: Path, **about: object) -> FrameScores:
    scores = replace(tiny([[8, 2], [1, 9]], 4), about={**TEST, **about})
    save_scores(scores, path)
    return scores


def target(path: Path, named: bool = False, frames: int = 4, **about: object) -> Path:
    names = [f"elsewhere/{n:04}.png" for n in range(frames)]
    return scores_target(path, named, {**TEST, **about}, names)


def test_a_free_file_and_the_same_test(tmp_path: Path):
    path = tmp_path / "scores.npz"
    assert target(path, named=True) == path
    written(path)
    # Where the frames are is not what the test is.
    assert target(path, named=True, checkpoint="moved/w.pth") == path


@pytest.mark.parametrize(
    ("about", "name"),
    [
        ({"checkpoint_sha256": "b"}, "scores_weights_kd_best.npz"),
        ({"threshold": 0.25}, "scores_weights_kd_best_p0.2500.npz"),
        ({"tta": True}, "scores_weights_kd_best_tta.npz"),
        ({"split": "val", "fold": 2}, "scores_weights_kd_best_val_fold2.npz"),
        ({"setting": "t"}, "scores_weights_kd_best.npz"),
        ({"frames": 3}, "scores_weights_kd_best.npz"),
    ],
)
def test_another_test_gets_a_file_of_its_own(tmp_path: Path, about: dict, name: str):
    path = tmp_path / "scores.npz"
    written(path)
    assert target(path, **about) == tmp_path / name
    with pytest.raises(
        FileExistsError,
        match=r"--scores .*scores\.npz holds the scores of weights_kd_best, which is "
        r"another test: give another file, or delete this one",
    ):
        target(path, named=True, **about)


def test_every_further_test_is_kept(tmp_path: Path):
    path = tmp_path / "scores.npz"
    written(path)
    first = target(path, checkpoint_sha256="b")
    written(first, checkpoint_sha256="b")
    second = target(path, checkpoint_sha256="c")
    assert second.name == "scores_weights_kd_best_2.npz"
    assert target(path, checkpoint_sha256="b") == first


def test_what_is_no_scores_is_kept(tmp_path: Path):
    path = tmp_path / "scores.npz"
    path.write_text("thesis")
    assert target(path).name == "scores_weights_kd_best.npz"
    with pytest.raises(FileExistsError, match="holds no scores"):
        target(path, named=True)


def test_scores_without_hashes_are_told_apart_by_their_run(tmp_path: Path):
    path = tmp_path / "scores.npz"
    old = {"run": "kd", "iteration": 9, "weights": "best", "seed": 0}
    scores = written(path)
    about = {key: TEST[key] for key in ("threshold", "tta", "split", "fold")}
    save_scores(replace(scores, about={**about, **old}), path)
    assert target(path, **old) == path
    assert target(path, **{**old, "iteration": 8}) != path
