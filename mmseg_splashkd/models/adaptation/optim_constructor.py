"""Optimizer with a learning rate of its own for discriminators."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmseg_splashkd.models.adaptation.discriminator import DomainDiscriminator

KEY = "discriminator"
# Of both AdaptSegNet and ADVENT.
DEFAULTS: dict[str, Any] = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class AdaptationOptimConstructor(DefaultOptimWrapperConstructor):
    """``DefaultOptimWrapperConstructor`` with a group for each discriminator.

    One optimizer trains the segmentor and the discriminators. The losses of one reach
    no weight of the other, so the step is that of two optimizers, except where
    ``clip_grad`` bounds the norm of all gradients. Schedulers that multiply the rates,
    such as ``PolyLR`` and ``LinearLR``, change each group from its own start;
    ``OneCycleLR`` has one peak for all.

    Args:
        optim_wrapper_cfg: As of the host; the optimizer is Adam or one of its kind.
        paramwise_cfg: As of the host, and ``discriminator``: options of its group;
            default ``lr`` 1e-4, ``betas`` (0.9, 0.99) and ``weight_decay`` 0.

    Raises:
        ValueError: An option of ``discriminator`` is unknown to the optimizer, or the
            model has none.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None
    ) -> None:
        # The host takes all parameters as one group if there are no options.
        given = {KEY: {}, **(paramwise_cfg or {})}
        super().__init__(optim_wrapper_cfg, given)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper of an optimizer for a model."""
        found = [
            each for each in model.modules() if isinstance(each, DomainDiscriminator)
        ]
        if self.paramwise_cfg[KEY] and not found:
            raise ValueError(
                f"paramwise_cfg.{KEY}={dict(self.paramwise_cfg[KEY])} has no effect: "
                f"the model has no discriminator"
            )
        wrapper = super().__call__(model)
        known = wrapper.optimizer.defaults
        unknown = sorted({**DEFAULTS, **self.paramwise_cfg[KEY]}.keys() - known.keys())
        if found and unknown:
            kind = type(wrapper.optimizer).__name__
            raise ValueError(
                f"{kind} has no {', '.join(unknown)}, which discriminators need: use "
                f"AdamW, or one of its kind"
            )
        return wrapper

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = "",
        is_dcn_module: int | float | None = None,
    ) -> None:
        """Add the parameters of a module and its children to a list of groups."""
        if isinstance(module, DomainDiscriminator):
            options = {**DEFAULTS, **self.paramwise_cfg[KEY]}
            params.append({"params": list(module.parameters()), **options})
            return
        super().add_params(params, module, prefix, is_dcn_module)
