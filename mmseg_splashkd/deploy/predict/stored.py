"""The figures of a picture in a folder of predictions: written last, read to go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.predict.layout import MASKS, OVERLAYS, picture_file
from mmseg_splashkd.files import file_sha256, write_whole
from mmseg_splashkd.foreign import read_json

FIGURES = "figures"


@dataclass(frozen=True)
class Kept:
    """A picture that has been predicted.

    Attributes:
        row: Its figures, as predicted.
        is_corrected: Whether somebody has changed its mask since.
        has_overlay: Whether its overlay is there.
    """

    row: dict[str, Any]
    is_corrected: bool
    has_overlay: bool


@dataclass(frozen=True)
class Stored:
    """Folder of predictions.

    Args:
        folder: The folder.
        overlays: Whether pictures have overlays in it.
    """

    folder: Path
    overlays: bool

    def mask(self, name: str) -> Path:
        """Mask of a picture."""
        return picture_file(self.folder, MASKS, name)

    def overlay(self, name: str) -> Path:
        """Overlay of a picture."""
        return picture_file(self.folder, OVERLAYS, name)

    def write(self, name: str, sha256: str, row: Mapping[str, object]) -> None:
        """Note that a picture is done, after its files are there.

        Args:
            name: Its name.
            sha256: Hash of its file.
            row: Its figures.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        mask = file_sha256(self.mask(name))
        content = {"sha256": sha256, "mask_sha256": mask, "row": dict(row)}
        write_whole(self._file(name), json.dumps(content, indent=1) + "\n")

    def read(self, name: str, sha256: str) -> Kept | None:
        """What is there of a picture; None if it is still to be predicted.

        Args:
            name: Its name.
            sha256: Hash of its file, which may have changed.
        """
        if not (self.mask(name).is_file() and self._file(name).is_file()):
            return None
        try:
            content = read_json(self._file(name), "figures")
            if content["sha256"] != sha256:
                return None
            changed = content["mask_sha256"] != file_sha256(self.mask(name))
            return Kept(dict(content["row"]), changed, self.overlay(name).is_file())
        except (KeyError, TypeError, ValueError):  # edited: predict again
            return None

    def _file(self, name: str) -> Path:
        return self.folder / FIGURES / f"{name}.json"
