"""Errors that have a part in common within a block, and their prediction elsewhere.

An error of row j in block c is ``x_j . b + u_c + e_j``. The bootstrap of such a model
resamples blocks for b, and draws u and e from residuals that are scaled to the
variances that the model has, because means of blocks vary more than u and deviations
from them less than e (Davison and Hinkley, "Bootstrap Methods and their Application",
1997, section 3.8; Carpenter, Goldstein and Rasbash, "A novel bootstrap procedure for
assessing the relationship between class size and achievement", Applied Statistics 52,
2003).
"""

from dataclasses import dataclass

import numpy as np

SMOOTHING = 0.5  # times n ** -0.2, in standard deviations
RIDGE = 1e-3  # of a fit, so that resamples of one block can be solved


@dataclass(frozen=True, eq=False)
class TwoLevel:
    """A fitted model of errors.

    Args:
        coefficients: (B, p, q) coefficients of B resamples of blocks, for q errors.
        of_block: (J, q) parts in common, one row a block.
        of_row: (n, q) parts of a row.
    """

    coefficients: np.ndarray
    of_block: np.ndarray
    of_row: np.ndarray

    def predict(
        self, rows: np.ndarray, rng: np.random.Generator, draws: int | None = None
    ) -> np.ndarray:
        """Draw the errors of m rows of one new block.

        Args:
            rows: (m, p).
            rng: Random generator.
            draws: Number of draws, at most B; None: B.

        Returns:
            (draws, m, q). The q errors of a row stay together, as those of a block do.
            Residuals are smoothed by a normal of half of n^(-1/5) standard deviations,
            with the variance kept, and widened by sqrt(1 + 2 / n). Parts of a block are
            divided by the root of a chi-square over its J - 1 degrees of freedom, since
            J blocks tell their variance no better: a normal becomes Student's t.
        """
        coefficients, many = self.coefficients[:draws], len(self.of_row)
        count = len(coefficients)
        mean = np.einsum("mp,bpq->bmq", rows, coefficients)
        of_block = self._of_blocks(count, rng)
        residuals = self.of_row[rng.integers(many, size=(count, len(rows)))]
        width = SMOOTHING * many**-0.2
        noise = rng.standard_normal(residuals.shape) * self.of_row.std(0)
        smooth = (residuals + width * noise) / np.sqrt(1 + width**2)
        return mean + of_block[:, None] + smooth * np.sqrt(1 + 2 / many)

    def _of_blocks(self, count: int, rng: np.random.Generator) -> np.ndarray:
        freedom = max(len(self.of_block) - 1, 1)
        scale = np.sqrt(rng.chisquare(freedom, (count, 1)) / freedom)
        return self.of_block[rng.integers(len(self.of_block), size=count)] / scale


def fit_two_level(
    rows: np.ndarray, errors: np.ndarray, blocks: np.ndarray, resamples: np.ndarray
) -> TwoLevel:
    """Fit the model.

    Args:
        rows: (n, p) what is known of each row; the first column is 1.
        errors: (n, q) errors.
        blocks: (n,) int, block of each row, in [0, J).
        resamples: (B, J) how often each resample has a block.

    Raises:
        ValueError: There are not more rows than columns and blocks together need.
    """
    many, columns = rows.shape
    if many <= columns + 1:
        raise ValueError(f"{many} rows are too few for {columns} columns")
    fitted = np.linalg.lstsq(rows, errors, rcond=None)[0]
    residuals = (errors - rows @ fitted) * np.sqrt(many / (many - columns))
    sizes = np.bincount(blocks, minlength=resamples.shape[1])
    held = np.flatnonzero(sizes)
    means = np.stack([_means(each, blocks, sizes) for each in residuals.T], 1)
    within = residuals - means[blocks]
    between = _between(within, means[held], sizes[held])
    total = (residuals**2).mean(0)
    of_row = np.where(between > 0, within, residuals)
    return TwoLevel(
        _resampled(rows, errors, resamples[:, blocks]),
        _scaled(means[held], between),
        _scaled(of_row, np.maximum(total - between, 0)),
    )


def _means(values: np.ndarray, blocks: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    sums = np.bincount(blocks, values, minlength=len(sizes))
    return sums / np.maximum(sizes, 1)


def _between(within: np.ndarray, means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(q,) variance of the part in common, by analysis of variance; 0 if negative."""
    many, blocks = len(within), len(means)
    if blocks < 2 or many <= blocks:
        return np.zeros(within.shape[1])
    in_block = (within**2).sum(0) / (many - blocks)
    of_means = (sizes[:, None] * means**2).sum(0) / (blocks - 1)
    usual = (many - (sizes**2).sum() / many) / (blocks - 1)
    return np.maximum((of_means - in_block) / usual, 0)


def _scaled(values: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """(n, q) values that are centred and have this variance."""
    centred = values - values.mean(0)
    own = (centred**2).mean(0)
    return centred * np.sqrt(np.where(own > 0, variance / np.maximum(own, 1e-300), 0))


def _resampled(rows: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    ridge = RIDGE * np.eye(rows.shape[1])
    squares = np.einsum("bn,np,nq->bpq", weights, rows, rows) + ridge
    return np.linalg.solve(squares, np.einsum("bn,np,nq->bpq", weights, rows, errors))
