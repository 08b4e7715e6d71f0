"""What a run is called: config, the date it began, and the teacher's share.

The convention of the record: ``<config>_<MMDD>_<round(100 r)>``, for instance
``segformer_b0_kd_pe001_0627_50``; without distillation ``segformer_b0_0627``. Of a
share that changes over the run, r is the largest.
"""

from datetime import date
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.models.losses.schedule import schedule_of


def run_name(cfg: Config, began: date) -> str:
    """Name of a run of ``cfg`` that began on a day."""
    return f"{Path(cfg.filename).stem}_{began:%m%d}{_ratio_suffix(cfg)}"


def latest_run(cfg: Config, root: Path) -> Path | None:
    """The youngest work directory of ``cfg`` below ``root``, or None."""
    pattern = f"{Path(cfg.filename).stem}_[0-9][0-9][0-9][0-9]{_ratio_suffix(cfg)}"
    runs = [path for path in root.glob(pattern) if path.is_dir()]
    return max(runs, key=lambda path: path.stat().st_mtime, default=None)


def _ratio_suffix(cfg: Config) -> str:
    ratio = cfg.model.get("distill_loss", {}).get("teacher_ratio")
    if ratio is None:
        return ""
    return f"_{round(100 * schedule_of(ratio, 'teacher_ratio').peak)}"
