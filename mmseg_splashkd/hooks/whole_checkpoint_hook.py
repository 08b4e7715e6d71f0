"""Saves checkpoints so that a run that is killed at any moment can be resumed."""

import os
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.files import target_of_partial, write_whole
from mmseg_splashkd.hooks.held_signals import held_signals
from mmseg_splashkd.hooks.resumed_epoch_hook import within_epoch
from mmseg_splashkd.records.traces import POINTER

PATHS = ("best_ckpt", "last_ckpt")  # starts of keys of the message hub


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """``CheckpointHook`` that removes an old checkpoint after the new one is whole.

    The order on the drive is: the checkpoint (see ``SafeRunner.save_checkpoint``), the
    file ``last_checkpoint`` that names it, removal of what it replaces. Signals are
    held meanwhile. ``last_checkpoint`` names the file relative to the work directory,
    and a resumed run finds its best checkpoint in its own folder: a folder can be
    moved, and a copy leaves the original as it is.

    A resumed run removes what a killed one left: partial files, and ``best_*``
    checkpoints that the checkpoint it resumes from does not know, and outdated ones.

    Arguments are those of ``mmengine.hooks.CheckpointHook``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._removals = _Removals()

    def before_train(self, runner: Runner) -> None:
        """Find folder and best checkpoints, and remove what a killed run left."""
        hub = runner.message_hub
        folder = self._folder(runner)
        for name in [each for each in hub.runtime_info if each.startswith(PATHS)]:
            if isinstance(path := hub.get_info(name), str):
                hub.update_info(name, str(folder / Path(path).name))
        super().before_train(runner)
        if isinstance(self.file_backend, LocalBackend):
            self.file_backend = self._removals
        if runner.iter and is_main_process():
            self.last_ckpt = hub.get_info("last_ckpt")
            self._clean(runner, folder)

    def _folder(self, runner: Runner) -> Path:
        """Where checkpoints are written, as the parent class finds it."""
        if self.out_dir in (None, runner.work_dir):
            return Path(runner.work_dir)
        return Path(str(self.out_dir), Path(runner.work_dir).name)

    def _clean(self, runner: Runner, folder: Path) -> None:
        hub = runner.message_hub
        known = {
            Path(str(hub.get_info(name))).name
            for name in hub.runtime_info
            if name.startswith("best_ckpt")
        }
        folders = {folder, Path(runner.work_dir), Path(runner.work_dir, "scores")}
        left = {path for each in folders for path in each.glob("best_*.pth")}
        left = {path for path in left if path.name not in known}
        left |= {p for each in folders for p in each.glob(".*") if target_of_partial(p)}
        left |= self._outdated(runner, folder)
        for path in sorted(left):
            path.unlink()
            runner.logger.warning(f"removed {path}, which a killed run left")

    def _outdated(self, runner: Runner, folder: Path) -> set[Path]:
        """Checkpoints that were to be removed when the run was killed."""
        if self.max_keep_ckpts <= 0:
            return set()
        done = runner.epoch if self.by_epoch else runner.iter
        names = {self.filename_tmpl.format(step): step for step in range(done)}
        kept = {self.filename_tmpl.format(step) for step in self.keep_ckpt_ids}
        paths = {folder / name for name in names.keys() - kept}
        return paths & set(folder.iterdir())

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        with held_signals(), self._removals:
            super()._save_checkpoint_with_step(runner, step, meta)
            if is_main_process():
                named = os.path.relpath(str(self.last_ckpt), runner.work_dir)
                write_whole(Path(runner.work_dir, POINTER), named, sync=True)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        with held_signals(), self._removals:
            super()._save_best_checkpoint(runner, metrics)


class _Removals(LocalBackend):
    """A backend that removes files at the end of the outermost context."""

    def __init__(self) -> None:
        super().__init__()
        self._depth, self._paths = 0, []

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._depth -= 1
        if self._depth:
            return
        paths, self._paths = self._paths, []
        if kind is None:  # otherwise the new file is not whole
            for path in paths:
                Path(path).unlink(missing_ok=True)

    def remove(self, filepath: str | Path) -> None:
        """Remove a file, at the end of the context if there is one."""
        if self._depth:
            self._paths.append(filepath)
        else:
            super().remove(filepath)


def save_now(runner: Runner, iteration: int, if_last: bool = False) -> None:
    """Save a checkpoint of an iteration, unless there is one.

    Within an epoch, a hook that counts epochs names it by those that are complete (see
    ``ResumedEpochHook``).

    Args:
        runner: Runner with a ``CheckpointHook``.
        iteration: Number of finished iterations.
        if_last: Only by a hook that saves at the last iteration.
    """
    within = within_epoch(runner.train_loop, iteration)
    for hook in runner.hooks:
        if not isinstance(hook, CheckpointHook) or (if_last and not hook.save_last):
            continue
        step = runner.epoch if hook.by_epoch else iteration
        name = hook.filename_tmpl.format(step)
        last = runner.message_hub.get_info("last_ckpt")
        saved = last is not None and Path(last).name == name and Path(last).is_file()
        if not saved or (hook.by_epoch and within):
            # The step of CheckpointHook._save_checkpoint is that after the present one.
            meta = {"epoch": runner.epoch, "iter": iteration}
            hook._save_checkpoint_with_step(runner, step, meta)
