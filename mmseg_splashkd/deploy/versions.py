"""Versions of the packages that wrote a file or run it."""

from importlib.metadata import PackageNotFoundError, version


def versions_of(*names: str) -> dict[str, str]:
    """Package -> version, of those that are installed.

    Args:
        *names: Names of packages.
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
