"""How often runs that do not differ were told apart in simulation.

``python benchmarks/calibration.py --parts null --trials 4000`` and ``--parts runs folds
--trials 2000``, seed 1, 2026-11-25; of mIoU and Dice of splash the higher. Runs: three
seeds an arm, luck 0.05. Folds: five, one seed.
"""

# Method -> frames -> percent of trials; 5 would be exact.
RATES: dict[str, dict[int, float]] = {
    "frames": {45: 7.2, 60: 7.7, 90: 6.6, 120: 6.2, 150: 6.3},
    "frames and runs": {60: 5.5, 120: 4.0},
    "folds": {60: 2.7, 120: 2.5},
}
ENOUGH = 200  # frames, from which on it was 4.7 to 6.1 % for one run each


def measured_rate(method: str, frames: int) -> tuple[int, float] | None:
    """The rate of false claims that was measured at so few frames.

    Args:
        method: Key of ``RATES``.
        frames: On which two arms are compared.

    Returns:
        The size at which it was measured, the nearest below ``frames`` or else the
        smallest, and percent; None from ``ENOUGH`` frames on.
    """
    rates = RATES.get(method)
    if frames >= ENOUGH or not rates:
        return None
    size = max((size for size in rates if size <= frames), default=min(rates))
    return size, rates[size]
