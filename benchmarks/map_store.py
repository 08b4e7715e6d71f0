"""The file of a cell's results, from which an interrupted study goes on.

Folders of runs are large and may be lost with a machine. What the page shows is kept
beside it, and is enough not to repeat a run of a student.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from map_cell import Cell
from study_runs import RESULT

if TYPE_CHECKING:
    from when_it_pays import Study

PARTS = ("tuning", "runs", "equal time")
DIGITS = 4


class Kept:
    """What is kept of a cell.

    Args:
        cell: The cell.
        results: The file; it need not exist.

    Attributes:
        text: Teachers, and the runs of each part.

    Raises:
        ValueError: The file is of another cell.
    """

    def __init__(self, cell: Cell, results: Path) -> None:
        self.cell = cell
        self.results = results
        self.text: dict[str, Any] = {"cell": cell.name, "teachers": []}
        self.text |= {part: [] for part in PARTS}
        if results.is_file():
            self.text |= json.loads(results.read_text(encoding="utf-8"))
            self.text.pop("setting", None)  # of a study that was whole
        if self.text["cell"] != cell.name:
            raise ValueError(
                f"{results} holds the cell {self.text['cell']!r}, not {cell.name!r}"
            )

    def keep(self, part: str, runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Write the file after every run that is not in it.

        Args:
            part: Part of the study.
            runs: All runs of this part, one after the other. Those of other rates and
                seeds stay in the file, and are not read.

        Returns:
            What is kept of them.
        """
        before = {_key(each): each for each in self.text[part]}
        done: dict[tuple[Any, ...], dict[str, Any]] = {}
        for run in runs:
            each = self.short(run)
            done[_key(each)] = each
            self.text[part] = [*(before | done).values()]
            if _key(each) not in before:
                self.write()
        return [*done.values()]

    def write(self) -> None:
        """Write the file."""
        from mmseg_splashkd.files import write_whole

        self.text["date"] = datetime.now(UTC).date().isoformat()
        self.results.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.results, json.dumps(self.text, indent=1) + "\n")

    def short(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a run's result that is kept: scores, curve, time and machine."""
        kept = {k: v for k, v in result.items() if k not in ("weights", "test")}
        metric, shown = self.cell.metric, (self.cell.tested, *self.cell.beside)
        if "val" in result:
            kept["val"] = {metric: round(result["val"][metric], DIGITS)}
            kept["curve"] = [[at, round(each, DIGITS)] for at, each in result["curve"]]
        if "test" in result:
            kept["test"] = {
                key: round(value, DIGITS)
                for key, value in result["test"].items()
                if key in shown or key.startswith("IoU.")
            }
        return kept


def _key(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(run.get(name) for name in ("arm", "rate", "seed", "iterations"))


def restore(study: "Study", text: Mapping[str, Any]) -> None:
    """Put the results of students back into the folders of their runs, where lost.

    ``result_of`` refuses one of another plan.

    Args:
        study: The runs of the cell.
        text: What is kept of it.
    """
    for part in PARTS:
        for each in text[part]:
            folder = study.folder_of(each["arm"], each["rate"], each["seed"])
            if part == "equal time":
                folder = longer_folder(folder, each["iterations"])
            if not (folder / RESULT).is_file():
                folder.mkdir(parents=True, exist_ok=True)
                (folder / RESULT).write_text(json.dumps(each), encoding="utf-8")


def longer_folder(folder: Path, iterations: int) -> Path:
    """Folder of a run that has another length."""
    return folder.with_name(f"{folder.name}_{iterations}it")
