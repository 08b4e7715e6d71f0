"""The frames of a target, as split tables of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmseg_splashkd.config.text import text_sha256
from mmseg_splashkd.datasets.frames import Frame
from mmseg_splashkd.datasets.listing import describe_passed_over, list_pictures
from mmseg_splashkd.datasets.split_table import write_table
from mmseg_splashkd.datasets.timestamps import NO_TIME, TimestampFormat
from mmseg_splashkd.files import file_sha256

IMAGES, LABELS = "images", "labels"
LABEL_SUFFIX = ".png"


@dataclass(frozen=True)
class TargetFrames:
    """Frames of a target.

    Args:
        folder: Their folder.
        frames: All frames, in the training part; with the labels that some may have.
    """

    folder: Path
    frames: Sequence[Frame]

    @property
    def labelled(self) -> list[Frame]:
        """Those with a label."""
        return [frame for frame in self.frames if frame.label]

    @property
    def sha256(self) -> str:
        """Digest of the paths and sizes of the pictures."""
        about = [f"{f.image} {Path(f.image).stat().st_size}" for f in self.frames]
        return text_sha256("\n".join(about))

    @property
    def labels_sha256(self) -> str:
        """Digest of the labels: of which frames, and their content."""
        about = [f"{f.label} {file_sha256(f.label)}" for f in self.labelled]
        return text_sha256("\n".join(about))

    def check_labelled(self, option: str) -> None:
        """Check that there is a labelled frame.

        Args:
            option: What needs it.

        Raises:
            ValueError: None has a label.
        """
        if not self.labelled:
            raise ValueError(
                f"{option} needs labelled frames of {self.folder}: put their labels "
                f"into {LABELS}/ of it, with the names of the frames"
            )

    def table(self, folder: Path) -> Path:
        """Split table of the training frames, without labels: none reaches it."""
        return folder.resolve() / "target.csv"

    def labelled_table(self, folder: Path) -> Path:
        """Split table of those with a label."""
        return folder.resolve() / "target_labelled.csv"

    def check_unlabelled(self) -> None:
        """Check that there is a frame to train on where those with a label do not.

        Raises:
            ValueError: All have a label.
        """
        if len(self.labelled) == len(self.frames):
            raise ValueError(
                f"every frame of {self.folder} has a label, and labelled ones do not "
                f"train where they say when to stop: add frames without a label"
            )

    def write(self, folder: Path, without_labelled: bool = False) -> None:
        """Write both tables into a folder; the second one if there are labels.

        Args:
            folder: The folder.
            without_labelled: Whether labelled frames are left out of training.
        """
        frames = [f for f in self.frames if not (without_labelled and f.label)]
        write_table(self.table(folder), [replace(f, label="") for f in frames])
        if self.labelled:
            write_table(self.labelled_table(folder), self.labelled)


def list_target(folder: Path, timestamp: TimestampFormat) -> TargetFrames:
    """Frames of a folder, with the labels that some of them may have.

    Args:
        folder: Folder with pictures in ``images`` or, without it, in itself, and their
            subfolders; ``labels`` holds labels of some frames, under the same names.
        timestamp: Format of names that tell a time; other names tell none.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: It holds no picture.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"--target {folder} is no folder")
    images, labels = folder / IMAGES, folder / LABELS
    root = images if images.is_dir() else folder
    pictures, passed_over = list_pictures(root)
    pictures = [each for each in pictures if not each.is_relative_to(labels)]
    if not pictures:
        there = describe_passed_over(passed_over) or "nothing"
        raise ValueError(f"--target {folder} holds no picture: {there} in {root}")
    frames = [_frame(picture, root, labels, timestamp) for picture in pictures]
    return TargetFrames(folder, frames)


def _frame(
    picture: Path, root: Path, labels: Path, timestamp: TimestampFormat
) -> Frame:
    inner = picture.relative_to(root)
    try:
        time = timestamp.parse(inner.stem, picture).timestamp
    except ValueError:
        time = NO_TIME
    label = labels / inner.with_suffix(LABEL_SUFFIX)
    return Frame(
        inner.parent.as_posix(),
        time,
        str(picture.absolute()),
        str(label.absolute()) if label.is_file() else "",
        "train",
    )
