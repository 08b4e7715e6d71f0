"""Imports of packages that an extra of the distribution installs."""

from importlib import import_module
from types import ModuleType


def import_extra(module: str, purpose: str, extra: str = "data") -> ModuleType:
    """Import a module of an extra.

    Args:
        module: Name of the module.
        purpose: What needs it, in the plural, for the error.
        extra: Extra that installs it.

    Raises:
        ImportError: It is not installed, or the operators of torchvision, which it
            uses, do not load.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f"{purpose} need {package}: pip install -e '.[{extra}]'"
        ) from error
    except RuntimeError as error:
        if "torchvision" not in str(error):
            raise
        raise ImportError(
            f"{purpose} need torchvision, whose operators do not load ({error}): "
            f"install it for the build of torch that is installed (CPU or CUDA)"
        ) from error
