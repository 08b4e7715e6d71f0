"""What workers take, and the runs behind it."""

import threading
from collections.abc import Mapping
from typing import Any

from mmseg_splashkd.sweep.plan import (
    Arm,
    Cell,
    arm_at,
    arms_of_grid,
    cells_of,
    in_order,
)
from mmseg_splashkd.sweep.queue import Taken, Unit, as_param, from_params
from mmseg_splashkd.sweep.spec import Sweep

# The host reads a config through files and modules of fixed names: one at a time.
READING = threading.RLock()


class Units:
    """The units of a sweep: runs of a grid, or points of a search.

    Args:
        sweep: Of which.

    Attributes:
        arms: Of a grid.
        rows: The runs of each arm of a grid.
        all: The units, in the order of work.
        space: Key -> what it may be.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep, spec = sweep, sweep.spec
        self.arms: list[Arm] = []
        self.space: Mapping[str, Mapping[str, Any]] = spec.space
        if spec.search is None:
            self.arms = arms_of_grid(spec, sweep.began)
            self.space = {key: {"choices": found} for key, found in spec.grid.items()}
        self.rows = [cells_of(spec, arm) for arm in self.arms]
        self._cells = {cell.name: cell for cell in in_order(spec, self.arms)}
        self.all = self._points() or [
            Unit(cell.name, {key: as_param(v) for key, v in cell.arm.point.items()})
            for cell in self._cells.values()
        ]

    def _points(self) -> list[Unit]:
        trials = self.sweep.spec.trials or 0
        width = len(str(max(trials - 1, 0)))
        return [Unit(f"trial{index:0{width}}") for index in range(trials)]

    def cells_of(self, taken: Taken) -> list[Cell]:
        """The runs of a unit that was taken."""
        if taken.name in self._cells:
            return [self._cells[taken.name]]
        spec = self.sweep.spec
        point = from_params(taken.params, spec.space)
        with READING:
            arm = arm_at(spec, self.sweep.began, spec.configs[0], point, taken.name)
            return cells_of(spec, arm)
