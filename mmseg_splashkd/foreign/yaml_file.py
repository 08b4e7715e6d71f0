"""YAML from elsewhere, without code, and of bounded nesting."""

from pathlib import Path
from typing import Any

import yaml

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign.json_file import check_nesting
from mmseg_splashkd.foreign.reading import reading


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases, of which few lines name billions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise ValueError(
                f"line {mark.line + 1} has an alias (*name): write the value out"
            )
        return super().compose_node(parent, index)


def read_yaml(path: Path, what: str = "") -> Any:
    """Read a YAML file.

    Args:
        path: The file, in one of the encodings of ``read_text``.
        what: Its role, for the error, such as ``'label_coding'``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no YAML of plain values, has an alias, or is beyond a limit.
    """
    with reading(path, what):
        try:
            value = yaml.load(read_text(path), _PlainLoader)
        except yaml.YAMLError as error:
            name = f"{what} {path}".lstrip()
            raise ValueError(f"{name} is not valid YAML: {error}") from error
        check_nesting(value)
        return value
