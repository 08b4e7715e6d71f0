"""Refuses variables of a config that MMEngine's reader has left without effect."""

from mmengine.hooks import Hook
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_splashkd.config.plain_reading import check_variables


@HOOKS.register_module()
class VariablesHook(Hook):
    """Check the config of a run that tools of others have started.

    The tools of this package, which carry variables to the bases, use ``SafeRunner``.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Runner) -> None:
        """Check the config; see ``check_variables``.

        Raises:
            ValueError: It was read by MMEngine, which has left variables behind.
        """
        own = RUNNERS.get("SafeRunner")
        if own is None or not isinstance(runner, own):
            check_variables(runner.cfg)
