"""Synthetic farms: camera, light, water and geometry of the pens.

Positions are in metres, x to the right and z ahead on the water plane, and up. Colours
are linear (R, G, B), 1 is white.
"""

from dataclasses import dataclass
from typing import NamedTuple

Colour = tuple[float, float, float]
Point = tuple[float, float, float]  # x, up, z in metres


class Bars(NamedTuple):
    """Bars arranged around a vertical axis."""

    start: tuple[float, float]  # in pen radii from the axis, metres up
    end: tuple[float, float]
    count: int  # use a multiple of 8 so that bars meet the corners of a square pen
    slant: int  # offset of the upper end, in bars
    colour: Colour
    metres: float  # thickness
    alpha: float


@dataclass(frozen=True)
class Farm:
    """Appearance of a farm."""

    camera_height: float  # metres above the water
    horizon: float  # distance from the top, in image heights
    focal: tuple[float, float]  # in image widths, in image heights
    jpeg_quality: int | None  # of the video stream, 1 to 95; None: no compression

    zenith: Colour
    haze: Colour  # sky at the horizon
    hills: tuple[tuple[float, Colour], ...]  # height in image heights, colour
    sun: tuple[float, float, float]  # azimuth in radians; horizontal, up (unnormalized)
    sunlight: Colour
    deep: Colour  # light scattered from deep water
    chop: float  # standard deviation of the slope of the waves
    foam_shade: Colour
    foam: Colour

    square: bool  # square pens; otherwise round
    pen_ahead: float  # z of the axis of the monitored pen
    pen_radius: float  # metres; half the side of a square pen
    rail: float  # height in metres
    pens: tuple[tuple[float, float], ...]  # (x, z) of the axes, far to near
    pen_bars: tuple[Bars, ...]
    buoys: tuple[tuple[float, float], ...]  # (x, z)
    lamps: tuple[Point, ...]  # work lights at night


BLACK, GREY, METAL = (0.02, 0.022, 0.025), (0.13, 0.14, 0.15), (0.30, 0.31, 0.30)
DECK, RUST = (0.38, 0.39, 0.34), (0.16, 0.09, 0.05)
BUOY_BAR = Bars((0.0, 0.3), (0.0, 0.3), 1, 0, (0.80, 0.20, 0.03), 0.75, 1.0)


def _round_pen(rail: float) -> tuple[Bars, ...]:
    """Two floating pipes, brackets, posts, a rail and a net."""
    return (
        Bars(
            (1.06, -0.3), (1.06, -0.3), 192, 1, BLACK, 0.30, 0.5
        ),  # shadow on the water
        Bars((1.00, 0.10), (1.00, 0.10), 192, 1, BLACK, 0.40, 1.0),  # floating pipes
        Bars((1.06, 0.10), (1.06, 0.10), 192, 1, BLACK, 0.40, 1.0),
        Bars((1.00, 0.20), (1.00, 0.20), 192, 1, GREY, 0.10, 1.0),  # reflected sky
        Bars((1.06, 0.20), (1.06, 0.20), 192, 1, GREY, 0.10, 1.0),
        Bars((0.99, 0.20), (0.995, rail), 192, 1, BLACK, 0.03, 0.5),  # net
        Bars((0.99, 0.20), (0.995, rail), 192, -1, BLACK, 0.03, 0.5),
        Bars((0.98, 0.25), (1.08, 0.25), 24, 0, BLACK, 0.35, 1.0),  # brackets
        Bars((1.03, 0.20), (0.995, rail), 24, 0, METAL, 0.10, 1.0),  # posts
        Bars((0.995, rail), (0.995, rail), 192, 1, METAL, 0.12, 1.0),
    )


def _square_pen(rail: float) -> tuple[Bars, ...]:
    """A steel walkway on floats, with two rails and a coarser net."""
    return (
        Bars(
            (1.08, -0.4), (1.08, -0.4), 192, 1, BLACK, 0.90, 0.5
        ),  # shadow on the water
        Bars((1.02, 0.10), (1.12, 0.10), 40, 0, BLACK, 0.90, 1.0),  # floats
        Bars((1.015, 0.45), (1.125, 0.45), 320, 0, DECK, 0.26, 1.0),  # planks
        Bars((1.01, 0.42), (1.01, 0.42), 64, 1, RUST, 0.16, 1.0),  # beams
        Bars((1.13, 0.42), (1.13, 0.42), 64, 1, RUST, 0.16, 1.0),
        Bars((0.99, 0.10), (1.00, rail), 128, 0, BLACK, 0.04, 0.5),  # net
        Bars((0.995, 0.6), (0.995, 0.6), 64, 1, BLACK, 0.04, 0.5),
        Bars((1.01, 0.45), (1.00, rail), 32, 0, METAL, 0.08, 1.0),  # posts
        Bars((1.13, 0.45), (1.13, rail), 32, 0, METAL, 0.08, 1.0),
        Bars((1.00, rail), (1.00, rail), 64, 1, METAL, 0.09, 1.0),
        Bars((1.13, rail), (1.13, rail), 64, 1, METAL, 0.09, 1.0),
    )


FARMS = {
    # Round plastic pens in a clear, cold fjord, from a barge beside them.
    "A": Farm(
        camera_height=8.5,
        horizon=0.12,
        focal=(0.64, 0.85),
        jpeg_quality=None,
        zenith=(0.42, 0.56, 0.68),
        haze=(0.80, 0.84, 0.85),
        hills=((0.075, (0.40, 0.48, 0.53)), (0.040, (0.16, 0.24, 0.23))),
        sun=(0.0, 0.8, 0.58),
        sunlight=(1.0, 0.95, 0.84),
        deep=(0.022, 0.105, 0.115),
        chop=0.13,
        foam_shade=(0.40, 0.54, 0.60),
        foam=(1.0, 1.0, 0.98),
        square=False,
        pen_ahead=21.5,
        pen_radius=12.6,
        rail=1.1,
        pens=((-31.0, 62.0), (14.0, 74.0), (0.0, 21.5)),
        pen_bars=_round_pen(rail=1.1),
        buoys=((-13.5, 31.0), (14.5, 27.0), (9.6, 45.0)),
        lamps=((-11.5, 4.5, 26.5), (3.0, 4.5, 34.0), (11.5, 4.5, 17.0)),
    ),
    # A raft of square steel cages in a green bay on a hazy evening, from a mast.
    "B": Farm(
        camera_height=13.0,
        horizon=0.06,
        focal=(0.72, 0.96),
        jpeg_quality=35,
        zenith=(0.50, 0.52, 0.50),
        haze=(0.90, 0.78, 0.58),
        hills=((0.042, (0.52, 0.46, 0.37)), (0.018, (0.15, 0.15, 0.08))),
        sun=(0.25, 0.85, 0.52),
        sunlight=(1.0, 0.80, 0.52),
        deep=(0.075, 0.100, 0.036),
        chop=0.115,
        foam_shade=(0.50, 0.49, 0.40),
        foam=(1.0, 0.96, 0.86),
        square=True,
        pen_ahead=24.0,
        pen_radius=9.0,
        rail=1.3,
        pens=(
            *((x, z) for z in (64.8, 44.4) for x in (-20.4, 20.4, 0.0)),
            *((-20.4, 24.0), (20.4, 24.0), (0.0, 24.0)),
        ),
        pen_bars=_square_pen(rail=1.3),
        buoys=((-36.0, 58.0), (34.0, 52.0), (38.0, 90.0)),
        lamps=((-9.6, 5.0, 33.6), (9.6, 5.0, 33.6), (-9.6, 5.0, 20.0)),
    ),
}
