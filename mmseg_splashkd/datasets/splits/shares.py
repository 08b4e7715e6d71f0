"""Share of each frame's pixels that belong to a class, measured on its label."""

from collections.abc import Iterable
from dataclasses import replace

from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.label_coding import LabelCoding, read_gray
from mmseg_splashkd.datasets.parallel import map_frames


def with_splash_shares(
    frames: Iterable[Frame],
    coding: LabelCoding,
    class_name: str = "splash",
    keep_known: bool = False,
    progress: bool = True,
) -> list[Frame]:
    """Fill in ``splash_share`` of every labelled frame.

    Args:
        frames: Frames in any order, which is kept.
        coding: Label coding of the labels.
        class_name: Class that counts as splash; default ``'splash'``.
        keep_known: Keep shares that frames have already and do not read their labels.
        progress: Show a progress bar.

    Returns:
        The frames with pixels of the class / pixels not ignored, in [0, 1]; None for a
        frame without a label or with only ignored pixels.

    Raises:
        ValueError: The coding has no such class, or a label is unreadable or holds a
            value outside the coding.
    """
    if class_name not in coding.classes:
        raise ValueError(
            f"class {class_name!r} is not one of {list(coding.classes)}: name another "
            f"class or another label coding"
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
    pixels = coding.class_pixels(coding.to_train_ids(read_gray(label), label))
    valid = int(pixels.sum())
    return int(pixels[train_id]) / valid if valid else None
