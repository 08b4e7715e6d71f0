"""mmengine's runner, with checkpoints read safely and completely."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    load_strict,
    not_finite,
    read_checkpoint,
)
from mmseg_splashkd.files import whole_file
from mmseg_splashkd.hooks.held_signals import held_signals
from mmseg_splashkd.hooks.whole_checkpoint_hook import on_drive
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.heads.positional_segformer_head import (
    check_position_embedding,
)
from mmseg_splashkd.records.traces import find_resumable
from mmseg_splashkd.runs.building import NamingRunner
from mmseg_splashkd.runs.end_workers import end_workers
from mmseg_splashkd.runs.needed_hooks import whole_checkpoints
from mmseg_splashkd.runs.new_schedule import follow_new_schedules, schedules_differ
from mmseg_splashkd.runs.once_formatted import OnceFormattedConfig
from mmseg_splashkd.runs.quiet_optimizer import quiet_optimizer
from mmseg_splashkd.runs.worker_signals import Shielded

OWN_NOTICE = '"FileClient" will be deprecated'


@RUNNERS.register_module()
class SafeRunner(NamingRunner):
    """``Runner`` that runs no code from a checkpoint and loads all of it or nothing.

    mmengine falls back to an unsafe load, evaluates the training config in the file,
    and only warns of keys that do not match.
    """

    @classmethod
    def from_cfg(cls, cfg: Any) -> Runner:
        """Build a runner from a config, whose text is formatted once."""
        is_config = isinstance(cfg, Config)
        return super().from_cfg(OnceFormattedConfig.of(cfg) if is_config else cfg)

    def train(self) -> nn.Module:
        """Train, and end the data-loading workers; see ``mmengine.runner.Runner``."""
        try:
            return super().train()
        finally:
            end_workers(self._train_loop, self._val_loop)

    def test(self) -> dict[str, float]:
        """Test, and end the data-loading workers; see ``mmengine.runner.Runner``."""
        try:
            return super().test()
        finally:
            end_workers(self._test_loop)

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = "cpu",
        strict: bool = True,
        revise_keys: list | None = None,
    ) -> dict:
        """Load weights for testing, resuming or starting from.

        Args:
            filename: A ``.safetensors`` file or a checkpoint of mmengine.
            map_location: Device for the tensors.
            strict: Must be True; part of mmengine's signature.
            revise_keys: Not supported; part of mmengine's signature.

        Returns:
            The checkpoint.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: ``strict=False`` or ``revise_keys`` is given, the file is
                damaged, holds code or values that are not finite, or the model's
                position embedding is not the one its weights were trained with.
            RuntimeError: It does not fit the model.
        """
        if not strict or revise_keys:
            raise ValueError(
                "SafeRunner loads all keys unchanged: leave out strict and revise_keys"
            )
        path = find_checkpoint(filename)
        checkpoint = read_checkpoint(path, map_location, own=self._resume)
        if names := not_finite(checkpoint["state_dict"]):
            raise ValueError(
                f"checkpoint {path} holds NaN or infinite values ({names[0]} and "
                f"{len(names) - 1} other tensors): the run that wrote it diverged. "
                f"Name the weights of another run"
            )
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        model, source = bare_model(self.model), f"checkpoint {path}"
        load_strict(model, checkpoint["state_dict"], source)
        check_position_embedding(model, checkpoint["meta"], source)
        self._has_loaded = True
        self.logger.info(f"Loaded checkpoint from {path}")
        return checkpoint

    def save_checkpoint(
        self, out_dir: str, filename: str, *args: Any, **kwargs: Any
    ) -> None:
        """Save a checkpoint in one piece; see ``mmengine.runner.Runner``.

        If the process is killed or the drive is full, the file stays as it was. Signals
        are held meanwhile.
        """
        client = args[0] if args else kwargs.get("file_client_args")
        remote = not on_drive(out_dir, kwargs.get("backend_args"), client)
        if remote or not is_main_process():
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        with held_signals(), whole_file(Path(out_dir, filename), sync=True) as partial:
            super().save_checkpoint(out_dir, partial.name, *args, **kwargs)

    def load_or_resume(self) -> None:
        """Load or resume; a run is resumed from its newest checkpoint that is whole.

        Raises:
            ValueError: There are checkpoints, and none is whole.
        """
        if self._resume and self._load_from is None and not self._has_loaded:
            found: list[Any] = [None, ()]
            if is_main_process():
                found = list(find_resumable(self.work_dir))
            broadcast_object_list(found)
            path, passed_over = found
            for each in passed_over:
                self.logger.warning(
                    f"{each} is damaged or not whole: it is passed over"
                )
            if path is None and passed_over:
                raise ValueError(
                    f"nothing to resume in work_dir={self.work_dir!r}: none of its "
                    f"checkpoints is whole. Remove them to begin again"
                )
            if path is None:
                return  # the run was killed before its first checkpoint
            self.logger.info(f"resumes from {path}")
            self._load_from = str(path)
        super().load_or_resume()

    def register_default_hooks(self, hooks: Any = None) -> None:
        """Build and register ``default_hooks``, with ``WholeCheckpointHook``."""
        default: dict[str, Any] = {"checkpoint": {"type": "CheckpointHook"}}
        named = {**default, **(hooks or {})}
        super().register_default_hooks(
            {name: whole_checkpoints(hook) for name, hook in named.items()}
        )

    def register_custom_hooks(self, hooks: list[Hook | dict]) -> None:
        """Build and register ``custom_hooks``, with ``WholeCheckpointHook``."""
        super().register_custom_hooks([whole_checkpoints(hook) for hook in hooks])

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a loader whose workers leave signals to the run; see ``Shielded``."""
        loader = NamingRunner.build_dataloader(*args, **kwargs)
        if not isinstance(loader.worker_init_fn, Shielded):
            loader.worker_init_fn = Shielded(loader.worker_init_fn)
        return loader

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger of the run, without a notice about mmengine's own code."""
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(lambda line: not line.getMessage().startswith(OWN_NOTICE))
        return logger

    def build_optim_wrapper(self, optim_wrapper: OptimWrapper | dict) -> OptimWrapper:
        """Build the optimizer; one line of the log names its rates."""
        with quiet_optimizer(self.logger) as summarise:
            built = super().build_optim_wrapper(optim_wrapper)
            summarise(built)
        return built  # type: ignore[return-value]

    def resume(self, filename: str, *args, **kwargs) -> None:
        """Continue a run; see ``mmengine.runner.Runner.resume``.

        Where ``param_scheduler`` has changed since the checkpoint was written, the new
        schedules are followed: see ``follow_new_schedules``.

        Raises:
            ValueError: The file holds weights without the state of the optimizer, or
                beside their average and the config has no ``EMAHook``; or new schedules
                cannot be followed from the middle.
        """
        checkpoint = read_checkpoint(find_checkpoint(filename), own=True)
        if "optimizer" not in checkpoint:
            raise ValueError(
                f"cannot resume from {filename}: it holds weights without the state of "
                f"the optimizer. Resume from an iter_*.pth of the work directory"
            )
        averages = any(isinstance(hook, EMAHook) for hook in self.hooks)
        if "ema_state_dict" in checkpoint and not averages:
            raise ValueError(
                f"cannot resume from {filename} without an EMAHook: it holds weights "
                f"beside their average, which would be trained instead. Keep the "
                f"EMAHook of the config, or begin a new run from the average: "
                f"--cfg-options load_from={filename} in another --work-dir"
            )
        super().resume(filename, *args, **kwargs)
        if schedules_differ(self, checkpoint["meta"]):
            follow_new_schedules(self)
