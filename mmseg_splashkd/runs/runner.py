"""mmengine's runner, with checkpoints read safely and completely."""

from collections.abc import Callable
from typing import Any

from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import RUNNERS

from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    load_strict,
    not_finite,
    read_checkpoint,
)
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.heads.positional_segformer_head import (
    check_position_embedding,
)
from mmseg_splashkd.runs.building import NamingRunner
from mmseg_splashkd.runs.quiet_optimizer import quiet_optimizer

OWN_NOTICE = '"FileClient" will be deprecated'


@RUNNERS.register_module()
class SafeRunner(NamingRunner):
    """``Runner`` that runs no code from a checkpoint and loads all of it or nothing.

    mmengine falls back to an unsafe load, evaluates the training config in the file,
    and only warns of keys that do not match.
    """

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

        Raises:
            ValueError: The file holds weights without the state of the optimizer.
        """
        if "optimizer" not in read_checkpoint(find_checkpoint(filename), own=True):
            raise ValueError(
                f"cannot resume from {filename}: it holds weights without the state of "
                f"the optimizer. Resume from an iter_*.pth of the work directory"
            )
        super().resume(filename, *args, **kwargs)
