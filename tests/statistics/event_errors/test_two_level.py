"""The two-level model against its own distribution, and least squares."""

import numpy as np
import pytest

from mmseg_splashkd.statistics.event_errors.two_level import fit_two_level

OF_BLOCK, OF_ROW = 0.6, 0.3


def drawn(blocks: int, each: int, of_block: float = OF_BLOCK):
    rng = np.random.default_rng(4)
    index = np.repeat(np.arange(blocks), each)
    rows = np.stack([np.ones(len(index)), rng.standard_normal(len(index))], 1)
    common = of_block * rng.standard_normal((blocks, 2))
    noise = OF_ROW * rng.standard_normal((len(index), 2))
    errors = rows @ np.array([[1.0, -2.0], [0.5, 0.0]]) + common[index] + noise
    return rows, errors, index


def test_parts_have_the_variances_of_the_model():
    rows, errors, index = drawn(400, 10)
    fitted = fit_two_level(rows, errors, index, np.ones((1, 400)))
    assert fitted.of_block.std(0) == pytest.approx([OF_BLOCK] * 2, rel=0.1)
    assert fitted.of_row.std(0) == pytest.approx([OF_ROW] * 2, rel=0.05)


def test_coefficients_are_weighted_least_squares():
    rows, errors, index = drawn(12, 8)
    times = np.random.default_rng(0).integers(0, 4, (3, 12))
    fitted = fit_two_level(rows, errors, index, times)
    for coefficients, own in zip(fitted.coefficients, times, strict=True):
        repeated = np.repeat(np.arange(len(index)), own[index])
        best = np.linalg.lstsq(rows[repeated], errors[repeated], rcond=None)[0]
        np.testing.assert_allclose(coefficients, best, atol=1e-3)


def test_rows_of_a_new_block_share_its_part():
    rows, errors, index = drawn(300, 6)
    fitted = fit_two_level(rows, errors, index, np.ones((8000, 300)))
    new = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 3.0]])
    draws = fitted.predict(new, np.random.default_rng(0))
    assert draws.shape == (8000, 3, 2)
    assert draws.mean(0)[0] == pytest.approx([1.0, -2.0], abs=0.1)
    assert draws.mean(0)[2] == pytest.approx([2.5, -2.0], abs=0.2)
    both = np.cov(draws[:, 0, 0], draws[:, 1, 0])
    assert both[0, 0] == pytest.approx(OF_BLOCK**2 + OF_ROW**2, rel=0.2)
    assert both[0, 1] == pytest.approx(OF_BLOCK**2, rel=0.2)


def test_without_a_common_part_rows_are_independent():
    rows, errors, index = drawn(300, 6, of_block=0.0)
    fitted = fit_two_level(rows, errors, index, np.ones((4000, 300)))
    assert fitted.of_block.std() < 0.05
    draws = fitted.predict(np.array([[1.0, 0.0]] * 2), np.random.default_rng(0))
    assert abs(np.corrcoef(draws[:, 0, 0], draws[:, 1, 0])[0, 1]) < 0.1


def test_too_few_rows_are_refused():
    rows, errors, index = drawn(3, 1)
    with pytest.raises(ValueError, match="3 rows are too few for 2 columns"):
        fit_two_level(rows, errors, index, np.ones((1, 3)))
