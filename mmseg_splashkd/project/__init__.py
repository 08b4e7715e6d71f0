"""Projects: plan and configs for the pictures and masks of any folder."""

from mmseg_splashkd.project.plan import Plan, read_plan
from mmseg_splashkd.project.settings import settings

__all__ = ["Plan", "read_plan", "settings"]
