"""Measures how predictions flicker over the frames of a test."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.dist import broadcast_object_list, collect_results
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from PIL import Image

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.datasets.timestamps import NO_TIME
from mmseg_splashkd.evaluation.bursts import stretches
from mmseg_splashkd.evaluation.flicker import (
    TOLERANCE,
    flicker_metrics,
    transitions,
)
from mmseg_splashkd.evaluation.frame_files import recordings_of


class _Row(NamedTuple):
    """The predicted classes of a frame, packed: they are kept for all frames."""

    size: tuple[int, int]
    packed: bytes

    @property
    def classes(self) -> np.ndarray:
        pixels = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return pixels.reshape(self.size)


@HOOKS.register_module()
class FlickerHook(Hook):
    """Add ``Flicker`` and temporal consistency to the metrics of a test.

    Each frame is compared with the next one of its recording; not over a pause (more
    than ten times the median interval). See ``evaluation.flicker``. Frames without
    time have no figures, which the log says.

    Args:
        tolerance: Largest difference, in gray levels of [0, 255], of a pixel that
            counts as unchanged; default 12. It should lie above the camera's noise.

    Raises:
        ValueError: ``tolerance`` is out of range.
    """

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        if not 0 <= tolerance <= 255:
            raise ValueError(f"tolerance must lie in [0, 255], got {tolerance}")
        self.tolerance = tolerance
        self.rows: list[_Row] = []

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget the frames of another test."""
        self.rows.clear()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Keep the predictions of a batch."""
        for sample in outputs or ():
            pixels = sample.pred_sem_seg.data.squeeze(0).byte().cpu().numpy()
            height, width = pixels.shape
            packed = zlib.compress(pixels.tobytes(), 1)
            self.rows.append(_Row((height, width), packed))

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Compare neighbouring frames; add the figures to log and ``metrics``."""
        dataset: Any = runner.test_dataloader.dataset
        rows = collect_results(self.rows, len(dataset), "cpu")
        self.rows = []
        shared = [{} if rows is None else self._figures(runner, dataset, rows)]
        broadcast_object_list(shared)
        for name, value in shared[0].items():
            runner.message_hub.update_scalar(f"test/{name}", value)
        if metrics is not None:
            metrics.update(shared[0])

    def _figures(
        self, runner: Runner, dataset: Any, rows: Sequence[_Row]
    ) -> dict[str, float]:
        classes = dataset.metainfo["classes"]
        info_of = getattr(dataset, "get_data_info", lambda _: {})  # not in all wrappers
        infos = [info_of(index) for index in range(len(dataset))]
        pairs = list(_pairs(dataset, infos))
        counts = np.zeros((len(classes), len(classes)), np.int64)
        for pair in pairs:
            first, second = (rows[index].classes for index in pair)
            paths = [infos[index]["img_path"] for index in pair]
            size = rows[pair[0]].size
            images = _image(paths[0], size), _image(paths[1], size)
            counts += transitions((first, second), images, len(classes), self.tolerance)
        figures = flicker_metrics(counts, classes)
        if not figures:
            runner.logger.info(
                "no flicker: no frame has a neighbour in time with an unchanged pixel"
            )
            return {}
        runner.logger.info(
            f"{figures['Flicker']:.3f} % of the unchanged pixels change their class "
            f"between neighbouring frames ({len(pairs)} pairs)"
        )
        return figures


def _pairs(dataset: Any, infos: list[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    """Indices of neighbouring frames of one recording."""
    times = np.array([info.get("timestamp", NO_TIME) for info in infos])
    if (times < 0).any():
        return
    for rows, _ in stretches(recordings_of(dataset, infos), times):
        yield from zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True)


def _image(path: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) of a frame at the size of its prediction."""
    pixels = read_as_training(path)
    if pixels.shape[:2] != size:
        picture = Image.fromarray(pixels)
        pixels = np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BOX))
    return pixels
