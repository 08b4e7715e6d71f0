"""The lock of a run's folder, which the system releases when its process ends."""

from pathlib import Path

from filelock import FileLock, Timeout

from mmseg_splashkd.unwritable import writing

LOCK = ".run.lock"
# Workers of a killed run hold an inherited descriptor for some seconds.
PATIENCE = 10.0  # seconds


TAKEN = (
    "work_dir={!r}: another process trains there now. Name another folder by "
    "--work-dir, or wait until it ends"
)


def lock_folder(
    work_dir: Path, timeout: float = PATIENCE, taken: str = TAKEN
) -> FileLock:
    """Lock the folder of a run for this process.

    Args:
        work_dir: Existing folder of the run.
        timeout: Seconds to wait for another process, from 0.
        taken: Message where another process holds it, with ``{!r}`` for the folder.

    Returns:
        The lock, to be released at the end of the run.

    Raises:
        FileExistsError: Another process holds it.
        UnwritableError: The lock file cannot be written.
    """
    lock = FileLock(work_dir / LOCK)
    try:
        with writing(lock.lock_file):
            lock.acquire(timeout=timeout)
    except Timeout as error:
        raise FileExistsError(taken.format(str(work_dir))) from error
    return lock


def is_locked(work_dir: Path) -> bool:
    """Whether a process holds the lock of a folder; True if that is unknown."""
    path = work_dir / LOCK
    if not path.exists():
        return False
    probe = FileLock(path)
    try:
        # Another reader may hold it for a moment.
        with probe.acquire(timeout=0.1, poll_interval=0.02):
            return False
    except (OSError, Timeout):
        return True
