"""The figures of a picture in a folder of predictions: written last, read to go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.predict.layout import MASKS, OVERLAYS, picture_file
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.foreign import read_json

FIGURES = "figures"


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

    def write(self, name: str, sha256: str, row: Mapping[str, object]) -> None:
        """Note that a picture is done, after its files are there.

        Args:
            name: Its name.
            sha256: Hash of its file.
            row: Its figures.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
        """
        content = {"sha256": sha256, "row": dict(row)}
        write_whole(self._file(name), json.dumps(content, indent=1) + "\n")

    def read(self, name: str, sha256: str) -> dict[str, Any] | None:
        """Figures of a picture; None if it, or a part of it, is still to be predicted.

        Args:
            name: Its name.
            sha256: Hash of its file, which may have changed.
        """
        kinds = (MASKS, OVERLAYS) if self.overlays else (MASKS,)
        files = [picture_file(self.folder, kind, name) for kind in kinds]
        if not all(file.is_file() for file in (*files, self._file(name))):
            return None
        try:
            content = read_json(self._file(name), "figures")
            return content["row"] if content["sha256"] == sha256 else None
        except (KeyError, TypeError, ValueError):  # edited: predict again
            return None

    def _file(self, name: str) -> Path:
        return self.folder / FIGURES / f"{name}.json"
