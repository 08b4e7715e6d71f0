"""A teacher that is asked once: its answers to every view, kept on disk."""

from mmseg_splashkd.engine.teacher_cache.build import build_teacher_cache
from mmseg_splashkd.engine.teacher_cache.use import use_teacher_cache

__all__ = ["build_teacher_cache", "use_teacher_cache"]
