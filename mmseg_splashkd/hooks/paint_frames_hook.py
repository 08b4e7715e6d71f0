"""Pictures of what a model saw: ``tools/test.py --show-dir``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_splashkd.evaluation.frame_files import FrameFiles

IGNORED = (128, 128, 128)


@HOOKS.register_module()
class PaintFramesHook(Hook):
    """Write frame, truth and prediction side by side, a PNG a frame, on every rank.

    (The host's own pictures are drawn by the first rank alone, which leaves out the
    frames of the others.)

    Args:
        out_dir: Folder of the pictures, named as the frames.
        opacity: Of the classes' colours over the frame, in [0, 1].
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
        """Paint one batch."""
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
            picture.save(self.files.path_of(sample.img_path))
