"""Label Studio's run lengths of brush strokes: opacity of each pixel, bit-packed."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

CHANNELS = 4  # red, green, blue, opacity
WORD, LENGTHS = 8, (3, 4, 8, 16)  # bits of a value and of a length, as it writes them


def decode_opacity(runs: Any, size: tuple[int, int]) -> np.ndarray:
    """Decode the opacity of a brush region.

    A header has the number of values in 32 bits, the width of a value in 5 and four
    widths of lengths in 4 each, all widths minus 1. Then follow blocks: a bit that is 1
    for a repeated value, the index of the width of the length in 2 bits, the length
    minus 1, and one value or as many as the length.

    Args:
        runs: Bytes, as a list of integers in [0, 255].
        size: (W, H) of the picture in pixels.

    Returns:
        (H, W) uint8, 0 to 255.

    Raises:
        ValueError: The runs are damaged, or not of a picture of this size.
    """
    width, height = size
    bits = _Bits(_packed(runs))
    count = bits.read(32)
    if count != width * height * CHANNELS:
        raise ValueError(
            f"run lengths of {count} values do not fit a picture of {width}x{height} "
            f"with {CHANNELS} channels"
        )
    word, lengths = bits.read(5) + 1, [bits.read(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    start = 0
    while start < count:
        repeated = bits.read(1)
        stop = start + 1 + bits.read(lengths[bits.read(2)])
        if stop > count:
            raise ValueError(f"run lengths go beyond the {count} values of the picture")
        if repeated:
            values[start:stop] = bits.read(word) & 255
        else:
            values[start:stop] = [bits.read(word) & 255 for _ in range(start, stop)]
        start = stop
    return values.reshape(height, width, CHANNELS)[..., -1]


def encode_mask(mask: np.ndarray) -> list[int]:
    """Encode a mask as a brush region, opaque inside; see ``decode_opacity``.

    Args:
        mask: (H, W) bool.

    Returns:
        Bytes, as a list of integers in [0, 255].
    """
    flat = mask.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=~flat[:1]))
    lengths = np.diff(starts, append=flat.size) * CHANNELS  # all channels are equal
    bits = [f"{flat.size * CHANNELS:032b}{WORD - 1:05b}"]
    bits += [f"{width - 1:04b}" for width in LENGTHS]
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        bits += _repeated(255 * int(flat[start]), length)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


def _repeated(value: int, length: int) -> Iterator[str]:
    """Blocks of a repeated value, each as long as its width of length allows."""
    longest = 2 ** LENGTHS[-1]
    while length > 0:
        part = min(length, longest)
        index = next(i for i, width in enumerate(LENGTHS) if part <= 2**width)
        yield f"1{index:02b}{part - 1:0{LENGTHS[index]}b}{value:0{WORD}b}"
        length -= part


def _packed(runs: Any) -> bytes:
    if not isinstance(runs, Sequence) or isinstance(runs, str):
        raise ValueError(f"run lengths are {type(runs).__name__}, not a list of bytes")
    try:
        return bytes(runs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"run lengths are not bytes: {error}") from error


class _Bits:
    """Reads numbers of any width from bytes, the highest bit first."""

    def __init__(self, packed: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in packed)
        self.place = 0

    def read(self, width: int) -> int:
        word = self.bits[self.place : self.place + width]
        if len(word) < width:
            raise ValueError("run lengths end too early")
        self.place += width
        return int(word, 2)
