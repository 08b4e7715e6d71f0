"""A config as text, and its hash."""

import ast
import hashlib
from pprint import pformat

from mmengine.config import Config

LINE = 88


def config_text(cfg: Config) -> str:
    """A config as Python text that yields it again, without any file it was made of."""
    values = cfg.to_dict()
    text = "".join(
        f"{key} = {pformat(value, width=LINE, sort_dicts=False)}\n"
        for key, value in values.items()
    )
    try:
        for value in values.values():
            ast.literal_eval(repr(value))
    except (SyntaxError, ValueError):  # classes in it, which mmengine can write
        return cfg.pretty_text
    return text


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def config_sha256(cfg: Config) -> str:
    """Hash of ``config_text``."""
    return text_sha256(config_text(cfg))
