"""False positive rates that were measured in simulation.

``python benchmarks/calibration.py --parts null --trials 4000`` and ``--parts runs folds
--trials 2000``, seed 1, 2026-11-25; the higher of the rates of mIoU and Dice of splash.
Runs: three seeds per arm, spread 0.05 between seeds. Folds: five, one seed.

``--parts equivalence --trials 4000``, 2026-11-30: how often a copy whose Dice of splash
differs by the margin, 0.5 points, is called equivalent; one run each.
"""

# Method -> number of frames -> percent of the trials; the nominal rate is 5.
RATES: dict[str, dict[int, float]] = {
    "frames": {45: 7.2, 60: 7.7, 90: 6.6, 120: 6.2, 150: 6.3},
    "frames and runs": {60: 5.5, 120: 4.0},
    "folds": {60: 2.7, 120: 2.5},
    "equivalence": {60: 7.0, 120: 6.3},
}
MARGIN_OF_COPIES = 0.5  # points
ENOUGH = 200  # frames; from here on the rate is 4.7 to 6.1 % for one run per arm


def measured_rate(method: str, frames: int) -> tuple[int, float] | None:
    """The false positive rate measured in simulation at about this number of frames.

    Args:
        method: Key of ``RATES``.
        frames: Number of frames on which two arms are compared.

    Returns:
        The number of frames at which the rate was measured (the nearest below
        ``frames``, else the smallest) and the rate in percent; None from ``ENOUGH``
        frames on.
    """
    rates = RATES.get(method)
    if frames >= ENOUGH or not rates:
        return None
    size = max((size for size in rates if size <= frames), default=min(rates))
    return size, rates[size]
