"""Saves checkpoints so that a run that is killed at any moment can be resumed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import FileClient, LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.files import target_of_partial, write_whole
from mmseg_splashkd.hooks.held_signals import held_signals
from mmseg_splashkd.hooks.resumed_epoch_hook import within_epoch
from mmseg_splashkd.records.checkpoints import POINTER
from mmseg_splashkd.unwritable import writing

PATHS = ("best_ckpt", "last_ckpt")  # starts of keys of the message hub
REPLACED = "replaced_ckpts"  # in the message hub: files that a new checkpoint replaces
ASIDE = ".last_checkpoint.aside"  # folder of the pointer that mmengine writes
FIELD = re.compile(r"\{[^}]*\}")  # of a format string


def on_drive(folder: str | Path, backend_args: Any, file_client_args: Any) -> bool:
    """Whether files are written to a folder of this machine, not to a remote store.

    Args:
        folder: Path or URI.
        backend_args: As in ``mmengine.hooks.CheckpointHook``.
        file_client_args: As there, deprecated.
    """
    if file_client_args:
        client = FileClient.infer_client(file_client_args, folder)
        return isinstance(client.client, LocalBackend)
    backend = get_file_backend(str(folder), backend_args=backend_args)
    return isinstance(backend, LocalBackend)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """``CheckpointHook`` that removes an old checkpoint after the new one is whole.

    The order on the drive is: the checkpoint (see ``SafeRunner.save_checkpoint``), the
    file ``last_checkpoint`` that names it, removal of what it replaces: the drive needs
    room for one checkpoint more than are kept. Signals are held meanwhile.
    ``last_checkpoint`` names the file relative to the work directory, checkpoints name
    others without their folder, and a resumed run finds them in its own: a folder can
    be moved, and a copy leaves the original as it is.

    A resumed run removes what a killed one left: partial files, checkpoints that the
    one it resumes from replaces, and best checkpoints that it does not know.

    Arguments are those of ``mmengine.hooks.CheckpointHook``. Checkpoints of a remote
    store are written as mmengine writes them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._removals = _Removals()
        self._local = True

    def before_train(self, runner: Runner) -> None:
        """Find folder and best checkpoints, and remove what a killed run left."""
        hub, written = runner.message_hub, self.out_dir or runner.work_dir
        self._local = on_drive(written, self.backend_args, self.file_client_args)
        folder = self._folder(runner)
        for name, path in _paths(hub.runtime_info) if self._local else ():
            hub.update_info(name, str(folder / Path(path).name))
        super().before_train(runner)
        if self._local:
            self.file_backend = self._removals
            self._removals.hub = hub
        if not runner.iter:
            return
        self.last_ckpt = hub.get_info("last_ckpt")
        if self._local and is_main_process():
            self._clean(runner, folder)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Name files in a checkpoint without the folder that they are in now."""
        if self._local:
            info = checkpoint["message_hub"]["runtime_info"]
            info.update({name: Path(path).name for name, path in _paths(info)})

    def _folder(self, runner: Runner) -> Path:
        """Where checkpoints are written, as the parent class finds it."""
        if self.out_dir in (None, runner.work_dir):
            return Path(runner.work_dir)
        return Path(str(self.out_dir), Path(runner.work_dir).name)

    def _clean(self, runner: Runner, folder: Path) -> None:
        hub = runner.message_hub
        known = {Path(path).name for _, path in _paths(hub.runtime_info)}
        step = r"\d+".join(map(re.escape, FIELD.split(self.filename_tmpl)))
        best = re.compile(rf"best_.+_{step}")  # files of the user have other names
        folders = {folder, Path(runner.work_dir), Path(runner.work_dir, "scores")}
        files = {path for each in folders for path in each.glob("*") if path.is_file()}
        left = {path for path in files if best.fullmatch(path.name)}
        left |= {folder / name for name in hub.get_info(REPLACED) or ()} & files
        left = {path for path in left if path.name not in known}
        left |= {path for path in files if target_of_partial(path)}
        shutil.rmtree(Path(runner.work_dir, ASIDE), ignore_errors=True)
        for path in sorted(left):
            path.unlink()
            runner.logger.warning(f"removed {path}, which a killed run left")

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        if not self._local:
            super()._save_checkpoint_with_step(runner, step, meta)
            return
        with held_signals(), self._removals, _aside(runner) as aside:
            super()._save_checkpoint_with_step(aside, step, meta)
            if is_main_process():
                # Resolved: ".." of a link leads to the parent of what it points to.
                folder = Path(runner.work_dir).resolve()
                named = os.path.relpath(Path(str(self.last_ckpt)).resolve(), folder)
                write_whole(Path(runner.work_dir, POINTER), named, sync=True)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        with held_signals(), self._removals:
            super()._save_best_checkpoint(runner, metrics)

    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        with held_signals():
            super()._publish_model(runner, ckpt_path)


def _paths(info: Any) -> list[tuple[str, str]]:
    """The entries of a message hub that name checkpoints."""
    return [
        (name, value)
        for name, value in info.items()
        if name.startswith(PATHS) and isinstance(value, str)
    ]


class _Elsewhere:
    """A runner with another work directory, for what the parent class writes there."""

    def __init__(self, runner: Runner, work_dir: Path) -> None:
        self._runner, self.work_dir = runner, str(work_dir)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


@contextmanager
def _aside(runner: Runner) -> Iterator[Any]:
    """The runner, whose ``last_checkpoint`` is written aside and then removed.

    The parent class writes it in place: a kill would leave it empty, and a copy of the
    folder by hard links would share it with the original.
    """
    if not is_main_process():
        yield runner
        return
    aside = Path(runner.work_dir, ASIDE)
    with writing(aside):
        aside.mkdir(parents=True, exist_ok=True)
        try:
            yield _Elsewhere(runner, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


class _Removals(LocalBackend):
    """A backend that removes files at the end of the outermost context.

    The message hub, which the new checkpoint contains, names them meanwhile. One that
    has been written again under the same name stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._files: dict[Path, tuple[int, int]] = {}
        self.hub: MessageHub | None = None

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._depth -= 1
        if self._depth:
            return
        files, self._files = self._files, {}
        if kind is None:  # otherwise the new file is not whole
            for path, identity in files.items():
                if _identity(path) == identity:
                    path.unlink()

    def remove(self, filepath: str | Path) -> None:
        """Remove a file, at the end of the context if there is one."""
        identity = _identity(Path(filepath))
        if not self._depth or identity is None:
            super().remove(filepath)
            return
        self._files[Path(filepath)] = identity
        if self.hub is not None:
            self.hub.update_info(REPLACED, [path.name for path in self._files])


def _identity(path: Path) -> tuple[int, int] | None:
    """What differs between a file and another that was renamed to its name."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


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
