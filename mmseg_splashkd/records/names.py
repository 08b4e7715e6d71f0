"""Names of runs and files, which a record of any origin must not turn into paths."""

from pathlib import PurePosixPath, PureWindowsPath


def is_file_name(name: str) -> bool:
    """Whether a text names a file of one folder, and nothing outside."""
    return (
        name not in ("", ".", "..")
        and name.isprintable()
        and PurePosixPath(name).name == PureWindowsPath(name).name == name
    )


def is_below(path: str) -> bool:
    """Whether a relative path stays below the folder that it starts from."""
    return bool(path) and all(map(is_file_name, PurePosixPath(path).parts))
