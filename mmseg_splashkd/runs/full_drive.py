"""A run whose drive takes no more files: what stays, and how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_splashkd.records.traces import how_to_go_on
from mmseg_splashkd.unwritable import UnwritableError, explained, writing


@contextmanager
def resumable_after_full_drive(work_dir: str | Path) -> Iterator[None]:
    """Name the checkpoint to resume from in errors of a drive that cannot be written.

    Logs, which mmengine writes, have the work directory in their error.

    Args:
        work_dir: Folder of the run that is trained inside the context.

    Raises:
        UnwritableError: Drive, quota or rights do not allow to write a file.
    """
    try:
        with writing(Path(work_dir)):
            yield
    except UnwritableError as error:
        stay = f". Earlier files stay as they were: {how_to_go_on(work_dir)}"
        text = explained(error.filename, error.errno or 0, stay)
        raise UnwritableError(error.errno, text, error.filename) from error
