"""Damages valid small files as accidents and attackers do, reproducibly."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

Mutate = Callable[[bytes, random.Random], bytes]
PNG = b"\x89PNG\r\n\x1a\n"
DEEP = 3000  # levels of nesting
INFORMED = 0.7  # share of inputs that keep what makes a file one of its format
# Values of other types, sizes and meanings than a reader expects.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    255,
    2**31,
    2**63,
    -(2**63) - 1,
    10**30,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "0",
    "x" * 5000,
    "../../../etc/passwd",
    "/etc/passwd",
    "C:\\x",
    "a\nb",
    "a\0b",
    "\x1b[31mred",
    "<script>alert(1)</script>",
    "\ud800",
    "\u202eabc",
    [],
    {},
    [[]],
    [None],
    {"": None},
    ["a", 1, {}],
)
WORDS = (
    b"-1",
    b"NaN",
    b"1e999",
    b"9" * 30,
    b"9" * 6000,
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b'"',
    b"'",
    b"\n",
    b"\r",
    b",",
    b";",
    b":",
    b"\t",
    b"{",
    b"[",
    b"]",
    b"&a [*a]",
    b"!!python/object:os.system",
    b"../",
    b"x" * 200_000,
    b"[" * DEEP,
    b"{a: " * 500,
    b'{"a":' * DEEP,
    "\u202e\u0661\u00b2".encode(),
)


def mutated(content: bytes, rng: random.Random, steps: int = 3) -> bytes:
    """Damage a file, knowing what it is by its first bytes.

    Args:
        content: A valid file.
        rng: Source of chance.
        steps: Largest number of damages.

    Returns:
        Another content.
    """
    blind: list[Mutate] = [flip, truncate, remove, repeat, splice, insert, overwrite]
    informed: list[Mutate] = []
    if content.startswith(b"PK"):
        informed = [in_record] * 6 + [of_archive]
    elif content.startswith(PNG):
        informed = [in_chunk]
    elif is_safetensors(content):
        informed = [in_header]
    elif is_text(content) and content.lstrip()[:1] in (b"{", b"["):
        informed = [in_json] * 8 + [encode]
    elif is_text(content):
        informed = [encode, in_words, in_words, in_lines, in_lines, in_lines]
    ways = informed if informed and rng.random() < INFORMED else [*blind, in_words]
    for _ in range(rng.randint(1, steps)):
        content = rng.choice(ways)(content, rng)
    return content


def is_text(content: bytes) -> bool:
    """Whether a file is UTF-8 without zeros."""
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def is_safetensors(content: bytes) -> bool:
    """Whether a file starts with the length of a JSON header."""
    if len(content) < 10:
        return False
    return content[8:9] == b"{" and struct.unpack("<Q", content[:8])[0] < len(content)


# Bytes.


def flip(content: bytes, rng: random.Random) -> bytes:
    """Flip up to 16 bits."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 16)):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(content: bytes, rng: random.Random) -> bytes:
    """Keep the start."""
    return content[: rng.randrange(len(content) + 1)]


def _range(content: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(content) + 1)
    return start, min(len(content), start + rng.randint(0, 64))


def remove(content: bytes, rng: random.Random) -> bytes:
    """Remove a part."""
    start, stop = _range(content, rng)
    return content[:start] + content[stop:]


def repeat(content: bytes, rng: random.Random) -> bytes:
    """Repeat a part."""
    start, stop = _range(content, rng)
    return (
        content[:start] + content[start:stop] * rng.choice((2, 3, 50)) + content[stop:]
    )


def splice(content: bytes, rng: random.Random) -> bytes:
    """Copy a part elsewhere."""
    start, stop = _range(content, rng)
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[start:stop] + content[at:]


def insert(content: bytes, rng: random.Random) -> bytes:
    """Insert bytes."""
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.randbytes(rng.randint(1, 32)) + content[at:]


def overwrite(content: bytes, rng: random.Random) -> bytes:
    """Overwrite a part with zeros, ones or a large number."""
    start, stop = _range(content, rng)
    byte = rng.choice((b"\0", b"\xff", b"\x7f", b"0", b"9"))
    return content[:start] + byte * (stop - start) + content[stop:]


# Text.


def encode(content: bytes, rng: random.Random) -> bytes:
    """Another encoding, line end or byte order mark."""
    text = content.decode("utf-8", "replace")
    accented = f"{text}\u00e9\u00fc\n"
    return rng.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-16-le"),
            text.encode("utf-32"),
            accented.encode("latin-1", "replace"),
            b"\xef\xbb\xbf" + content,
            text.replace("\n", "\r\n").encode(),
            text.replace("\n", "\r").encode(),
            text.replace("\n", "\u2028").encode(),
        )
    )


def in_words(content: bytes, rng: random.Random) -> bytes:
    """Insert a word that means something in one of the formats."""
    at = rng.randrange(len(content) + 1)
    word = rng.choice(WORDS)
    return content[:at] + word + content[at + rng.choice((0, 0, 1, len(word))) :]


def in_lines(content: bytes, rng: random.Random) -> bytes:
    """Change the cells or words of a line; drop, repeat or exchange lines."""
    lines = content.split(b"\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif way == 1:
        lines.insert(second, lines[first])
    elif way == 2:
        del lines[first]
    else:
        separator = rng.choice((b",", b":", b" "))
        cells = lines[first].split(separator)
        strange = rng.choice(STRANGE)
        word = strange if isinstance(strange, str) else json.dumps(strange)
        cells[rng.randrange(len(cells))] = word.encode("utf-8", "replace")
        lines[first] = separator.join(cells)
    return b"\n".join(lines)


def _nodes(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    open_ = [value]
    while open_:
        node = open_.pop()
        keys = node if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            yield node, key
            if isinstance(node[key], dict | list):
                open_.append(node[key])


def in_json(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove, repeat, nest or exchange values of a JSON text."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return flip(content, rng)
    nodes = list(_nodes(value)) if isinstance(value, dict | list) else []
    if not nodes:
        return json.dumps(rng.choice(STRANGE)).encode()
    node, key = rng.choice(nodes)
    way = rng.randrange(8)
    if way < 4:
        node[key] = rng.choice(STRANGE)
    elif way == 4:
        del node[key]
    elif way == 5:
        other, its = rng.choice(nodes)
        node[key], other[its] = other[its], node[key]
        if _is_endless(value):
            return flip(content, rng)
    elif way == 6:
        node[key] = "@DEEP@"
    elif isinstance(node, list):
        node.append(node[key])
    else:
        node[str(rng.choice(("", "type", "\n", f"{key}2")))] = node[key]
    text = json.dumps(value)
    left, right = rng.choice((("[", "]"), ('{"a":', "}")))
    deep = left * DEEP + ("0" if right == "}" else "") + right * DEEP
    return text.replace('"@DEEP@"', deep).encode()


def _is_endless(value: Any) -> bool:
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return True
    return False


# Archives, whose records have checksums.


def of_archive(content: bytes, rng: random.Random) -> bytes:
    """Rename, drop, repeat or compress records."""
    records = _records(content)
    if not records:
        return flip(content, rng)
    names = sorted(records)
    name = rng.choice(names)
    way = rng.randrange(5)
    if way == 0:
        del records[name]
    elif way == 1:
        records[rng.choice(("../evil", "/evil", "a\nb", "x" * 300))] = records[name]
    elif way == 2:
        other = rng.choice(names)
        records[name], records[other] = records[other], records[name]
    elif way == 3:
        records |= {f"more{number}.npy": b"" for number in range(200)}
    else:
        records[name] = bytes(10**6)
    return _packed(records, rng)


def in_record(content: bytes, rng: random.Random) -> bytes:
    """Damage one record, and write its checksum anew."""
    records = _records(content)
    if not records:
        return flip(content, rng)
    name = rng.choice(sorted(records))
    inner = records[name]
    ways: tuple[Mutate, ...] = (flip, truncate, remove, splice, overwrite, insert)
    if inner.startswith(b"\x93NUMPY"):
        ways += (_in_array_header, _in_array_header, _in_array_header)
    records[name] = rng.choice(ways)(inner, rng)
    return _packed(records, rng)


def _in_array_header(content: bytes, rng: random.Random) -> bytes:
    """Other types and shapes in the header of an array."""
    old, new = rng.choice(
        (
            (b"'<i8'", rng.choice((b"'<f8'", b"'|O'", b"'<U9'", b"'<c16'", b"'<M8'"))),
            (b"(", rng.choice((b"(-1,", b"(99999999999,", b"(0,", b"('a',"))),
            (b"'fortran_order': False", b"'fortran_order': True"),
            (b"'<U", rng.choice((b"'<S", b"'<U9", b"'>U", b"'|V"))),
            (b"3", b"4"),
        )
    )
    return content.replace(old, new, 1)


def _records(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # of an archive that is damaged already
        return {}


def _packed(records: dict[str, bytes], rng: random.Random) -> bytes:
    way = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", way) as archive:
        for name, inner in records.items():
            archive.writestr(name, inner)
    return file.getvalue()


# Headers with lengths, and chunks with checksums.


def in_header(content: bytes, rng: random.Random) -> bytes:
    """Damage the JSON header of a safetensors file, and write its length anew."""
    length = struct.unpack("<Q", content[:8])[0]
    header = rng.choice((in_json, in_json, in_json, flip, in_words))(
        content[8 : 8 + length], rng
    )
    size = rng.choice((len(header),) * 9 + (2**63,))
    return struct.pack("<Q", size) + header + content[8 + length :]


def in_chunk(content: bytes, rng: random.Random) -> bytes:
    """Damage one chunk of a PNG, and write its length and checksum anew."""
    chunks = []
    at = len(PNG)
    while at + 12 <= len(content):
        length = struct.unpack(">I", content[at : at + 4])[0]
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return flip(content, rng)
    number = rng.randrange(len(chunks))
    kind, inner = chunks[number]
    if kind == b"IHDR" and rng.random() < 0.5 and len(inner) == 13:
        width, height = (rng.choice((0, 1, 9, 20_000, 2**31 - 1)) for _ in range(2))
        inner = struct.pack(">II", width, height) + inner[8:]
    elif rng.random() < 0.2:
        kind = rng.choice(
            (b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"eXIf", b"?1?!")
        )
    elif rng.random() < 0.1:
        kind, inner = b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7))
    else:
        inner = rng.choice((flip, truncate, remove, insert, overwrite))(inner, rng)
    chunks[number] = kind, inner
    parts = [PNG]
    for kind, inner in chunks:
        check = zlib.crc32(kind + inner)
        parts.append(struct.pack(">I", len(inner)) + kind + inner)
        parts.append(struct.pack(">I", check))
    return b"".join(parts)
