"""How often runs that do not differ were told apart in simulation.

``python benchmarks/calibration.py --trials 4000 --seed 1``, DATE.
"""

# Method -> frames -> percent of trials; 5 would be exact.
RATES: dict[str, dict[int, float]] = {}
ENOUGH = 200  # frames, from which on the rate lies between 3 and 8 %


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
