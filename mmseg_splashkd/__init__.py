"""Knowledge distillation for semantic segmentation: an MMSegmentation 1.x plugin.

``custom_imports = dict(imports=['mmseg_splashkd'])`` in a config registers everything.
"""

from mmseg_splashkd._host import check_host_stack, quiet_import
from mmseg_splashkd.shipped import config_path
from mmseg_splashkd.version import __version__

check_host_stack()
with quiet_import():
    from mmseg_splashkd import (
        datasets,
        evaluation,
        hooks,
        models,
        runs,
        teacher_cache,
    )

__all__ = [
    "__version__",
    "config_path",
    "datasets",
    "evaluation",
    "hooks",
    "models",
    "runs",
    "teacher_cache",
]
