"""MMSegmentation data set of frames in parts that a table or their time separates."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmengine.utils import deprecated_api_warning
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_splashkd.datasets.coded_arguments import check_coded_arguments
from mmseg_splashkd.datasets.frames import (
    Frame,
    in_time_order,
    list_frames,
)
from mmseg_splashkd.datasets.integrity import check_pair, image_size
from mmseg_splashkd.datasets.label_coding import (
    load_label_coding,
    read_gray,
)
from mmseg_splashkd.datasets.neighbours import (
    CLIP,
    Around,
    ClipGap,
    Gap,
    draw_pair,
    find_around,
    find_neighbours,
)
from mmseg_splashkd.datasets.parallel import map_frames
from mmseg_splashkd.datasets.split_table import (
    SPLITS,
    check_present,
    read_table,
    select_frames,
)
from mmseg_splashkd.datasets.splits.by_time import RATIOS, split_by_time
from mmseg_splashkd.datasets.splits.embargo import NO_EMBARGO, Embargo
from mmseg_splashkd.datasets.timestamps import timestamp_format

FOLDERS = {"img_path": "images", "seg_map_path": "labels"}
UNLABELLED = ("error", "skip", "include", "only", "all")
# Former argument names, as in configs recorded by older runs.
RENAMED = {"ann_file": "split_table", "label_map": "label_coding"}
READ_AT_LOAD = 5_000  # labels; reading more would delay each start by minutes


@DATASETS.register_module()
class TimeSplitDataset(BaseSegDataset):
    """Train, val or test part of a set of recordings, separated in time.

    Frames come from ``split_table`` (written by ``tools/split_dataset.py``), or from
    the folders ``data_prefix``. Folders, and a table without a split, are cut by
    ``ratios``; frames without time, such as photos, need a table with a split. Their
    samples have no ``timestamp``.

    The former names ``ann_file`` (now ``split_table``) and ``label_map`` (now
    ``label_coding``) are accepted with a ``DeprecationWarning``.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        fold: Fold to validate on, for a table with folds, at least 0. ``'train'`` is
            then all other folds without the embargo of this fold, ``'test'`` the test
            part outside folds. Default None: the table's column ``split`` decides.
        split_table: CSV file of the frames and their parts, relative to ``data_root``;
            default empty: frames of the folders ``data_prefix``.
        data_prefix: ``img_path`` and ``seg_map_path``, folders of images and labels in
            ``data_root``; default ``images`` and ``labels``.
        ratios: Shares of train, val and test, each in [0, 1], with sum 1.
        embargo: Minimum distance between parts cut by ``ratios``: frames (``5``) or
            seconds (``'30s'``), left out of the older part; default 0. See ``Embargo``.
        label_coding: Name of a built-in label coding (splash, camvid, cityscapes,
            trash, wildscenes), path of a YAML file, or a mapping with ``classes``,
            ``palette``, ``gray_to_train_id`` and, optionally, ``unknown``; see
            ``LabelCoding``.
        timestamp: Format of the time stamps in file names: a name or a mapping; see
            ``TimestampFormat``.
        unlabelled: Treatment of frames without a label: ``'error'`` (default),
            ``'skip'`` (their number is logged), ``'include'``, ``'only'`` (no other
            frames), or ``'all'`` (all frames, none with its label, as of a camera to
            adapt to). In the train part, their label is 255 (ignored) everywhere, so
            only losses against the teacher apply.
        neighbour: Draw with each frame, in the same view, the next frame of its
            recording and part (else the one before) that is at most so far away in
            time, such as ``'2s'``, labelled or not; for a ``temporal_loss`` of the
            model, in training only. How many frames have none is logged. Default None:
            frames alone. See ``datasets.neighbours``.
        clip: Name the frames just before and after each frame, of its recording and
            part and at most so far away in time, such as ``'2s'``, for the transform
            ``LoadClip``; where there is none, the frame itself. Default None.
        check_labels: Read every label when the data set is loaded; default None: only
            if there are at most 5,000 frames.
        img_suffix: Suffix of image files in folders; default ``'.png'``.
        seg_map_suffix: Suffix of label files in folders; default ``'.png'``.
        **kwargs: Passed to mmseg's ``BaseSegDataset``: ``data_root``, ``pipeline``, ...

    Raises:
        FileNotFoundError: A folder, the table, an image or a label is missing.
        ValueError: A name has no time stamp, a time stamp occurs twice in a recording,
            frames have neither a split nor a time, ``neighbour`` or ``clip`` finds
            none, or both are given, a label has a value outside the coding or another
            size than its frame, ``ratios`` do not sum to 1, the part is empty, the fold
            does not exist, or an argument is unknown.
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
        neighbour: str | None = None,
        clip: str | None = None,
        check_labels: bool | None = None,
        img_suffix: str = ".png",
        seg_map_suffix: str = ".png",
        **kwargs: Any,
    ) -> None:
        for name, value, choices in (
            ("split", split, SPLITS),
            ("unlabelled", unlabelled, UNLABELLED),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {value!r}")
        check_coded_arguments(kwargs)
        self.split = split
        self.fold = fold
        self.ratios = ratios
        self.embargo = Embargo.parse(str(embargo))
        self.coding = load_label_coding(label_coding)
        self.timestamp = timestamp_format(timestamp)
        self.unlabelled = unlabelled
        self.gap = None if neighbour is None else Gap.parse(str(neighbour))
        if self.gap and split != "train":
            raise ValueError(
                f"neighbour={neighbour!r} is for training, and split is {split!r}: "
                f"remove it"
            )
        self.clip_gap = None if clip is None else ClipGap.parse(str(clip))
        if neighbour is not None and clip is not None:
            raise ValueError(
                f"neighbour={neighbour!r} and clip={clip!r}: a neighbour would have "
                f"the clip of its frame. Set one of them"
            )
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
        """List the samples of this part in time order."""
        frames = self.chosen_frames()
        if not frames:
            raise ValueError(
                f"split {self.split!r} of {self.source} is empty: {self._why_empty()}"
            )
        self._check_files(frames)
        samples = [_sample_of(frame) for frame in frames]
        if self.gap:
            others = self.neighbours(frames)
            self._check_neighbours(others)
            for sample, other in zip(samples, others, strict=True):
                sample["neighbour"] = other and _sample_of(other)
        if self.clip_gap:
            for sample, around in zip(samples, self._clips(frames), strict=True):
                own = sample["img_path"]
                sample[CLIP] = [other.image if other else own for other in around]
        return samples

    def beside(self, frames: Sequence[Frame]) -> list[Frame]:
        """Frames that are read beside these, without a label: neighbours, and clips.

        Raises:
            ValueError: A frame has no time.
        """
        others = list(self.neighbours(frames))
        for around in self._around(frames):
            others += around
        return [replace(other, label="") for other in others if other]

    def _around(self, frames: Sequence[Frame]) -> list[Around]:
        if self.clip_gap is None:
            return []
        return find_around(frames, self.frames_of_split(), self.clip_gap)

    def _clips(self, frames: Sequence[Frame]) -> list[Around]:
        found = self._around(frames)
        gap = ClipGap.argument, self.clip_gap
        self._check_near([other for around in found for other in around], *gap)
        lacking = sum(None in around for around in found)
        print_log(
            f"{lacking} of {len(frames)} frames of {self.source} lack the frame before "
            f"or after within {self.clip_gap}: they stand in for it themselves",
            logger="current",
        )
        return found

    def neighbours(self, frames: Sequence[Frame]) -> list[Frame | None]:
        """The neighbour in time of each frame of this part, without its label.

        Returns:
            One per frame; None where there is none, for all frames if pairs are not
            drawn.

        Raises:
            ValueError: A frame has no time.
        """
        if self.gap is None:
            return [None] * len(frames)
        others = find_neighbours(frames, self.frames_of_split(), self.gap)
        return [other and replace(other, label="") for other in others]

    def _check_neighbours(self, neighbours: Sequence[Frame | None]) -> None:
        self._check_near(neighbours, Gap.argument, self.gap)
        print_log(
            f"{neighbours.count(None)} of {len(neighbours)} frames of {self.source} "
            f"have no neighbour within {self.gap}, and no temporal loss",
            logger="current",
        )

    def _check_near(
        self, found: Sequence[Frame | None], option: str, gap: Gap | None
    ) -> None:
        """Refuse an option that finds no frame, or one whose file is missing."""
        others = [other for other in found if other is not None]
        if not others:
            raise ValueError(
                f"{option}={gap}: no frame of split {self.split!r} of {self.source} "
                f"has another of its recording so near: give more seconds than the "
                f"interval of the frames"
            )
        check_present(others, self.source)

    def _why_empty(self) -> str:
        frames = self.all_frames()
        counts = Counter(frame.split for frame in frames if frame.split)
        listed = ", ".join(f"{name} {counts[name]}" for name in counts) or "none"
        folds = sorted({frame.fold for frame in frames if frame.fold is not None})
        has = f"it has {len(frames)} frames, by part: {listed}"
        if self.frames_of_split():
            return f"unlabelled={self.unlabelled!r} selects none of its frames"
        if folds and self.fold is None:
            return f"{has}, and the folds {folds}. A table with folds needs fold=."
        if folds and self.split == "test":
            return (
                f"{has}. Hold a test part out of the folds, tools/split_dataset.py "
                f"--test-share, or evaluate split='val'"
            )
        if self.ann_file and any(frame.split for frame in read_table(self.ann_file)):
            return f"no row of the table has this split; {has}"
        return f"too few frames for ratios {tuple(self.ratios)}; {has}"

    @property
    def source(self) -> str:
        """Path of the table, or of the folder of images."""
        return self.ann_file or self.data_prefix["img_path"]

    def all_frames(self) -> list[Frame]:
        """All frames of the table or the folders with their parts, in time order."""
        if self.ann_file:
            frames = in_time_order(read_table(self.ann_file))
        else:
            labels = self.data_prefix["seg_map_path"]
            may_lack = self.unlabelled in ("include", "only", "all")
            frames = list_frames(
                self.data_prefix["img_path"],
                None if may_lack and not Path(labels).is_dir() else labels,
                self.img_suffix,
                self.seg_map_suffix,
                self.timestamp,
            )
        split = {bool(frame.split) or frame.fold is not None for frame in frames}
        if split == {True, False}:
            raise ValueError(
                f"{self.source}: some rows have a split and some have none; use "
                f"'embargo' for frames in no part"
            )
        if True not in split:
            self._check_time(frames)
            return split_by_time(frames, self.ratios, self.embargo)
        if self.embargo != NO_EMBARGO:
            raise ValueError(
                f"embargo {self.embargo} is for frames cut by ratios, {self.source} is "
                f"split already: split it again with tools/split_dataset.py --embargo"
            )
        return frames

    def _check_time(self, frames: list[Frame]) -> None:
        if all(frame.has_time for frame in frames):
            return
        given = "--table" if self.ann_file else self.data_root or "DATA"
        raise ValueError(
            f"{self.source} has no split, and its frames have no time to cut along by "
            f"ratios: write a split table, python tools/split_dataset.py {given} "
            f"{self.ann_file or '--timestamp none'} --strategy random --out split.csv, "
            f"and set split_table"
        )

    def frames_of_split(self) -> list[Frame]:
        """Frames of this part in time order, with and without a label."""
        return select_frames(self.all_frames(), self.split, self.fold)

    def chosen_frames(self) -> list[Frame]:
        """Frames of this part that ``unlabelled`` selects, in time order."""
        return self._by_label(self.frames_of_split())

    def _by_label(self, frames: list[Frame]) -> list[Frame]:
        without = [frame for frame in frames if not frame.label]
        if self.unlabelled == "only":
            return without
        if self.unlabelled == "all":
            return [replace(frame, label="") for frame in frames]
        if not without or self.unlabelled == "include":
            return frames
        if self.unlabelled == "error":
            raise ValueError(
                f"{len(without)} frames of split {self.split!r} of {self.source} have "
                f"no label, the first is {without[0].image}: label them, or set "
                f"unlabelled='skip', 'include', 'only' or 'all'"
            )
        print_log(
            f"{self.source}: {len(without)} of {len(frames)} frames of split "
            f"{self.split!r} have no label and are skipped",
            logger="current",
        )
        return [frame for frame in frames if frame.label]

    def _check_files(self, frames: list[Frame]) -> None:
        check_present(frames, self.source, self.ann_file)
        many = len(frames) > READ_AT_LOAD
        if many and self.check_labels is None:
            print_log(
                f"{self.source}: {len(frames)} labels are not read at start; check "
                f"them with tools/check_dataset.py",
                logger="current",
            )
        elif self.check_labels is not False:
            used = map_frames(self._check, frames, "Reading labels", progress=False)
            empty = [f.label for f, any_ in zip(frames, used, strict=True) if not any_]
            if empty:
                print_log(
                    f"{self.source}: {len(empty)} of {len(frames)} labels of split "
                    f"{self.split!r} ignore every pixel and add nothing to losses and "
                    f"scores, the first is {empty[0]}",
                    logger="current",
                    level=logging.WARNING,
                )

    def _check(self, frame: Frame) -> bool:
        """Check the files of a frame; False if its label ignores every pixel."""
        if frame.label:
            return check_pair(Path(frame.image), Path(frame.label), self.coding)
        image_size(Path(frame.image))
        return True

    def get_data_info(self, idx: int) -> dict:
        """Sample ``idx`` with the entries that all samples share."""
        return super().get_data_info(idx) | {
            "label_map": self.coding.gray_to_train_id,
            "unknown_label": self.coding.unknown,
            "reduce_zero_label": False,
            "ignore_missing_label": self.split == "train",
            "seg_fields": [],
        }

    def get_cat_ids(self, idx: int) -> list[int]:
        """Classes in the label of frame ``idx``, as mmengine's wrappers balance them.

        The label is read. An unlabelled frame, or one that is ignored, has none.

        Raises:
            ValueError: The label cannot be read.
        """
        return np.flatnonzero(self.get_class_pixels(idx)).tolist()

    def get_class_pixels(self, idx: int) -> np.ndarray:
        """(C,) pixels of each class in the label of frame ``idx``, which is read.

        All are 0 of an unlabelled frame.

        Raises:
            ValueError: The label cannot be read.
        """
        label = self.get_data_info(idx).get("seg_map_path")
        if label is None:
            return np.zeros(len(self.coding.classes), np.int64)
        ids = self.coding.to_train_ids(read_gray(label), f"label {label}")
        return self.coding.class_pixels(ids)

    def prepare_data(self, idx: int) -> dict:
        """Run the pipeline on frame ``idx``.

        Raises:
            RuntimeError: It fails or drops the frame; the message names the frame.
        """
        frame = self.get_data_info(idx)["img_path"]
        try:
            sample = self._draw(idx)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"frame {frame} cannot be used: {reason}") from error
        if sample is None:  # BaseDataset would silently draw another frame
            raise RuntimeError(f"frame {frame} was dropped by the pipeline")
        return sample

    def _draw(self, idx: int) -> dict | None:
        info = self.get_data_info(idx)
        if self.gap is None:
            return self.pipeline(info)
        picture = info.pop("neighbour")
        other = picture and {**self.get_data_info(idx), **picture}
        return draw_pair(self.pipeline, info, other)


def _sample_of(frame: Frame) -> dict:
    sample: dict = {"img_path": frame.image, "recording": frame.recording}
    if frame.has_time:
        sample["timestamp"] = frame.timestamp
    return sample | ({"seg_map_path": frame.label} if frame.label else {})
