"""Files from elsewhere: bounded readers whose errors name the file."""

from mmseg_splashkd.foreign.archive import check_archive, read_arrays
from mmseg_splashkd.foreign.csv_file import read_rows
from mmseg_splashkd.foreign.json_file import parse_json, read_json
from mmseg_splashkd.foreign.reading import UnreadableError, one_line, reading
from mmseg_splashkd.foreign.yaml_file import read_yaml

__all__ = [
    "UnreadableError",
    "check_archive",
    "one_line",
    "parse_json",
    "read_arrays",
    "read_json",
    "read_rows",
    "read_yaml",
    "reading",
]
