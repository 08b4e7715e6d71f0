"""Watches all sources of an archive: in this process, or by Ray."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmseg_splashkd.datasets.listing import is_system_file
from mmseg_splashkd.deploy.archive.finished import STATE, finish, read_finished
from mmseg_splashkd.deploy.archive.listing import Listed
from mmseg_splashkd.deploy.archive.progress import Pace, told
from mmseg_splashkd.deploy.archive.table import FILE, Line, exit_status, write_archive
from mmseg_splashkd.files import check_writable
from mmseg_splashkd.records.lock import lock_folder
from mmseg_splashkd.unwritable import number_of, writing

TAKEN = "--out {!r}: another process watches an archive into it. Wait, or name another"


def watch_archive(
    listed: Sequence[Listed], out: Path, jobs: int = 1, address: str | None = None
) -> int:
    """Watch sources, each into a folder of its own, and write table and page of all.

    A source that fails does not stop the others. One that is finished is skipped by a
    second call, unless it or what is asked has changed.

    Args:
        listed: The sources.
        out: Folder of the archive.
        jobs: Processes at once on each machine, from 1.
        address: Ray cluster to join, ``HOST:PORT`` or ``'auto'``; None: this machine.

    Returns:
        Exit status, see ``exit_status``.

    Raises:
        FileExistsError: ``out`` holds files of something else, or another process
            writes there.
        ImportError: Ray is not installed, for more than one job or an address.
        KeyboardInterrupt: A signal ended it, after all files were completed.
        UnwritableError: Drive, quota or rights do not allow it.
        ValueError: ``jobs`` is less than 1, no cluster can be joined at the address, or
            ``.archive`` is damaged.
    """
    if jobs < 1:
        raise ValueError(f"--jobs {jobs}: give a number from 1")
    with _claimed(out):
        if jobs == 1 and address is None:
            lines = _watch_here(listed, out)
        else:
            # Imported here, because it needs Ray, of the extra sweep.
            from mmseg_splashkd.deploy.archive.spread import watch_spread

            lines = watch_spread(listed, out, jobs, address)
    print(f"Table: {out / FILE}")
    return exit_status(lines)


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Hold the folder of an archive, new or known."""
    check_writable(out, "--out")
    names = sorted(path.name for path in out.iterdir())
    others = [name for name in names if not is_system_file(name)]
    if STATE not in names and others:
        raise FileExistsError(
            f"{out} holds files of something else, such as {others[0]}: an archive "
            f"needs a new or an empty folder as --out"
        )
    lock = lock_folder(out, 1.0, TAKEN)
    try:
        with writing(out):
            (out / STATE).mkdir(exist_ok=True)
        yield
    finally:
        lock.release()


def _watch_here(listed: Sequence[Listed], out: Path) -> list[Line]:
    """One source after another, in this process."""
    lines = [Line(each, read_finished(each)) for each in listed]
    pace = Pace(listed)
    try:
        for place, line in enumerate(lines):
            if line.finished is None:
                print(f"\n{line.listed.name}")
                lines[place] = line = _watched(line.listed)
                write_archive(out, lines)
            text = told(line, place + 1, len(lines))
            print(f"{text}; {pace.rate():,.0f} frames/s")
    finally:  # also at a signal, and where the drive is full
        write_archive(out, lines)
    return lines


def _watched(listed: Listed) -> Line:
    try:
        return Line(listed, finish(listed))
    except OSError as error:
        if number_of(error) is not None:
            raise
        return Line(listed, None, _why(error))
    except Exception as error:
        return Line(listed, None, _why(error))


def _why(error: Exception) -> str:
    text = str(error).strip() or repr(error)
    plain = isinstance(error, (ImportError, OSError, ValueError))
    return text if plain else f"{type(error).__name__}: {text}"
