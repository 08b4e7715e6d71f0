"""Seeds every training iteration."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.datasets.views import seed_all


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Make dropout of every iteration a function of (seed, rank, iteration).

    Together with ``ViewSampler``, a resumed run draws the same random numbers as an
    uninterrupted one, wherever it stopped: no random state is stored.
    """

    def before_train_iter(self, runner: Runner, *_, **__) -> None:
        """Seed Python, NumPy and torch."""
        seed_all(runner.seed, runner.rank, runner.iter)
