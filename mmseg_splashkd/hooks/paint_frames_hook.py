"""Draws predictions beside frames and labels: ``tools/test.py --show-dir``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_splashkd.datasets.image_file import read_picture
from mmseg_splashkd.evaluation.frame_files import FrameFiles, frame_names
from mmseg_splashkd.evaluation.frame_scores import focus_index
from mmseg_splashkd.evaluation.operating_point import OperatingPointEvaluator
from mmseg_splashkd.evaluation.overlay import IGNORED, overlay
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.hooks.caption import Swatch, with_caption

IGNORE = 255


@HOOKS.register_module()
class PaintFramesHook(Hook):
    """Write one PNG per frame: frame, label and prediction side by side.

    A caption below them gives the name of the frame, the classes, the decision and the
    Dice of the focus class in this frame.

    Every rank writes the frames it tests. (MMSegmentation's ``SegVisualizationHook``
    draws on the first rank only, which leaves out the frames of the others.)

    Args:
        out_dir: Folder of the pictures, ``<recording>/<stem>.png``.
        opacity: Opacity of the class colours over the frame, in [0, 1]; default 0.5.
        max_side: Largest side of the three pictures together in pixels, from 3; larger
            ones are scaled down. Default 1600.
        focus_class: Class whose Dice is given; default the last class.

    Raises:
        ValueError: ``max_side`` is below 3.
    """

    def __init__(
        self,
        out_dir: str,
        opacity: float = 0.5,
        max_side: int = 1600,
        focus_class: str | None = None,
    ) -> None:
        if max_side < 3:
            raise ValueError(f"max_side={max_side} must be 3 pixels or more")
        self.files = FrameFiles(out_dir)
        self.opacity = opacity
        self.max_side = max_side
        self.focus_class = focus_class

    def before_test(self, runner: Runner) -> None:
        """Name the files; refuse frames of equal names before the first of them."""
        self.files.names = frame_names(runner.test_dataloader.dataset)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] = (),
    ) -> None:
        """Draw one batch."""
        dataset: Any = runner.test_dataloader.dataset
        for sample in outputs:
            truth, prediction = (
                each.data.squeeze(0).cpu().numpy()
                for each in (sample.gt_sem_seg, sample.pred_sem_seg)
            )
            strip = self._strip(sample.img_path, truth, prediction, dataset.metainfo)
            path = self.files.path_of(sample.img_path)
            name = path.relative_to(self.files.folder).with_suffix("").as_posix()
            words = self._words(truth, prediction, dataset.metainfo["classes"], runner)
            lines = [
                [(None, f"{name}: frame, label, prediction")],
                _legend(dataset.metainfo),
                [(None, words)],
            ]
            with whole_file(path) as partial:
                with_caption(strip, lines).save(partial)

    def _strip(
        self, frame: str, truth: np.ndarray, prediction: np.ndarray, metainfo: dict
    ) -> Image.Image:
        """Frame, label and prediction side by side, at most ``max_side`` large."""
        pixels = read_picture(frame)
        height, width = pixels.shape[:2]
        scale = min(1.0, self.max_side / max(3 * width, height))
        size = max(1, int(width * scale)), max(1, int(height * scale))
        strip = Image.new("RGB", (3 * size[0], size[1]))
        for column, classes in enumerate((None, truth, prediction)):
            painted = pixels
            if classes is not None:
                painted = overlay(pixels, classes, metainfo["palette"], self.opacity)
            # One at a time: a large frame needs the memory of a few panels.
            panel = Image.fromarray(painted)
            if scale < 1:
                panel = panel.resize(size, Image.Resampling.BOX)
            strip.paste(panel, (column * size[0], 0))
        return strip

    def _words(
        self,
        truth: np.ndarray,
        prediction: np.ndarray,
        classes: Sequence[str],
        runner: Runner,
    ) -> str:
        """Dice of the focus class in a frame, and how the class is decided."""
        focus = focus_index(classes, self.focus_class)
        valid = truth != IGNORE
        labelled, predicted = (truth == focus) & valid, (prediction == focus) & valid
        both = int(labelled.sum() + predicted.sum())
        dice = f"Dice {200 * (labelled & predicted).sum() / both:.1f} %" if both else ""
        if not valid.any():
            dice = "no label"
        evaluator: Any = getattr(runner.test_loop, "evaluator", None)
        decision = "argmax"
        if isinstance(evaluator, OperatingPointEvaluator):
            decision = f"p >= {evaluator.threshold:.4g}"
        return f"{classes[focus]}: {dice or 'in neither, no Dice'}; {decision}"


def _legend(metainfo: dict) -> list[Swatch]:
    classes = zip(metainfo["palette"], metainfo["classes"], strict=False)
    return [*((tuple(colour), name) for colour, name in classes), (IGNORED, "ignored")]
