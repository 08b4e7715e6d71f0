"""YAML from elsewhere, without code, and of bounded nesting."""

from pathlib import Path
from typing import Any

import yaml

from mmseg_splashkd.files import read_text
from mmseg_splashkd.foreign.json_file import check_nesting


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases, of which few lines name billions of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise ValueError(
                f"line {mark.line + 1} has an alias (*name): write the value out"
            )
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no YAML of plain values, has an alias, or is beyond a limit;
            the message need not name the file.
    """
    try:
        value = yaml.load(read_text(path), _PlainLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"it is not valid YAML: {error}") from error
    check_nesting(value)
    return value
