"""Limits of files from elsewhere: a small file must not take all memory or time.

Each limit is an environment variable with a default. Errors name the limit, the value
and how to raise it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class LimitError(ValueError):
    """A file asks for more than a limit allows.

    Attributes:
        asked: What it asks for, and what else to do, without how to raise the limit:
            for those who cannot, such as users of a server.
    """

    def __init__(self, message: str, asked: str) -> None:
        super().__init__(message)
        self.asked = asked


@dataclass(frozen=True)
class Limit:
    """Largest number that a file may ask for.

    Args:
        variable: Environment variable that replaces the default, a whole number above
            0.
        default: The limit without it.
        unit: What is counted, in the plural.
        remedy: What else to do about a larger file.
    """

    variable: str
    default: int
    unit: str
    remedy: str = "look whether it is what it should be"

    @property
    def value(self) -> int:
        """The limit that holds now.

        Raises:
            ValueError: The environment variable is not a whole number above 0.
        """
        text = os.environ.get(self.variable)
        if text is None:
            return self.default
        if not (text.isascii() and text.isdecimal() and int(text) > 0):
            raise ValueError(
                f"{self.variable}={text!r} must be a whole number above 0, the limit "
                f"of {self.unit} (default: {self.default})"
            )
        return int(text)

    def check(self, number: int, what: object) -> None:
        """Refuse a number beyond the limit.

        Args:
            number: What the file asks for, in ``unit``.
            what: Name of the file, or of its part, for the error.

        Raises:
            LimitError: ``number`` is above the limit.
        """
        if number > self.value:
            asked = f"{number} {self.unit}, more than the limit of {self.value}"
            raise LimitError(
                f"{what} has {asked}: {self.remedy}, or raise the limit by the "
                f"environment variable {self.variable}={number}",
                f"{asked}: {self.remedy}",
            )

    @contextmanager
    def held_at(self, number: int) -> Iterator[None]:
        """Replace the limit in this process, all threads, while the context lasts.

        Args:
            number: The limit that holds then.

        Raises:
            ValueError: ``number`` is below 1.
        """
        before = os.environ.get(self.variable)
        os.environ[self.variable] = str(number)
        try:
            _ = self.value
            yield
        finally:
            if before is None:
                del os.environ[self.variable]
            else:
                os.environ[self.variable] = before


# 10,000 x 10,000. A frame of 3 bytes a pixel is then 286 MiB.
PIXELS = Limit("SPLASHKD_MAX_PIXELS", 10**8, "pixels", "scale it down")
# Records of an archive (.pth, .npz), or tensors in the header of a .safetensors file.
RECORDS = Limit("SPLASHKD_MAX_RECORDS", 50_000, "records")
# Content of an archive that is compressed, or names one memory many times.
EXPANDED = Limit("SPLASHKD_MAX_EXPANDED_BYTES", 2**29, "bytes when it is expanded")
# The header of a .safetensors file.
HEADER = Limit("SPLASHKD_MAX_HEADER_BYTES", 2**24, "bytes of header")
# A CSV, JSON, YAML or other text file, which is read at once.
TEXT = Limit("SPLASHKD_MAX_TEXT_BYTES", 2**30, "bytes of text")
# Lists and objects inside each other, in JSON and YAML.
NESTING = Limit("SPLASHKD_MAX_NESTING", 100, "levels of nesting")
CELLS = Limit("SPLASHKD_MAX_CELLS", 20_000_000, "cells")
LIMITS = (PIXELS, RECORDS, EXPANDED, HEADER, TEXT, NESTING, CELLS)
