"""An mmseg data set over the time-stamped frames of a fixed camera."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.utils import deprecated_api_warning
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.frames import (
    LAYOUT,
    Frame,
    in_time_order,
    list_frames,
    missing_files,
)
from mmseg_splashkd.datasets.integrity import check_pair
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.datasets.parallel import map_frames
from mmseg_splashkd.datasets.split_table import SPLITS, read_table, select
from mmseg_splashkd.datasets.splits.by_time import RATIOS, split_by_time
from mmseg_splashkd.datasets.splits.embargo import NONE, Embargo
from mmseg_splashkd.datasets.timestamps import timestamp_format

FOLDERS = {"img_path": "images", "seg_map_path": "labels"}
UNLABELLED = ("error", "skip", "include", "only")
# Former names of arguments, in configs that older runs recorded.
RENAMED = {"ann_file": "split_table", "label_map": "label_coding"}
READ_AT_LOAD = 5_000  # labels; more would delay every start by minutes


@DATASETS.register_module()
class TimeSplitDataset(BaseSegDataset):
    """One part of a video: train, val or test, apart in time.

    Frames come from ``split_table`` (``tools/split_dataset.py`` writes it), or from
    the folders ``data_prefix``, which are then cut by ``ratios``. A table
    without a split is cut by ``ratios`` too.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        fold: Of a table with folds: the one to validate on. ``'train'`` is then all the
            others without their embargo, ``'test'`` what is in no fold.
        split_table: CSV file that lists the frames and their parts, relative to
            ``data_root``; empty: the frames of the folders ``data_prefix``.
        data_prefix: ``img_path`` and ``seg_map_path``, the folders of frames and of
            labels in ``data_root``. Defaults to ``images`` and ``labels``.
        ratios: Shares of train, val and test; they sum to 1.
        embargo: How far apart parts cut by ``ratios`` are: frames (5) or seconds
            ('30s'), left out of the older part; see ``Embargo``.
        label_coding: Name of a label coding (splash, camvid, cityscapes, trash,
            wildscenes), path of a YAML file of your own, or a mapping: ``classes``,
            ``palette``, ``gray_to_train_id`` and, optionally, ``unknown``; see
            ``LabelCoding``.
        timestamp: How names of frames in folders tell the time: the name of a pattern,
            or a mapping; see ``TimestampFormat``.
        unlabelled: What a frame without a label is: an ``'error'``, or to ``'skip'``
            (the log says how many), or to ``'include'``; ``'only'`` gives such frames
            alone. To train, their label is 255 (ignored) everywhere: a teacher alone
            teaches there.
        check_labels: Read every label at load; by default up to 5,000 labels.
        img_suffix: Suffix of frames in folders.
        seg_map_suffix: Suffix of labels in folders.
        **kwargs: Passed to mmseg's ``BaseSegDataset``: ``data_root``, ``pipeline``, ...

    Raises:
        FileNotFoundError: The folder, the table, a frame or a label is missing.
        ValueError: A name is no time stamp, two are equal within a recording, a label
            has a value outside the table or another size than its frame, ``ratios`` do
            not sum to 1, the part is empty, there is no such fold, or an argument is
            unknown.
    """

    @deprecated_api_warning(RENAMED, cls_name="TimeSplitDataset")
    def __init__(
        self,
        split: str,
        fold: int | None = None,
        split_table: str = "",
        data_prefix: Mapping[str, str] | None = None,
        ratios: Sequence[float] = RATIOS,
        embargo: int | str = 0,
        label_coding: str | Mapping[str, Any] = "splash",
        timestamp: str | Mapping[str, Any] = "seconds-nanoseconds",
        unlabelled: str = "error",
        check_labels: bool | None = None,
        img_suffix: str = ".png",
        seg_map_suffix: str = ".png",
        **kwargs,
    ) -> None:
        for name, value, known in (
            ("split", split, SPLITS),
            ("unlabelled", unlabelled, UNLABELLED),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        if "metainfo" in kwargs:
            raise ValueError(
                "metainfo is given by label_coding: its classes and its palette"
            )
        self.split = split
        self.fold = fold
        self.ratios = ratios
        self.embargo = Embargo.parse(str(embargo))
        self.coding = load_label_coding(label_coding)
        self.timestamp = timestamp_format(timestamp)
        self.unlabelled = unlabelled
        self.check_labels = check_labels
        super().__init__(
            ann_file=split_table,
            data_prefix={**FOLDERS, **(data_prefix or {})},
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            metainfo=self.coding.metainfo,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the frames of this part, in the order of time."""
        frames = self.chosen_frames()
        if not frames:
            raise ValueError(
                f"split {self.split!r} of {self.source} is empty: too few frames for "
                f"ratios {tuple(self.ratios)}, or no row of the table has it. A table "
                f"with folds needs fold=. {LAYOUT}"
            )
        self._check_files(frames)
        return [_sample_of(frame) for frame in frames]

    @property
    def source(self) -> str:
        """The table, or the folder of frames."""
        return self.ann_file or self.data_prefix["img_path"]

    def all_frames(self) -> list[Frame]:
        """Every frame of the table or the folders, with its part, in time order."""
        if self.ann_file:
            frames = in_time_order(read_table(self.ann_file))
        else:
            frames = list_frames(
                self.data_prefix["img_path"],
                self.data_prefix["seg_map_path"],
                self.img_suffix,
                self.seg_map_suffix,
                self.timestamp,
            )
        split = {bool(frame.split) or frame.fold is not None for frame in frames}
        if split == {True, False}:
            raise ValueError(
                f"{self.source}: some rows have a split and some have none; write "
                f"'embargo' where a frame shall be in no part"
            )
        if True not in split:
            return split_by_time(frames, self.ratios, self.embargo)
        if self.embargo != NONE:
            raise ValueError(
                f"embargo {self.embargo} is for frames cut by ratios, {self.source} is "
                f"split already: tools/split_dataset.py --embargo splits it anew"
            )
        return frames

    def frames_of_split(self) -> list[Frame]:
        """The frames of this part, in time order, with a label or without."""
        return select(self.all_frames(), self.split, self.fold)

    def chosen_frames(self) -> list[Frame]:
        """The frames of this part that ``unlabelled`` leaves, in time order."""
        return self._by_label(self.frames_of_split())

    def _by_label(self, frames: list[Frame]) -> list[Frame]:
        without = [frame for frame in frames if not frame.label]
        if self.unlabelled == "only":
            return without
        if not without or self.unlabelled == "include":
            return frames
        if self.unlabelled == "error":
            raise ValueError(
                f"{len(without)} frames of split {self.split!r} of {self.source} have "
                f"no label, the first is {without[0].image}: label them, or set "
                f"unlabelled='skip', 'include' or 'only'"
            )
        print_log(
            f"{self.source}: {len(without)} of {len(frames)} frames of split "
            f"{self.split!r} have no label and are skipped",
            logger="current",
        )
        return [frame for frame in frames if frame.label]

    def _check_files(self, frames: list[Frame]) -> None:
        if missing := missing_files(frames):
            raise FileNotFoundError(
                f"{len(missing)} files of {self.source} do not exist, the first is "
                f"{missing[0]}"
            )
        many = len(frames) > READ_AT_LOAD
        if many and self.check_labels is None:
            print_log(
                f"{self.source}: {len(frames)} labels are not read at start; "
                f"tools/check_dataset.py does so",
                logger="current",
            )
        elif self.check_labels is not False:
            labelled = [frame for frame in frames if frame.label]
            map_frames(self._check, labelled, "Reading labels", progress=False)

    def _check(self, frame: Frame) -> None:
        check_pair(Path(frame.image), Path(frame.label), self.coding)

    def get_data_info(self, idx: int) -> dict:
        """Frame ``idx`` with what all frames share, which is stored only once."""
        return super().get_data_info(idx) | {
            "label_map": self.coding.gray_to_train_id,
            "unknown_label": self.coding.unknown,
            "reduce_zero_label": False,
            "ignore_missing_label": self.split == "train",
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


def _sample_of(frame: Frame) -> dict:
    sample = {
        "img_path": frame.image,
        "recording": frame.recording,
        "timestamp": frame.timestamp,
    }
    return sample | ({"seg_map_path": frame.label} if frame.label else {})
