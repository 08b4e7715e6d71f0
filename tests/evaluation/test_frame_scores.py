from dataclasses import replace

import numpy as np
import pytest
import torch

from mmseg_splashkd.evaluation.frame_scores import (
    BINS,
    FrameScores,
    focus_index,
    load_scores,
    probability_histogram,
    save_scores,
)
from tests.evaluation.helpers import frame_scores


def test_histogram_agrees_with_numpy_on_the_valid_pixels():
    generator = torch.Generator().manual_seed(0)
    probability = torch.rand(17, 23, generator=generator)
    label = torch.randint(3, (17, 23), generator=generator)
    label[3:5] = 255
    found = probability_histogram(probability, label, class_id=1, num_classes=3)
    edges = np.arange(BINS + 1) / BINS
    for row, mask in enumerate(((label != 1) & (label != 255), label == 1)):
        expected, _ = np.histogram(probability[mask], edges)
        assert np.array_equal(found[row], expected)
    assert found.sum() == (label != 255).sum()


def test_bins_hold_their_lower_edge_and_the_last_holds_one():
    probability = torch.tensor([[0.0, 1 / 256, 0.5, 255 / 256, 1.0]])
    below = torch.nextafter(probability[:, 2:3], torch.zeros(1))
    probability = torch.cat([probability, below], 1)
    label = torch.ones(1, 6, dtype=torch.uint8)
    found = probability_histogram(probability, label, 1, 2)
    assert found[1].nonzero().squeeze(1).tolist() == [0, 1, 127, 128, 255]
    assert found[1, 255] == 2
    assert not found[0].any()


def test_a_label_that_is_no_class_is_refused():
    with pytest.raises(ValueError, match="label holds"):
        probability_histogram(torch.zeros(1, 1), torch.full((1, 1), 2), 1, 2)
    with pytest.raises(ValueError, match="label has shape"):
        probability_histogram(torch.zeros(1, 1), torch.zeros(1, 2), 1, 2)


def test_scores_round_trip_through_a_file(tmp_path):
    rng = np.random.default_rng(0)
    scores = FrameScores(
        confusion=rng.integers(2**40, size=(3, 2, 2)),
        histogram=rng.integers(9, size=(3, 2, BINS)),
        frames=("a/1.png", "a/2.png", "b/1.png"),
        recordings=("a", "a", "b"),
        timestamps=np.array([1, 2**60, -1]),
        classes=("water", "splash"),
        focus="splash",
        about={"run": "r", "seed": 0, "fold": None},
    )
    path = save_scores(scores, tmp_path / "new" / "scores.npz")
    loaded = load_scores(path)
    for name in ("confusion", "histogram", "timestamps"):
        assert np.array_equal(getattr(loaded, name), getattr(scores, name)), name
    for name in ("frames", "recordings", "classes", "focus", "about"):
        assert getattr(loaded, name) == getattr(scores, name), name
    assert len(loaded) == 3
    assert loaded.focus_index == 1
    assert list(path.parent.iterdir()) == [path]


def test_scores_without_probabilities_are_loaded_without(tmp_path):
    path = save_scores(frame_scores([(1, 0, 0, 2)]), tmp_path / "scores.npz")
    assert load_scores(path).histogram is None


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = save_scores(frame_scores([(1, 0, 0, 2)]), tmp_path / "scores.npz")

    def fail(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(KeyboardInterrupt):
        save_scores(frame_scores([(9, 9, 9, 9)]), path)
    assert load_scores(path).confusion.tolist() == [[[1, 0], [0, 2]]]
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_not_scores_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="do not exist: tools/train"):
        load_scores(tmp_path / "nowhere.npz")
    path = save_scores(frame_scores([(1, 0, 0, 2)]), tmp_path / "scores.npz")
    whole = path.read_bytes()
    turned = bytearray(whole)
    turned[whole.index(b"version.npy") + 60] ^= 0xFF
    for damage in (b"", b"text", whole[: len(whole) // 2], bytes(turned)):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match="damaged, or not scores"):
            load_scores(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match="damaged, or not scores"):
        load_scores(tmp_path / "array.npy")
    np.savez(path, confusion=np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match=r"damaged, or not scores.*version"):
        load_scores(path)
    np.savez(path, version=2)
    with pytest.raises(ValueError, match="version 2, this code reads 1"):
        load_scores(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confusion": np.zeros((1, 3, 3), int)}, "confusion has shape"),
        ({"histogram": np.zeros((1, 2, 255), int)}, "histogram has shape"),
        ({"timestamps": np.zeros(2, int)}, "timestamps has shape"),
        ({"recordings": ()}, "recordings has shape"),
        ({"focus": "foam"}, "focus='foam' is not one of"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(frame_scores([(1, 0, 0, 2)]), **change)


def test_the_focus_class_is_the_last_or_the_named_one():
    assert focus_index(("water", "net", "splash"), None) == 2
    assert focus_index(("water", "net", "splash"), "net") == 1
    with pytest.raises(ValueError, match="focus_class='foam' is not a class"):
        focus_index(("water", "splash"), "foam")
