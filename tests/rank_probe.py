"""Imported by a distributed test run: writes each rank's model when training ends."""

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_splashkd.models.bare_model import bare_model


@HOOKS.register_module()
class RankProbeHook(Hook):
    """Saves the student's state and the teacher's, before and after training."""

    priority = "LOWEST"

    def before_train(self, runner) -> None:
        self._save(runner, "before")

    def after_train(self, runner) -> None:
        self._save(runner, "after")

    def _save(self, runner, when: str) -> None:
        model: Any = bare_model(runner.model)
        state = {
            "world_size": runner.world_size,
            "student": model.state_dict(),
            "teacher": model.teacher.state_dict(),
        }
        torch.save(state, Path(runner.work_dir) / f"rank{runner.rank}_{when}.pt")
