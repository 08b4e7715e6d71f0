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
        ImportError: It, or a package that it needs, is not installed or does not fit
            the others, or the operators of torchvision, which it uses, do not load.
    """
    install = f"pip install -e '.[{extra}]'"
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or package).partition(".")[0]
        raise ImportError(f"{purpose} need {missing}: {install}") from error
    except ImportError as error:  # such as a name that another version has
        raise ImportError(
            f"{purpose} need {package}, which is installed and cannot be imported "
            f"({error}): {install} installs versions that fit each other"
        ) from error
    except RuntimeError as error:
        if "torchvision" not in str(error):
            raise
        raise ImportError(
            f"{purpose} need torchvision, whose operators do not load ({error}): "
            f"install it for the build of torch that is installed (CPU or CUDA)"
        ) from error
