"""The tables of benchmarks/inference.py, from its JSON file."""

from collections.abc import Sequence
from typing import Any

from mmseg_splashkd.evaluation.interleaved import Spread, ratios, spread

EAGER, PEER = "torch", "transformers"
REFERENCE = "as it is"


def tables(found: dict[str, Any]) -> str:
    """All tables as Markdown, below a line about the machine.

    Args:
        found: What the JSON file holds.
    """
    times = found["times"]
    parts = [
        _about(found["machine"]),
        "\n".join(_ways(times)),
        "\n".join(_memory(found["memory"])),
        "\n".join(_parts(times)),
        "\n".join(_variants(times)),
    ]
    return "\n\n".join(parts)


def _about(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    return (
        f"{machine['cpu']} ({machine['kind']}), {machine['cores']} cores, load "
        f"{machine['load']:.2f} before, {machine['date']}; {versions}; "
        f"{machine['config']}, {machine['weights']} weights, {machine['rounds']} "
        f"rounds, GOMP_SPINCOUNT {machine['spin']}. Medians and quartiles."
    )


def _head(*heads: str) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _times_as_fast(seconds: dict[str, list[float]], other: str, way: str) -> str:
    """How many times as fast as another way, in the same rounds."""
    if other not in seconds:
        return ""
    return _figure(ratios(seconds[other], seconds[way]), 2)


def _figure(of: Spread, digits: int) -> str:
    return f"{of.median:.{digits}f} ({of.low:.{digits}f} to {of.high:.{digits}f})"


def _milliseconds(seconds: Sequence[float]) -> str:
    return _figure(spread([1000 * each for each in seconds]), 1)


def _ways(times: Sequence[dict[str, Any]]) -> list[str]:
    lines = _head(
        "frame",
        "threads",
        "way",
        "ms",
        f"times as fast as {EAGER}",
        f"as {PEER}",
        f"other class than {EAGER}",
    )
    for each in times:
        seconds = each["seconds"]
        for way in seconds:
            same_network = way != PEER
            changed = f"{each['changed'][way]:.3%}" if same_network else ""
            lines.append(
                _row(
                    f"{each['size']}x{each['size']}",
                    each["threads"],
                    way,
                    _milliseconds(seconds[way]),
                    _times_as_fast(seconds, EAGER, way),
                    _times_as_fast(seconds, PEER, way),
                    changed,
                )
            )
    return lines


def _memory(memory: Sequence[dict[str, Any]]) -> list[str]:
    lines = _head("frame", "way", "peak memory, MiB", "of it beyond imports")
    for each in memory:
        size, beyond = each["size"], each["peak"] - each["imports"]
        row = _row(
            f"{size}x{size}", each["way"], f"{each['peak']:,.0f}", f"{beyond:,.0f}"
        )
        lines.append(row)
    return lines


def _parts(times: Sequence[dict[str, Any]]) -> list[str]:
    lines = _head("network at", "frame", "threads", "part", "ms", "share")
    for each in times:
        for found in each["parts"]:
            medians = {n: spread(s).median for n, s in found["seconds"].items()}
            graph = {n: m for n, m in medians.items() if not n.startswith("decoding")}
            height, width = found["frame"]
            for name, median in medians.items():
                share = f"{median / sum(graph.values()):.0%}"
                lines.append(
                    _row(
                        f"{each['size']}x{each['size']}",
                        f"{width}x{height}",
                        each["threads"],
                        name,
                        _milliseconds(found["seconds"][name]),
                        share,
                    )
                )
    return lines


def _variants(times: Sequence[dict[str, Any]]) -> list[str]:
    lines = _head("frame", "threads", "variant", "ms a frame", "time to that as it is")
    for each in times:
        for name, seconds in each["variants"].items():
            engine = name.partition(": ")[0]
            reference = each["variants"][f"{engine}: {REFERENCE}"]
            lines.append(
                _row(
                    f"{each['size']}x{each['size']}",
                    each["threads"],
                    name,
                    _milliseconds(seconds),
                    _figure(ratios(seconds, reference), 2),
                )
            )
    return lines
