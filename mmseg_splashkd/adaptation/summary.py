"""What an adaptation did, in words and as a picture."""

from collections.abc import Iterator
from pathlib import Path

from mmseg_splashkd.adaptation.adapt import Adapted
from mmseg_splashkd.adaptation.distil import Distilled, frames_classes
from mmseg_splashkd.adaptation.evidence import PAGE, Shown
from mmseg_splashkd.adaptation.methods import METHODS
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.figures import grid, line, svg_figure

UNKNOWN = (
    "Without labels of the target nothing is known of its accuracy: label ten frames "
    "or more, put them into labels/ of the target, and run again with --score"
)


def described(adapted: Adapted) -> Iterator[str]:
    """What can be seen on the target without labels, line by line."""
    method = METHODS[adapted.method]
    yield f"{adapted.method}: {method.title}"
    yield f"Frames of the target: {len(adapted.after.frames):,}"
    yield "  before -> after"
    pairs = [
        ("entropy (0 sure, 1 undecided)", "entropy", "{:.3f}"),
        ("pixels of a probability of 0.968 or more", "sure", "{:.1%}"),
    ]
    for words, name, form in pairs:
        was, now = (
            form.format(getattr(each, name).mean())
            for each in (adapted.before, adapted.after)
        )
        yield f"  {was} -> {now}  {words}"
    shares = adapted.shares
    for k, name in enumerate(shares.classes):
        was, now = (s.shares[:, k].mean() for s in (adapted.before, adapted.after))
        yield (
            f"  {was:.2%} -> {now:.2%}  {name}; {shares.shares[k]:.2%} in labels of "
            f"the source; IoU of both predictions {adapted.after.agreement[k]:.0%}"
        )


def judged(adapted: Adapted) -> Iterator[str]:
    """What speaks against it, and what is not known."""
    found = adapted.doubts
    if found:
        yield "Warning: adapting may have hurt. Look at predictions before you use it:"
        yield from (f"  {each}" for each in found)
    else:
        yield "No sign that adapting has hurt; that is no proof"
    if labelled := len(adapted.target.labelled):
        use = (
            "chose among up to eight moments: scores on them are too good"
            if adapted.stops
            else "was not used in training"
        )
        yield f"{labelled} frames of the target have a label, which {use}"
    else:
        yield UNKNOWN


def described_student(taught: Distilled, stops: bool = False) -> Iterator[str]:
    """How a student stands to its teacher on the target, line by line.

    Args:
        taught: The student.
        stops: Whether labelled frames of the target chose the teacher's weights.
    """
    signs = taught.signs
    classes = frames_classes(taught.cfg)
    yield "Student, taught on the frames of both cameras:"
    for name, share, agreed in zip(
        classes, signs.shares.mean(0), signs.agreement, strict=True
    ):
        yield f"  {share:.2%}  {name}; IoU with the teacher's predictions {agreed:.0%}"
    if taught.point is None:
        yield "  no threshold of its own: the most likely class is predicted"
        return
    point = taught.point
    used = "labels chose its teacher only" if stops else "no label was used"
    yield (
        f"  threshold of {point['class']}: p >= {point['threshold']:.2f}, where Dice "
        f"with the teacher's decisions is {point['dice']:.1f} on {point['frames']:,} "
        f"frames of the target; {used}"
    )


def cited(shown: Shown, method: str) -> str:
    """What the evidence says of a method on one shift."""
    gains = [
        f"{gain:+.1f} ({low:+.1f} to {high:+.1f})"
        for gain, low, high in (shown.gains[method], shown.over_control[method])
    ]
    return (
        f"  {PAGE}#{shown.shift}: {gains[0]} points of {shown.score} over the source "
        f"alone, {gains[1]} over the best control ({shown.title})"
    )


def draw_shares(adapted: Adapted, file: Path) -> Path:
    """Draw the share of the last class over the frames, before and after.

    Args:
        adapted: The adaptation.
        file: SVG file to write.
    """
    name = adapted.shares.classes[-1]
    with svg_figure((7.0, 2.6), f"share of {name}") as drawn:
        signs = {"before": adapted.before, "after": adapted.after}
        for index, (label, each) in enumerate(signs.items()):
            drawn.axes.plot(100 * each.shares[:, -1], label=label, **line(index))
        drawn.axes.set_xlabel("frame of the target")
        drawn.axes.set_ylabel(f"{name}, % of pixels")
        drawn.axes.legend(frameon=False)
        grid(drawn.axes)
    return write_whole(file, str(drawn.svg))
