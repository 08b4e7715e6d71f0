"""What is predicted of several frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np

from mmseg_splashkd.deploy.predict.layout import MASKS
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.predict.tables import data_frame, write_table

SHOWN = 10  # lines


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Sequence[Prediction]):
    """Predictions in the order of their frames.

    Attributes:
        items: The predictions.
    """

    items: tuple[Prediction, ...]

    @overload
    def __getitem__(self, index: int) -> Prediction: ...
    @overload
    def __getitem__(self, index: slice) -> "Predictions": ...
    def __getitem__(self, index: int | slice) -> "Prediction | Predictions":
        if isinstance(index, slice):
            return Predictions(self.items[index])
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.items)

    def rows(self) -> list[dict[str, object]]:
        """Figures of each frame by name, see ``Prediction.row``."""
        return [each.row() for each in self]

    def table(self) -> Any:
        """``rows`` as a ``pandas.DataFrame``.

        Raises:
            ImportError: pandas is not installed.
        """
        return data_frame(self.rows(), "table()")

    def draw(self, opacity: float = 0.5) -> list[np.ndarray]:
        """Classes over each frame, see ``Prediction.draw``."""
        return [each.draw(opacity) for each in self]

    def save(self, folder: str | Path, coding: str = "train_ids") -> Path:
        """Write masks, overlays and ``table.csv``, see ``Prediction.save``.

        Returns:
            Folder of the masks.

        Raises:
            UnwritableError: Drive, quota or rights do not allow it.
            ValueError: As of ``Prediction.save``, or two frames have one name.
        """
        names = [each.name for each in self]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(
                f"several frames have the name {min(twice)!r}, and would be written to "
                f"one file: save them into different folders"
            )
        for each in self:
            each.save(folder, coding)
        write_table(Path(folder) / "table.csv", self.rows())
        return Path(folder) / MASKS

    def __str__(self) -> str:
        more = f"\n... and {len(self) - SHOWN} more" if len(self) > SHOWN else ""
        return "\n".join(map(str, self.items[:SHOWN])) + more

    def __repr__(self) -> str:
        return f"<{len(self)} predictions>\n{self}"
