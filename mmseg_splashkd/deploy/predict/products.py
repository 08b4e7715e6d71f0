"""Files beside the masks: a table, and tasks for annotation tools."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_splashkd.datasets.mask_coding import read_mask
from mmseg_splashkd.deploy.predict.cvat import cvat_document
from mmseg_splashkd.deploy.predict.folder import Outcome
from mmseg_splashkd.deploy.predict.label_studio import label_studio_task
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.sources import Picture
from mmseg_splashkd.deploy.predict.stored import Stored
from mmseg_splashkd.deploy.predict.tables import Rows, check_table, write_table
from mmseg_splashkd.files import check_writable, write_whole


@dataclass(frozen=True)
class Products:
    """Files that are asked for; None: not asked for.

    Args:
        table: ``.csv`` or ``.parquet``.
        label_studio: ``.json``.
        cvat: ``.xml``.
        picture_url: What precedes the path of a picture in a task of Label Studio.
    """

    table: Path | None
    label_studio: Path | None
    cvat: Path | None
    picture_url: str

    @classmethod
    def of(
        cls,
        table: str | None,
        label_studio: str | None,
        cvat: str | None,
        picture_url: str,
    ) -> "Products":
        """Check the files before anything takes time.

        Raises:
            ImportError: A package for Parquet is not installed.
            OSError: A file could not be written.
            ValueError: A file has another suffix.
        """
        given = {"--label-studio": (label_studio, ".json"), "--cvat": (cvat, ".xml")}
        for option, (path, suffix) in given.items():
            if path is not None and Path(path).suffix != suffix:
                raise ValueError(f"{option} {path}: it writes a {suffix} file")
        if table is not None:
            check_table(Path(table))
        options = {"--table": table, "--label-studio": label_studio, "--cvat": cvat}
        paths = {name: Path(path) for name, path in options.items() if path is not None}
        for option, path in paths.items():
            check_writable(path.parent, f"the folder of {option}")
        return cls(*map(paths.get, options), picture_url=picture_url)

    def write(
        self,
        model: SplashModel,
        outcome: Outcome,
        stored: Stored,
        coding: str,
        name: str,
    ) -> list[str]:
        """Write the files.

        Args:
            model: The model.
            outcome: Figures of the pictures.
            stored: Their masks.
            coding: Pixel values of the masks.
            name: Name of the model, for annotators.

        Returns:
            A line for each file.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: A mask is damaged.
        """
        masks = _Masks(model, outcome, stored, coding)
        lines = []
        if self.table is not None:
            write_table(self.table, _rows(outcome))
            lines.append(f"Table: {self.table}")
        if self.label_studio is not None:
            tasks = (
                label_studio_task(
                    picture.file,
                    labels,
                    model.classes,
                    outcome.rows[picture],
                    name,
                    self.picture_url,
                )
                for picture, labels in masks
            )
            write_whole(self.label_studio, "[\n" + ",\n".join(tasks) + "\n]\n")
            lines.append(f"Tasks for Label Studio: {self.label_studio}")
        if self.cvat is not None:
            named = ((picture.file, labels) for picture, labels in masks)
            palette = model.coding.palette
            write_whole(self.cvat, cvat_document(named, model.classes, palette))
            lines.append(f"Annotations for CVAT: {self.cvat}")
        return lines


@dataclass(frozen=True)
class _Masks:
    """Pictures and their (H, W) uint8 trainIds, read again one at a time."""

    model: SplashModel
    outcome: Outcome
    stored: Stored
    coding: str

    def __iter__(self) -> Iterator[tuple[Picture, np.ndarray]]:
        for picture in self.outcome.rows:
            mask = self.stored.mask(picture.name)
            yield picture, read_mask(mask, self.coding, self.model.coding)


def _rows(outcome: Outcome) -> Rows:
    """Figures of all pictures; one that cannot be read has its reason instead."""
    rows = [{**row, "error": ""} for row in outcome.rows.values()]
    return rows + [
        {"picture": picture.file, "path": str(picture.path), "error": reason}
        for picture, reason in outcome.unreadable.items()
    ]
