"""How much of each frame is of a class, read off its label."""

from collections.abc import Iterable
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import IGNORE, LabelCoding, read_gray
from mmseg_splashkd.datasets.parallel import map_frames


def with_splash_shares(
    frames: Iterable[Frame],
    coding: LabelCoding,
    class_name: str = "splash",
    keep_known: bool = False,
    progress: bool = True,
) -> list[Frame]:
    """Fill in the share of each labelled frame's pixels that are of a class.

    Args:
        frames: In any order, which is kept.
        coding: How labels are coded.
        class_name: The class that counts as splash.
        keep_known: Believe a share that a frame has already, and read no label for it.
        progress: Show a progress bar.

    Returns:
        The frames with pixels of the class / pixels not ignored; None without a label,
        or where all of it is ignored.

    Raises:
        ValueError: The coding has no such class, or a label is unreadable or holds a
            value that the coding does not know.
    """
    if class_name not in coding.classes:
        raise ValueError(
            f"class {class_name!r} is none of {list(coding.classes)}: name another "
            f"class or another label map"
        )
    train_id = list(coding.classes).index(class_name)

    def fill(frame: Frame) -> Frame:
        if keep_known and frame.splash_share is not None:
            return frame
        return replace(frame, splash_share=_share(frame.label, coding, train_id))

    return map_frames(fill, list(frames), "Reading labels", progress)


def _share(label: str, coding: LabelCoding, train_id: int) -> float | None:
    if not label:
        return None
    train_ids = coding.to_train_ids(read_gray(label), label)
    valid = int((train_ids != IGNORE).sum())
    return int((train_ids == train_id).sum()) / valid if valid else None
