"""The page of the zoo, in Markdown."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmseg_splashkd.evaluation.interleaved import Spread
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.report.formatting import number
from mmseg_splashkd.report.tables import markdown_table
from mmseg_splashkd.report.zoo.load import BUSY
from mmseg_splashkd.report.zoo.metafiles import entry_of
from mmseg_splashkd.report.zoo.networks import LeftOut
from mmseg_splashkd.report.zoo.zoo import Measured, Settings, Zoo, zoo

HEADS = ("Network", "Configs", "Parameters (M)", "GMACs", "Stride", "Peak memory (MiB)")
FIGURE_HEADS = ("Config", "Data", "Figure", "Start", "Source")
INTRODUCTION = """\
# Zoo

What the network of each config costs, and what it scored. The command below writes this
page from the configs and their metafiles: change those instead.
"""
ABOUT = """\
- *Network*: what predicts; of a distillation, the student. Configs whose networks have
  the same layers and sizes share a row. Weights are random: cost does not depend on
  them.
- *Parameters* include those of auxiliary heads, which prediction does not run. *GMACs*
  are multiply-accumulates of matrix products and convolutions. *Stride* is pixels of
  the frame per row of the logits.
- *Peak memory* is of one forward pass with its weights, in a fresh process: growth of
  the resident memory, or on a GPU the memory of tensors.
- *Times* are of the forward pass without pre- and postprocessing, in one process, in
  turn: each network runs one frame per round, after a round of warm-up, and every
  second round is in reversed order. So a machine that is busy for a while slows down
  all alike. Medians, with quartiles in brackets; the ratio is to SegFormer-B0 in the
  same round: compare networks by it.
"""
FIGURES = """\
## Figures

From runs made with these configs; command, seed, hardware and date are at the source.
"""
TOOL = """\
## Measure

```bash
python tools/complexity.py                      # all configs: takes minutes
python tools/complexity.py configs/kd/segformer_b2.py --size 1024 1024 \\
  --rounds 5 --threads 1
python tools/complexity.py --device cuda --out docs/zoo.md
python tools/complexity.py --fill               # parameters and GMACs into metafiles
python tools/complexity.py --check              # fails where these differ
```

- `--size W H`: frame in pixels, by default 512 512.
- `--rounds N`: timed rounds, by default 15.
- `--threads N`: threads of torch on the CPU. `--device cuda`: measure on a GPU.
- `--out FILE`: write this page; otherwise the table is only printed.
- `--check` measures nothing, but compares parameters and GMACs, counted at 512x512,
  with the `metafile.yml` beside each config. Exit status 1 on a difference.
- `--fill` writes these two into the metafiles; all other lines stay as they are.

SegFormer-B0 ([`segformer_b0.py`](../configs/kd/segformer_b0.py)) is always measured,
too. Configs that need a library which is not installed are left out, and listed.
*Figures* are the `Results` of the metafiles. `Conditions` belong to `Dataset`, `Start`
says which weights training began with, and `Source` names the page of the run where
that is not the README beside the config.
"""


def write_zoo(
    configs: Sequence[Path],
    folder: Path,
    settings: Settings,
    out: Path | None = None,
    command: str = "",
) -> Zoo:
    """Measure the networks of configs, print their table, and write the page.

    Args:
        configs: The configs.
        folder: Folder of the shipped configs.
        settings: How to measure.
        out: File of the page; None for none.
        command: The command that is run, for the page.

    Raises:
        ValueError: A config cannot be read or built.
    """
    measured = zoo(configs, folder, settings)
    print(f"{measured.conditions}. {_load(measured)}\n\n{table_of(measured)}")
    print(*_left_out(measured.left_out), sep="\n")
    if out is not None:
        write_whole(out, page_of(measured, command, out))
        print(f"Wrote {out}")
    return measured


def table_of(of: Zoo, link_from: Path | None = None) -> str:
    """The costs as a Markdown table.

    Args:
        of: The measured networks.
        link_from: Folder that links to the configs are relative to; None for no links.
    """
    heads = [*HEADS, "ms per frame", "Relative time"]
    return markdown_table(heads, [_row(each, link_from) for each in of.measured])


def page_of(of: Zoo, command: str, out: Path) -> str:
    """The whole page.

    Args:
        of: The measured networks.
        command: The command that measured them.
        out: The file it is for: links are relative to its folder.
    """
    configs = [config for each in of.measured for config in each.network.configs]
    parts = [INTRODUCTION, f"```bash\n{command}\n```\n", "## Cost\n"]
    parts += [f"{of.conditions}. {_load(of)}\n", table_of(of, out.parent) + "\n", ABOUT]
    if of.left_out:
        parts.append("Left out, as they could not be built where this was measured:\n")
        parts.append("\n".join(_left_out(of.left_out)) + "\n")
    rows = [row for config in sorted(configs) for row in _figures(config, out.parent)]
    if rows:
        parts += [FIGURES, markdown_table(FIGURE_HEADS, rows) + "\n"]
    parts.append(TOOL)
    return "\n".join(parts)


def _row(measured: Measured, link_from: Path | None) -> list[str]:
    network, cost = measured.network, measured.network.complexity
    return [
        _name(network.configs),
        ", ".join(_link(each.stem, each, link_from) for each in network.configs),
        number(cost.parameters / 1e6),
        number(cost.gmacs),
        f"{cost.stride:.3g}",
        number(measured.peak_mib, 0),
        _spread(measured.milliseconds, 1),
        _spread(measured.ratio, 2),
    ]


def _name(configs: Sequence[Path]) -> str:
    names = (entry_of(each).get("Metadata", {}).get("Architecture") for each in configs)
    return next(filter(None, names), configs[0].stem)


def _spread(spread: Spread, digits: int) -> str:
    median, low, high = (number(each, digits) for each in spread)
    return f"{median} ({low} to {high})"


def _link(text: str, path: Path, link_from: Path | None) -> str:
    return f"[{text}]({os.path.relpath(path, link_from)})" if link_from else text


def _load(of: Zoo) -> str:
    """How busy the machine was, and what that means for the times."""
    if of.others is None:
        return "What else the machine did meanwhile is not known."
    share = f"{100 * of.others:.0f} %"
    if of.others < BUSY:
        return f"Other processes used {share} of the CPU while networks were timed."
    return (
        f"**The machine was busy: other processes used {share} of the CPU while "
        f"networks were timed. The times are longer than on an idle machine; only "
        f"their ratios compare networks.**"
    )


def _left_out(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """A line for each reason, with the configs."""
    configs: dict[str, list[str]] = {}
    for each in left_out:
        configs.setdefault(each.reason, []).append(f"`{each.config.stem}`")
    for reason, names in configs.items():
        yield f"- {', '.join(names)}: {reason}"


def _figures(config: Path, folder: Path) -> Iterator[list[str]]:
    for result in entry_of(config).get("Results", ()):
        for metric, value in result["Metrics"].items():
            yield [
                _link(config.stem, config, folder),
                ", ".join(filter(None, map(result.get, ("Dataset", "Conditions")))),
                f"{metric} {value}",
                result.get("Start", "not stated"),
                _source(config, result, folder),
            ]


def _source(config: Path, result: dict[str, Any], folder: Path) -> str:
    path = config.parent / result.get("Source", "README.md")
    return _link(f"{path.resolve().parent.name}/{path.name}", path, folder)
