"""``run.json``: the record in the folder of a run."""

import json
from pathlib import Path

from mmseg_splashkd.files import read_text, write_whole
from mmseg_splashkd.foreign import UnreadableError, parse_json, reading
from mmseg_splashkd.records.codec import from_json, to_json
from mmseg_splashkd.records.record import RunRecord

RECORD = "run.json"


def write_record(work_dir: str | Path, record: RunRecord) -> None:
    """Write ``run.json`` atomically.

    Raises:
        OSError: It cannot be written; an earlier one stays as it is.
    """
    text = json.dumps(to_json(record), indent=1, allow_nan=False)
    write_whole(Path(work_dir, RECORD), text)


def read_record(work_dir: str | Path) -> RunRecord | None:
    """Read ``run.json``, of this version or an older one.

    The status is as recorded: ``'running'`` also after the process was killed (see
    ``find_runs``).

    Args:
        work_dir: Folder of a run.

    Returns:
        The record; None where there is none.

    Raises:
        ValueError: The file is damaged, or of a newer version.
    """
    path = Path(work_dir, RECORD)
    if not path.is_file():
        return None
    try:
        with reading(path):
            return from_json(parse_json(read_text(path)))
    except ValueError as error:
        raise UnreadableError(
            f"{error}. If it is damaged, delete it: weights and scores stay"
        ) from error
