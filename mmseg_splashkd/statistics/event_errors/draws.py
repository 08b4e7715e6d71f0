"""Draws of what was true, given what was found: the predictive distribution.

The unit of a draw is a day (or any span of one camera), because its events have a part
of their errors in common. Each draw resamples the blocks of the reference, which stand
for what is not known of the errors themselves, and then

- decides of each found event whether it is real, with the probability of a logistic
  regression on its peak, duration and confidence;
- gives a real one the number of true events of a real one of similar duration in the
  reference, and the errors of a two-level regression: of the logarithm of the area, and
  of the duration in frames;
- adds what was missed. With a share q of the true events missed, K found and Jeffreys'
  prior of both, the number of missed ones is negative binomial: Poisson of
  Gamma(K + 1/2) q / (1 - q), with q of Beta(missed + 1/2, found + 1/2). A span of the
  day, such as an hour, has its own K and its part of the 1/2 by time, so that the sums
  of spans are those of the day. Sizes are those of missed events of the reference;
  where it has none, those of its smallest tenth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_splashkd.statistics.event_errors.logistic import fit_logistic, probability
from mmseg_splashkd.statistics.event_errors.reference import (
    EventReference,
    Known,
    Seen,
    as_rows,
)
from mmseg_splashkd.statistics.event_errors.two_level import fit_two_level

DRAWS = 2000
MOST_DRAWN = 4_000_000  # draws times events of a day, which are in memory together
FEWEST_DRAWS = 200
FEWEST_ALIKE = 15  # events of a similar duration, or a third of all
SMALLEST = 10  # one in that many stands for missed events where none was missed
FEATURES = [0, 2]  # of as_rows: peak and confidence tell real events from false ones


class Draws(NamedTuple):
    """B draws of what was true, of m found events and of what S spans missed.

    Attributes:
        true: (B, m) number of true events; 0: not real.
        duration_s: (B, m) their duration in seconds; 0 if not real.
        area_share_s: (B, m) their area in share x seconds; 0 if not real.
        missed: (B, S) number of missed events.
        missed_s: (B, S) their duration.
        missed_share_s: (B, S) their area.
    """

    true: np.ndarray
    duration_s: np.ndarray
    area_share_s: np.ndarray
    missed: np.ndarray
    missed_s: np.ndarray
    missed_share_s: np.ndarray


class Predictor:
    """Draws what was true on a day, from a reference.

    Args:
        reference: Errors on frames on which the truth is known.
        draws: Number of draws, B.
        seed: Seed of the resamples of its blocks.
    """

    def __init__(
        self, reference: EventReference, draws: int = DRAWS, seed: int = 0
    ) -> None:
        self._reference, self._seed, self._draws = reference, seed, draws
        rng = np.random.default_rng(seed)
        chosen = rng.integers(reference.blocks, size=(draws, reference.blocks))
        self._weights = _counts(chosen)
        self._fit_real()
        self._fit_errors()

    def _fit_real(self) -> None:
        found = self._reference.found
        rows = as_rows([each.seen for each in found])[:, FEATURES]
        self._scale_real = Scale(rows)
        is_real = np.array([each.true > 0 for each in found])
        weights = self._weights[:, [each.block for each in found]]
        self._odds = fit_logistic(self._scale_real.rows(rows), is_real, weights)

    def _fit_errors(self) -> None:
        real = self._reference.real
        rows = as_rows([each.seen for each in real])
        self._scale = Scale(rows)
        areas = [np.log(each.area_share_s / each.seen.area_share_s) for each in real]
        step = self._reference.interval_s
        times = [(each.duration_s - each.seen.duration_s) / step for each in real]
        errors = np.stack([areas, times], 1)
        blocks = np.array([each.block for each in real])
        scaled = self._scale.rows(rows)
        self._errors = fit_two_level(scaled, errors, blocks, self._weights)

    def draw(
        self,
        seen: Sequence[Seen],
        spans: Sequence[int],
        observed_s: Sequence[float],
        interval_s: float,
        day: int,
    ) -> Draws:
        """Draw what was true on a day.

        Args:
            seen: The m found events of the day.
            spans: Span in which each begins, in [0, S).
            observed_s: Observed seconds of each of the S spans, above 0.
            interval_s: Seconds between frames.
            day: A number of the day, at least 0, of which and of ``seed`` the draws
                depend; so those of a day do not depend on other days. Of more than
                2,000 events there are fewer draws, so that they fit into memory.
        """
        rng = np.random.default_rng((self._seed, day))
        rows = as_rows(seen)
        count = min(self._draws, max(FEWEST_DRAWS, MOST_DRAWN // max(len(seen), 1)))
        odds = self._odds[:count] @ self._scale_real.rows(rows[:, FEATURES]).T
        is_real = rng.random(odds.shape) < probability(odds)
        true = np.where(is_real, self._numbers(seen, count, rng), 0)
        errors = self._errors.predict(self._scale.rows(rows), rng, count)
        areas = np.array([each.area_share_s for each in seen]) * np.exp(errors[..., 0])
        frames = np.array([each.duration_s for each in seen]) / interval_s
        times = np.maximum(np.round(frames + errors[..., 1]), 1) * interval_s
        of_span = np.arange(len(observed_s)) == np.array(spans, int)[:, None]
        prior = 0.5 * np.array(observed_s, float) / sum(observed_s)
        missed = self._missed(true @ of_span + prior, rng)
        return Draws(true, times * is_real, areas * is_real, *missed)

    def _numbers(
        self, seen: Sequence[Seen], count: int, rng: np.random.Generator
    ) -> np.ndarray:
        """(B, m) number of true events of a real one of similar duration."""
        real = self._reference.real
        durations = np.log([each.seen.duration_s for each in real])
        blocks, numbers = (
            np.array([getattr(each, name) for each in real])
            for name in ("block", "true")
        )
        many = min(len(real), max(FEWEST_ALIKE, len(real) // 3))
        weights = self._weights[:count]
        drawn = np.ones((count, len(seen)), int)
        for column, each in enumerate(seen):
            far = np.abs(durations - np.log(each.duration_s))
            alike = np.argsort(far, kind="stable")[:many]
            if (numbers[alike] == 1).all():
                continue  # as nearly always
            drawn[:, column] = numbers[alike[_drawn(weights[:, blocks[alike]], rng)]]
        return drawn

    def _missed(
        self, found: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Number, duration and area of what each span missed in each draw.

        Args:
            found: (B, S) found true events and the prior's part.
            rng: Random generator.
        """
        missed, all_found = self._reference.missed, self._reference.found
        of_draws = self._weights[: len(found)]
        weights = of_draws[:, [each.block for each in missed]]
        true = np.array([each.true for each in all_found])
        known = of_draws[:, [each.block for each in all_found]] @ true
        share = rng.beta(weights.sum(1) + 0.5, known + 0.5)
        numbers = rng.poisson(rng.gamma(found) * (share / (1 - share))[:, None])
        pool = [each[1:] for each in missed] or _smallest(self._reference.real)
        if not missed:
            weights = np.ones((len(found), len(pool)))
        of, span = np.nonzero(numbers)
        times = numbers[of, span]
        draw, span = np.repeat(of, times), np.repeat(span, times)
        sizes = np.array(pool)[_drawn(weights[draw], rng)]
        sums = np.zeros((*numbers.shape, 2))
        np.add.at(sums, (draw, span), sizes)
        return numbers, sums[..., 0], sums[..., 1]


class Scale:
    """Standardises columns, and holds new rows within the range of the known ones.

    Args:
        known: (n, p) known rows.
    """

    def __init__(self, known: np.ndarray) -> None:
        self._low, self._high = known.min(0), known.max(0)
        self._mean, deviation = known.mean(0), known.std(0)
        self._deviation = np.where(deviation > 0, deviation, 1.0)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """(m, 1 + p): 1, and the columns; errors are not extrapolated."""
        held = rows.clip(self._low, self._high)
        scaled = (held - self._mean) / self._deviation
        return np.concatenate([np.ones((len(rows), 1)), scaled], 1)


def _counts(chosen: np.ndarray) -> np.ndarray:
    """(B, J) how often each row of (B, J) indices has each index."""
    draws, blocks = chosen.shape
    flat = chosen + blocks * np.arange(draws)[:, None]
    return np.bincount(flat.ravel(), minlength=draws * blocks).reshape(draws, blocks)


def _drawn(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(B,) index drawn by each row of (B, n) weights; by equal ones where all are 0."""
    usable = np.where(weights.sum(1, keepdims=True) > 0, weights, 1.0)
    sums = usable.cumsum(1)
    at = rng.random(len(weights)) * sums[:, -1]
    return np.minimum((sums <= at[:, None]).sum(1), weights.shape[1] - 1)


def _smallest(real: Sequence[Known]) -> list[tuple[float, float]]:
    ordered = sorted(real, key=lambda each: each.area_share_s)
    return [each[3:] for each in ordered[: max(1, len(ordered) // SMALLEST)]]
