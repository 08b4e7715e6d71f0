"""The error of values that are not finite."""

from typing import Any

from mmengine.runner import Runner

CAUSES = (
    "Likely causes: a learning rate that is too high (optim_wrapper.optimizer.lr, now "
    "{lr}), the range of mixed precision (--amp, optim_wrapper.loss_scale), or a batch "
    "without a labelled pixel"
)


class NotFiniteError(RuntimeError):
    """Loss, gradient or weights are NaN or infinite; training on cannot repair them.

    Args:
        reason: What is not finite, and at which iteration.
        details: Names, likely causes and remedies.
    """

    def __init__(self, reason: str, details: str) -> None:
        super().__init__(f"{reason}: {details}")
        self.reason = reason


def listed(names: list[str]) -> str:
    """The first five of some names, and how many follow."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def causes(runner: Runner) -> str:
    """Likely causes of values that are not finite, with the learning rate."""
    rates = {rate for each in learning_rates(runner).values() for rate in each}
    return CAUSES.format(lr=", ".join(f"{rate:g}" for rate in sorted(rates)))


def learning_rates(runner: Runner) -> dict[str, list[float]]:
    """Learning rates of the parameter groups, by the name that mmengine gives them."""
    wrapper: Any = runner.optim_wrapper
    rates = wrapper.get_lr()
    return {name: [float(rate) for rate in each] for name, each in rates.items()}
