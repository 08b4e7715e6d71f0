from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_splashkd.datasets.synthetic.label_noise import (
    CALM_KINDS,
    EVENT_KINDS,
    corrupt_mask,
    plan_errors,
    stale_source,
)
from tests.datasets.synthetic.drawn import draw_tiny, read_bytes, read_pixels, read_rows

ARGUMENTS = {"frames": 40, "size": (64, 80), "seed": 5}
LABELLED = 28  # of 40 frames, 30 % of them unlabelled


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_tiny(tmp_path_factory.mktemp("clean"), **ARGUMENTS)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("noisy")
    return draw_tiny(folder, label_noise=0.75, unlabelled=0.3, **ARGUMENTS)


# Files


def test_errors_are_listed_and_no_other_label_differs(clean: Path, noisy: Path):
    errors = {e["frame"]: e for e in read_rows(noisy.with_name("label_errors.csv"))}
    assert len(errors) == round(0.75 * LABELLED)
    for row in read_rows(noisy):
        if row["label"]:
            right = np.asarray(Image.open(clean.parent / row["label"]))
            label = np.asarray(Image.open(noisy.parent / row["label"]))
            wrong = int((label != right).sum())
            assert wrong == int(
                errors.get(row["frame"], {"wrong_pixels": 0})["wrong_pixels"]
            )
            assert (wrong > 0) == (row["frame"] in errors)
            assert set(np.unique(label)) <= {0, 255}
            assert row["splash_share"] == f"{(label == 255).mean():.6f}"
        else:
            assert row["frame"] not in errors


def test_clean_labels_are_kept_for_the_wrong_ones_only(clean: Path, noisy: Path):
    errors = read_rows(noisy.with_name("label_errors.csv"))
    assert list(errors[0]) == ["frame", "kind", "wrong_pixels", "clean_label"]
    kept = {e["clean_label"]: e["frame"] for e in errors}
    files = read_bytes(noisy.parent)
    assert {name for name in files if name.startswith("clean_labels/")} == set(kept)
    right = read_bytes(clean.parent)
    for name, frame in kept.items():
        assert files[name] == right[frame.replace("images", "labels")]


def test_every_kind_matches_its_definition(clean: Path, noisy: Path):
    masks = [label > 0 for label in read_pixels(clean, "label")]
    rows = read_rows(clean)
    index = {row["frame"]: i for i, row in enumerate(rows)}
    used = Counter()
    for error in read_rows(noisy.with_name("label_errors.csv")):
        i, kind = index[error["frame"]], error["kind"]
        path = noisy.parent / error["frame"].replace("images", "labels")
        wrong = np.asarray(Image.open(path)) > 0
        check_kind(kind, masks[i], wrong)
        if kind == "stale":
            sources = [j for j, m in enumerate(masks) if np.array_equal(m, wrong)]
            assert rows[sources[0]]["burst"] not in ("", rows[i]["burst"])
        used[kind] += 1
    assert set(used) == {*CALM_KINDS, *EVENT_KINDS}


def check_kind(kind: str, right: np.ndarray, wrong: np.ndarray) -> None:
    if kind == "missed":
        assert right.any()
        assert not wrong.any()
    elif kind == "false":
        assert not right.any()
        assert 0 < wrong.sum() < 0.1 * wrong.size
    elif kind == "shifted":
        moves = range(-4, 5)  # 6 % of 64 pixels
        assert any(
            np.array_equal(wrong, np.roll(right, (dv, du), (0, 1)))
            for dv in moves
            for du in moves
            if 3 <= np.hypot(dv, du) <= 5
        )
    elif kind == "dilated":
        assert np.array_equal(wrong, np.any(neighbours(right), 0))
    elif kind == "eroded":
        assert np.array_equal(wrong, np.all(neighbours(right), 0))


def neighbours(mask: np.ndarray) -> list[np.ndarray]:
    """A mask and its four neighbours: a disc of 1.5 % of 64 pixels."""
    moves = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))
    return [np.roll(mask, move, (0, 1)) for move in moves]


# Plan


def test_plan_has_the_count_and_balances_the_kinds():
    bursts = [None, 1] * 50
    kinds = plan_errors(range(0, 100), bursts, 0.5, np.random.default_rng(0))
    assert len(kinds) == 50
    assert list(kinds) == sorted(kinds)
    for frame, kind in kinds.items():
        assert kind in (CALM_KINDS if bursts[frame] is None else EVENT_KINDS)
    counts = Counter(kinds.values())
    assert set(counts) == {*CALM_KINDS, *EVENT_KINDS}
    assert counts["false"] <= counts["stale"] + 1
    for kind in EVENT_KINDS[1:4]:
        assert abs(counts[kind] - counts["missed"]) <= 1


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.24, 2), (1.0, 10)])
def test_plan_chooses_among_the_labelled(share: float, count: int):
    labelled = list(range(20, 30))
    kinds = plan_errors(labelled, [None] * 40, share, np.random.default_rng(1))
    assert len(kinds) == count
    assert set(kinds) <= set(labelled)


def test_stale_label_is_the_last_of_another_event():
    bursts = [None, 1, 1, None, 2, 2, None]
    sources = [stale_source(frame, bursts) for frame in range(7)]
    assert sources == [1, 4, 4, 2, 2, 2, 5]


# Masks


def corrupt_square(kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Corrupt a square of 20 x 20 pixels in 100 x 120."""
    mask = np.zeros((100, 120), bool)
    mask[40:60, 50:70] = True
    image = np.zeros((100, 120, 3), np.uint8)
    image[20, 30] = image[42, 52] = image[90, 90] = (200, 220, 210)
    image[90, 90] = 255  # brightest, but no water
    water = np.zeros_like(mask)
    water[:80] = True
    rng, stale = np.random.default_rng(seed), np.eye(100, 120) > 0
    return mask, corrupt_mask(
        kind, mask, image=image, water=water, stale=stale, rng=rng
    )


@pytest.mark.parametrize(("kind", "side"), [("dilated", 24), ("eroded", 16)])
def test_growth_by_hand(kind: str, side: int):
    _, wrong = corrupt_square(kind)  # 1.5 % of 100 pixels: 2
    rows, columns = wrong.any(1), wrong.any(0)
    assert (rows.sum(), columns.sum()) == (side, side)
    assert np.flatnonzero(rows).mean() == 49.5
    assert np.flatnonzero(columns).mean() == 59.5


def test_false_splash_is_glare_on_water():
    mask, wrong = corrupt_square("false")
    added = wrong & ~mask
    assert wrong[mask].all()
    assert added[20, 30]
    v, u = np.nonzero(added)
    assert np.hypot(v - 20, u - 30).max() <= 10


@pytest.mark.parametrize("seed", range(8))
def test_shift_keeps_the_shape_in_all_directions(seed: int):
    mask, wrong = corrupt_square("shifted", seed)
    assert wrong.sum() == mask.sum()
    move = np.argwhere(wrong).mean(0) - np.argwhere(mask).mean(0)
    assert np.hypot(*move) == pytest.approx(6, abs=0.75)


def test_shifts_differ_with_the_seed():
    moves = {tuple(np.argwhere(corrupt_square("shifted", s)[1])[0]) for s in range(8)}
    assert len(moves) > 4


def test_missed_and_stale_by_hand():
    assert not corrupt_square("missed")[1].any()
    assert (corrupt_square("stale")[1] == (np.eye(100, 120) > 0)).all()


@pytest.mark.parametrize("kind", sorted({*CALM_KINDS, *EVENT_KINDS} - {"stale"}))
def test_labels_differ_for_one_pixel_masks(kind: str):
    mask = np.zeros((48, 48), bool)
    mask[0, 0] = kind != "false"
    for seed in range(16):
        wrong = corrupt_mask(
            kind,
            mask,
            image=np.zeros((48, 48, 3), np.uint8),
            water=np.ones_like(mask),
            stale=mask,
            rng=np.random.default_rng(seed),
        )
        assert (wrong != mask).any()
