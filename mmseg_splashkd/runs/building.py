"""mmengine's runner, which names the key of the config that it cannot build."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, LogProcessor, Runner
from mmengine.visualization import Visualizer
from torch import nn

from mmseg_splashkd.config.faults import (
    ConfigError,
    building,
    cause_of,
    frames_of,
    shown,
)
from mmseg_splashkd.models.bare_model import bare_model
from mmseg_splashkd.models.foreign_weights import (
    WeightsError,
    safe_files,
    safe_init,
)
from mmseg_splashkd.models.pretrained.filled import NotFilledError


class NamingRunner(Runner):
    """``Runner`` whose errors name the key of the config, its value and a remedy.

    The methods are those of ``Runner``; see ``config.faults.building``.
    """

    @classmethod
    def from_cfg(cls, cfg: Any) -> Runner:
        """Build a runner from a config."""
        with building():
            return super().from_cfg(cfg)

    def build_model(self, model: nn.Module | dict) -> nn.Module:
        """Build the model; files that it loads are read safely."""
        with building(model=model), _naming_weights(), safe_files(model) as safe:
            return super().build_model(safe)

    def _init_model_weights(self) -> None:
        """Initialise the weights; a failing ``init_cfg`` is named with a remedy.

        Files that it names are read safely.
        """
        try:
            with _naming_weights(), safe_init(bare_model(self.model)):
                super()._init_model_weights()
        except ConfigError:
            raise
        except Exception as error:
            if (fault := _fault_of_weights(self.model, error)) is None:
                raise
            raise ConfigError(fault) from error

    def build_train_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the training loop and its data."""
        with building(train_cfg=loop, train_dataloader=self._train_dataloader):
            return super().build_train_loop(loop)

    def build_val_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the validation loop, its data and its metrics."""
        with building(
            val_cfg=loop,
            val_dataloader=self._val_dataloader,
            val_evaluator=self._val_evaluator,
        ):
            return super().build_val_loop(loop)

    def build_test_loop(self, loop: BaseLoop | dict) -> BaseLoop:
        """Build the test loop, its data and its metrics."""
        with building(
            test_cfg=loop,
            test_dataloader=self._test_dataloader,
            test_evaluator=self._test_evaluator,
        ):
            return super().build_test_loop(loop)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper:
        """Build the optimizer."""
        with building(optim_wrapper=optim_wrapper):
            return super().build_optim_wrapper(optim_wrapper)  # type: ignore

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """Build the schedules of learning rate and momentum."""
        with building(param_scheduler=scheduler):
            return super().build_param_scheduler(scheduler)

    def build_evaluator(self, evaluator: Any) -> Evaluator:
        """Build metrics, of a validation or of a test."""
        is_test = evaluator is self._test_evaluator
        with building(**{"test_evaluator" if is_test else "val_evaluator": evaluator}):
            return super().build_evaluator(evaluator)

    def build_visualizer(self, visualizer: Any = None) -> Visualizer:
        """Build the visualizer and its trackers."""
        with building(visualizer=visualizer):
            return super().build_visualizer(visualizer)

    def build_log_processor(self, log_processor: Any) -> LogProcessor:
        """Build the formatter of log lines."""
        with building(log_processor=log_processor):
            return super().build_log_processor(log_processor)

    def register_default_hooks(self, hooks: Any = None) -> None:
        """Build and register ``default_hooks``."""
        with building(default_hooks=hooks):
            super().register_default_hooks(hooks)

    def register_custom_hooks(self, hooks: list[Hook | dict]) -> None:
        """Build and register ``custom_hooks``."""
        with building(custom_hooks=hooks):
            super().register_custom_hooks(hooks)


@contextmanager
def _naming_weights() -> Iterator[None]:
    """Name the key of weights that are not loaded, with a remedy."""
    try:
        yield
    except WeightsError as error:
        fault = _cannot_be_loaded(error.key, error.config, error.cause)
        raise ConfigError(fault) from error.cause


def _cannot_be_loaded(key: str, config: Any, cause: Exception) -> str:
    if isinstance(cause, NotFilledError):
        return f"{key}={shown(config)}: the weights to start from do not fit: {cause}"
    return (
        f"{key}={shown(config)}: the weights to start from cannot be loaded "
        f"({cause_of(cause)}). Without a network, download the file and set "
        f"{key}.checkpoint to its path, or start from random weights by "
        f"--cfg-options {key}=None"
    )


def _fault_of_weights(model: nn.Module, error: Exception) -> str | None:
    """What to change in the ``init_cfg`` that failed; None if none of them did."""
    frames = frames_of(error, BaseModule.init_weights.__code__)
    names = {id(module): name for name, module in bare_model(model).named_modules()}
    for frame in reversed(frames):
        module = frame.f_locals["self"]
        config = getattr(module, "init_cfg", None)
        if config and id(module) in names:
            key = ".".join(filter(None, ("model", names[id(module)], "init_cfg")))
            return _cannot_be_loaded(key, config, error)
    return None
