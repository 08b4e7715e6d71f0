"""Teacher logits, computed once per augmented view and stored on disk."""

from mmseg_splashkd.teacher_cache.build import build_teacher_cache
from mmseg_splashkd.teacher_cache.cached_teacher import CachedTeacher
from mmseg_splashkd.teacher_cache.dataset import CachedLogitsDataset
from mmseg_splashkd.teacher_cache.use import use_teacher_cache

__all__ = [
    "CachedLogitsDataset",
    "CachedTeacher",
    "build_teacher_cache",
    "use_teacher_cache",
]
