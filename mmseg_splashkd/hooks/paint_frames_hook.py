"""Draws predictions beside frames and labels: ``tools/test.py --show-dir``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_splashkd.evaluation.frame_files import FrameFiles
from mmseg_splashkd.files import whole_file

IGNORED = (128, 128, 128)


@HOOKS.register_module()
class PaintFramesHook(Hook):
    """Write one PNG per frame: frame, label and prediction side by side.

    Every rank writes the frames it tests. (MMSegmentation's ``SegVisualizationHook``
    draws on the first rank only, which leaves out the frames of the others.)

    Args:
        out_dir: Folder of the pictures, named by the stems of the frames.
        opacity: Opacity of the class colours over the frame, in [0, 1]; default 0.5.
    """

    def __init__(self, out_dir: str, opacity: float = 0.5) -> None:
        self.files = FrameFiles(out_dir)
        self.opacity = opacity

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] = (),
    ) -> None:
        """Draw one batch."""
        dataset: Any = runner.test_dataloader.dataset
        palette = dataset.metainfo["palette"]
        colours = np.full((256, 3), IGNORED, np.float32)
        colours[: len(palette)] = palette
        for sample in outputs:
            with Image.open(sample.img_path) as image:
                frame = np.asarray(image.convert("RGB"), np.float32)
            maps = (sample.gt_sem_seg.data, sample.pred_sem_seg.data)
            painted = [
                frame + self.opacity * (colours[each.squeeze(0).cpu().numpy()] - frame)
                for each in maps
            ]
            strip = np.concatenate([frame, *painted], axis=1)
            picture = Image.fromarray(np.rint(strip).astype(np.uint8))
            with whole_file(self.files.path_of(sample.img_path)) as partial:
                picture.save(partial)
