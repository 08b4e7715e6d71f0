"""Where a sweep keeps which of its runs are waiting, running and done."""

import warnings
from pathlib import Path

try:
    import optuna
    from optuna.exceptions import StorageInternalError
    from optuna.storages import BaseStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
except ImportError as error:
    raise ImportError(
        "a sweep needs Optuna: pip install -e '.[sweep]' (in mmseg_splashkd)"
    ) from error

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

DATABASE = "sweep.db"
JOURNAL = "journal:"
BUSY = 60  # seconds that a worker waits while another writes to SQLite

optuna.logging.set_verbosity(optuna.logging.WARNING)


def default_url(folder: Path) -> str:
    """SQLite in the sweep's folder."""
    return f"sqlite:///{folder / DATABASE}"


def open_storage(url: str) -> BaseStorage:
    """Open a storage of Optuna.

    Args:
        url: Of a database, as SQLAlchemy takes it, or ``journal:PATH``, a file that
            also works on network drives.

    Raises:
        ValueError: It cannot be opened, or holds something else.
    """
    try:
        if url.startswith(JOURNAL):
            path = Path(url.removeprefix(JOURNAL))
            path.parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(str(path)))
        waits = {"timeout": BUSY} if url.startswith("sqlite") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of SQLAlchemy, on what Optuna does
            return RDBStorage(url, engine_kwargs={"connect_args": waits})
    except (SQLAlchemyError, StorageInternalError, ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise _unusable(url, reason) from error
    except RuntimeError as error:  # a schema of another version
        raise _unusable(url, str(error)) from error


def without_password(url: str | None) -> str | None:
    """A URL as it may be shown and kept."""
    if url is None or url.startswith(JOURNAL):
        return url
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError as error:
        raise _unusable(url, str(error)) from error


def check_storage(known: str | None, asked: str | None, folder: Path) -> None:
    """Make sure that a sweep is gone on with in the storage that it was begun in.

    Raises:
        ValueError: It is another.
    """
    if known != asked:
        how = f"--storage {known}" if known else "the default --storage"
        raise ValueError(
            f"{folder} was begun with {how}: go on with that, or the runs that are "
            f"done would not be known"
        )


def _shown(url: str) -> str:
    head, at, tail = url.rpartition("@")  # what is no URL may hold a password too
    return f"{head.partition('://')[0]}://***@{tail}" if at else url


def _unusable(url: str, reason: str) -> ValueError:
    return ValueError(
        f"--storage {_shown(url)} cannot be used: {reason}. It takes sqlite:///FILE, "
        f"journal:FILE, or the URL of a database, such as "
        f"postgresql+psycopg2://user:password@host/database, whose driver is installed"
    )
