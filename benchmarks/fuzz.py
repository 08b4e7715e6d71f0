"""Reads damaged files with every reader of files from elsewhere, and counts what comes.

Each input is one of a reader's small valid files, damaged at random by a seed. What is
read is read; every error must be a ValueError or an OSError of one line that names the
file. A fork reads, so that a hang or a crash ends an input and not the count.
"""

import argparse
import faulthandler
import json
import logging
import os
import random
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from foreign_readers import READERS, Reader
from mutations import mutated

GOOD = ("read", "named")
BAD = ("nameless", "long", "raw", "hang", "crash")
LIMIT = 10  # seconds an input
MEMORY = 4 * 2**30  # bytes of addresses, beyond those of the imports
LINE = 1000  # characters of a message


@dataclass(frozen=True)
class Outcome:
    """What came of one input.

    Args:
        number: Number of the input.
        kind: One of ``GOOD`` and ``BAD``.
        text: The error.
        seconds: Time of the reader.
    """

    number: int
    kind: str
    text: str = ""
    seconds: float = 0.0


def damage(reader: Reader, folder: Path, seed: str) -> list[str]:
    """Write a reader's files to an empty folder, and damage one or, seldom, two.

    Args:
        reader: The reader.
        folder: An empty folder.
        seed: Text from which all chance comes.

    Returns:
        Names, one of which an error must contain.
    """
    rng = random.Random(seed)
    files = reader.write(folder)
    chosen = [rng.choice(files) for _ in range(rng.choice((1, 1, 1, 1, 2)))]
    for path in chosen:
        path.write_bytes(mutated(path.read_bytes(), rng))
    return [*(path.name for path in chosen), *reader.named]


def kind_of(error: BaseException | None, names: Sequence[str]) -> str:
    """Kind of an outcome by the error that a reader raised.

    Args:
        error: The error; None if it raised none.
        names: Names, one of which its message must contain.
    """
    if error is None:
        return "read"
    if not isinstance(error, ValueError | OSError):
        return "raw"
    text = str(error)
    if not any(name in text for name in names):
        return "nameless"
    plain = "\n" not in text and all(c.isprintable() for c in text)
    return "named" if plain and len(text) <= LINE else "long"


def read_one(name: str, number: int, seed: int, folder: Path) -> Outcome:
    """Damage a reader's files, and read them.

    Args:
        name: Name of the reader.
        number: Number of the input.
        seed: Seed of all inputs.
        folder: Folder for the files; its content is removed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = damage(READERS[name], folder, f"{name} {seed} {number}")
    error, began = None, time.perf_counter()
    try:
        READERS[name].read(folder)
    except Exception as caught:
        error = caught
    seconds = time.perf_counter() - began
    text = "" if error is None else f"{type(error).__name__}: {error}"
    return Outcome(number, kind_of(error, names), text[:3000], seconds)


def outcomes(
    name: str, numbers: Sequence[int], seed: int, folder: Path, limit: float = LIMIT
) -> Iterator[Outcome]:
    """Read inputs in forks, one after the other.

    Args:
        name: Name of the reader.
        numbers: Numbers of the inputs.
        seed: Seed of all inputs.
        folder: Folder for the files.
        limit: Seconds after which an input counts as a hang.
    """
    left = list(numbers)
    while left:
        pid, lines = _fork(name, left, seed, folder)
        for line in _until_silent(lines, limit):
            if line is None:
                os.kill(pid, signal.SIGKILL)
                yield Outcome(left.pop(0), "hang", f"more than {limit} s", limit)
                break
            yield Outcome(*json.loads(line))
            left.pop(0)
        os.close(lines)
        _, status = os.waitpid(pid, 0)
        if left and os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            number = os.WTERMSIG(status)
            yield Outcome(left.pop(0), "crash", signal.Signals(number).name)


def _fork(
    name: str, numbers: Sequence[int], seed: int, folder: Path
) -> tuple[int, int]:
    """A fork that reads inputs; its id, and the pipe to which it writes outcomes."""
    lines, out = os.pipe()
    sys.stdout.flush()
    if pid := os.fork():
        os.close(out)
        return pid, lines
    try:
        faulthandler.disable()  # a crash is counted, not explained
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        os.close(lines)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)  # decoders in C write there
        used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        for number in numbers:
            one = read_one(name, number, seed, folder)
            values = [one.number, one.kind, one.text, one.seconds]
            os.write(out, json.dumps(values).encode() + b"\n")
    finally:
        os._exit(0)


def _until_silent(lines: int, limit: float) -> Iterator[bytes | None]:
    """Lines of a pipe, and None where none comes in time."""
    buffer = b""
    while True:
        ready, _, _ = select.select([lines], [], [], limit)
        if not ready:
            yield None
            return
        part = os.read(lines, 2**16)
        if not part:
            return
        buffer += part
        *whole, buffer = buffer.split(b"\n")
        yield from whole


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "--inputs", type=int, default=1000, help="inputs of each reader (default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument(
        "--readers",
        nargs="+",
        choices=READERS,
        default=list(READERS),
        metavar="NAME",
        help=f"of {', '.join(READERS)} (default: all)",
    )
    parser.add_argument(
        "--number", type=int, help="read only this input, and print what comes"
    )
    parser.add_argument(
        "--show", type=int, default=3, help="bad outcomes printed a reader (default: 3)"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Count outcomes, print the table, and return 1 if one is not good."""
    args = parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if args.number is not None:
            for name in args.readers:
                print(read_one(name, args.number, args.seed, Path(folder, "files")))
            return 0
        return _count(args, Path(folder, "files"))


def _count(args: argparse.Namespace, folder: Path) -> int:
    columns = (*GOOD, *BAD, "slowest, s")
    print(f"| reader | inputs | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 2) + "|")
    total: Counter[str] = Counter()
    slowest = 0.0
    for name in args.readers:
        found = list(outcomes(name, range(args.inputs), args.seed, folder))
        counts = Counter(each.kind for each in found)
        own = max((each.seconds for each in found), default=0.0)
        _print_row(name, counts, own)
        for each in [each for each in found if each.kind in BAD][: args.show]:
            print(f"{name} {each.number}: {each.kind}: {each.text!r}", file=sys.stderr)
        total += counts
        slowest = max(slowest, own)
    _print_row("all", total, slowest)
    return int(any(total[kind] for kind in BAD))


def _print_row(name: str, counts: Counter[str], slowest: float) -> None:
    cells: list[Any] = [name, counts.total(), *(counts[kind] for kind in (*GOOD, *BAD))]
    print(f"| {' | '.join(map(str, cells))} | {slowest:.2f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
