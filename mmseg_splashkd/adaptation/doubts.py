"""Reasons to doubt an adaptation that need no label of the target."""

from collections.abc import Iterator, Sequence

import numpy as np

from mmseg_splashkd.adaptation.signs import Signs

SHARE = 5.0  # factor between a class's share in predictions and in the source's labels
SPREAD = 0.25  # of the spread over frames before
AGREEMENT = 0.4  # IoU of a class, before and after


def doubts(
    before: Signs, after: Signs, source: Sequence[float], classes: Sequence[str]
) -> Iterator[str]:
    """What speaks against the network after adapting, in sentences.

    None of it proves harm, and silence proves nothing: only labels do. How often there
    were any where labels showed harm, and where they showed none: docs/adaptation.md.

    Args:
        before: Predictions of the network before, on the frames of the target.
        after: Those of the adapted one, compared with it.
        source: (C,) share of each class in the labels of the source.
        classes: Names of the C classes; the last is the one that is looked for.
    """
    for k, name in enumerate(classes):
        was, now, labelled = (
            float(each) for each in (*_means(before, after, k), source[k])
        )
        if not labelled:
            continue
        factor = max(now, labelled) / max(min(now, labelled), 1e-12)
        if factor > SHARE and _apart(now, labelled) > _apart(was, labelled):
            yield (
                f"{name} has {now:.2%} of the pixels on the target, {was:.2%} before, "
                f"and {labelled:.2%} in the labels of the source"
            )
    spread = [float(each.shares[:, -1].std()) for each in (before, after)]
    if spread[1] < SPREAD * spread[0]:
        yield (
            f"the share of {classes[-1]} hardly changes from frame to frame any more: "
            f"its spread is {spread[1]:.2%} of the pixels, {spread[0]:.2%} before"
        )
    for name, agreed in zip(classes, after.agreement, strict=True):
        if agreed < AGREEMENT:
            yield (
                f"predictions of {name} before and after overlap by {agreed:.0%} (IoU) "
                f"only: one of the two is wrong"
            )


def _means(before: Signs, after: Signs, k: int) -> tuple[float, float]:
    was, now = (each.shares[:, k].mean() for each in (before, after))
    return was, now


def _apart(share: float, other: float) -> float:
    """Distance of two shares as ratios."""
    return abs(np.log(max(share, 1e-12) / other))
