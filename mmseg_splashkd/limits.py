"""Limits of files from elsewhere: a small file must not take all memory or time.

Each limit is an environment variable with a default. Errors name the limit, the value
and how to raise it.
"""

import os
from dataclasses import dataclass


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
            ValueError: ``number`` is above the limit.
        """
        if number > self.value:
            raise ValueError(
                f"{what} has {number} {self.unit}, more than the limit of "
                f"{self.value}: {self.remedy}, or raise the limit by the environment "
                f"variable {self.variable}={number}"
            )


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
