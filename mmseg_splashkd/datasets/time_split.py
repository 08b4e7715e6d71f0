"""An mmseg data set over the time-stamped frames of a fixed camera."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.integrity import check_pair
from mmseg_splashkd.datasets.label_maps import SPLASH, check_table
from mmseg_splashkd.datasets.splits import (
    LAYOUT,
    RATIOS,
    SPLITS,
    Frame,
    in_time_order,
    list_frames,
    read_table,
    split_by_time,
)

FOLDERS = {"img_path": "images", "seg_map_path": "labels"}


@DATASETS.register_module()
class TimeSplitDataset(BaseSegDataset):
    """One part of a video: train, val or test, cut in the order of time.

    Frames come from a split table (``ann_file``), or from the folders ``data_prefix``,
    which are then split by ``ratios``. A table without a column ``split`` is split by
    ``ratios`` too. Labels are read once at load, so that a wrong one is named before
    training starts.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        data_prefix: ``img_path`` and ``seg_map_path``, the folders of frames and of
            labels in ``data_root``. Defaults to ``images`` and ``labels``.
        ratios: Shares of train, val and test; they sum to 1.
        gray_to_train_id: Gray value in the label -> trainId, 255 to ignore. Defaults to
            the splash coding: 0 background, 255 splash.
        metainfo: ``classes`` and ``palette``. Defaults to background and splash.
        check_labels: Read every label at load.
        img_suffix: Suffix of frames.
        seg_map_suffix: Suffix of labels.
        **kwargs: Passed to mmseg's ``BaseSegDataset``: ``data_root``, ``ann_file``,
            ``pipeline``, ...

    Raises:
        FileNotFoundError: The folder, the table, a frame or a label is missing.
        ValueError: A name is no time stamp, two are equal within a recording, a label
            has a value outside the table or another size than its frame, ``ratios`` do
            not sum to 1, the part is empty, ``metainfo`` has no classes, or
            ``gray_to_train_id`` does not fit them.
    """

    def __init__(
        self,
        split: str,
        data_prefix: Mapping[str, str] | None = None,
        ratios: Sequence[float] = RATIOS,
        gray_to_train_id: Mapping[int, int] | None = None,
        metainfo: dict | None = None,
        check_labels: bool = True,
        img_suffix: str = ".png",
        seg_map_suffix: str = ".png",
        **kwargs,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split must be one of {SPLITS}, got {split!r}")
        self.split = split
        self.ratios = ratios
        self.check_labels = check_labels
        metainfo = metainfo or {"classes": SPLASH.classes, "palette": SPLASH.palette}
        if "classes" not in metainfo:
            raise ValueError(f"metainfo must have 'classes', got {metainfo}")
        self.gray_to_train_id = check_table(
            SPLASH.gray_to_train_id if gray_to_train_id is None else gray_to_train_id,
            num_classes=len(metainfo["classes"]),
        )
        super().__init__(
            data_prefix={**FOLDERS, **(data_prefix or {})},
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            metainfo=metainfo,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the frames of this part, in the order of time."""
        frames = self._frames_of_split()
        if not frames:
            source = self.ann_file or self.data_prefix["img_path"]
            raise ValueError(
                f"split {self.split!r} of {source} is empty: too few frames for ratios "
                f"{tuple(self.ratios)}, or no row of the table has it. {LAYOUT}"
            )
        if self.check_labels:
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._check, frames))
        return [self._sample_of(frame) for frame in frames]

    def _frames_of_split(self) -> list[Frame]:
        if self.ann_file:
            frames, parts = read_table(Path(self.ann_file))
        else:
            images, labels = (Path(self.data_prefix[key]) for key in FOLDERS)
            frames = list_frames(images, labels, self.img_suffix, self.seg_map_suffix)
            parts = None
        if parts is None:
            return split_by_time(frames, self.ratios)[self.split]
        part_of = dict(zip(frames, parts, strict=True))
        return [f for f in in_time_order(frames) if part_of[f] == self.split]

    def _check(self, frame: Frame) -> None:
        check_pair(frame.image, frame.label, self.gray_to_train_id)

    def _sample_of(self, frame: Frame) -> dict:
        return {
            "img_path": str(frame.image),
            "seg_map_path": str(frame.label),
            "recording": frame.recording,
            "timestamp": frame.timestamp,
            "label_map": self.gray_to_train_id,
            "reduce_zero_label": False,
            "seg_fields": [],
        }

    def prepare_data(self, idx: int) -> dict:
        """Run the pipeline on frame ``idx``.

        Raises:
            RuntimeError: It fails or drops the frame; the message names the frame.
        """
        info = self.get_data_info(idx)
        frame = info["img_path"]
        try:
            sample = self.pipeline(info)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"frame {frame} cannot be used: {reason}") from error
        if sample is None:  # the host would silently draw another frame
            raise RuntimeError(f"frame {frame} was dropped by the pipeline")
        return sample
