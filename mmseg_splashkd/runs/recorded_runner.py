"""Training by MMSegmentation's own tools, as by ``tools/train.py`` of this package."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import RUNNERS

from mmseg_splashkd.config.plain_reading import options_over_file
from mmseg_splashkd.runs.train import train

SET_BY_TOOLS = ("launcher", "resume", "work_dir", "experiment_name")


@RUNNERS.register_module()
class RecordedRunner:
    """What ``runner_type`` of the shipped configs names; not a ``Runner``.

    ``mim train mmseg CONFIG`` and MMSegmentation's ``tools/train.py`` build it and call
    ``train``. The file is read again, so that its variables hold, and the run is
    checked, recorded and resumed as every run of this package.

    Args:
        cfg: Read by ``Config.fromfile``, then changed by the arguments of the tool.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg

    @classmethod
    def from_cfg(cls, cfg: Config) -> "RecordedRunner":
        """As ``Runner.from_cfg``; nothing is built yet."""
        return cls(cfg)

    def train(self) -> Path:
        """Train; see ``runs.train.train``.

        Returns:
            The work directory.

        Raises:
            ValueError: The config was not read from a file.
        """
        options: dict[str, Any] = options_over_file(self.cfg)
        given = {key: options.pop(key, None) for key in SET_BY_TOOLS}
        return train(
            self.cfg.filename,
            work_dir=given["work_dir"],
            resume=bool(given["resume"]),
            launcher=given["launcher"] or "none",
            cfg_options=options,
        )
