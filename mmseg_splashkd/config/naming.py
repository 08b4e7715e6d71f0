"""Names of runs: config, date of the start, and teacher_ratio.

The convention of the original experiments is ``<config>_<MMDD>_<round(100 r)>``, for
instance ``segformer_b0_kd_pe001_0627_50``; without distillation ``segformer_b0_0627``.
For a schedule, r is its maximum. Fold, seed and r of a run are read from its
record, not from its name.
"""

from datetime import date
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.models.losses.schedule import schedule_of


def run_name(cfg: Config, began: date) -> str:
    """Default name of a run of ``cfg`` that begins on the day ``began``."""
    return f"{Path(cfg.filename).stem}_{began:%m%d}{_ratio_suffix(cfg)}"


def latest_run(cfg: Config, root: Path) -> Path | None:
    """The most recent work directory of ``cfg`` in ``root``; None if there is none."""
    pattern = f"{Path(cfg.filename).stem}_[0-9][0-9][0-9][0-9]{_ratio_suffix(cfg)}"
    runs = [path for path in root.glob(pattern) if path.is_dir()]
    return max(runs, key=lambda path: path.stat().st_mtime, default=None)


def _ratio_suffix(cfg: Config) -> str:
    ratio = (cfg.model.get("distill_loss") or {}).get("teacher_ratio")
    if ratio is None:
        return ""
    return f"_{round(100 * schedule_of(ratio, 'teacher_ratio').peak)}"
