"""Parameters and multiply-accumulates in the metafiles beside configs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmseg_splashkd.evaluation.complexity import Complexity
from mmseg_splashkd.files import read_text, write_whole
from mmseg_splashkd.foreign import read_yaml
from mmseg_splashkd.report.zoo.networks import SIZE, LeftOut, counts_of

METAFILE = "metafile.yml"
PARAMETERS = "Parameters"
GMACS = f"GMACs at {SIZE[1]}x{SIZE[0]}"
FILL = "python tools/complexity.py --fill"
NAME = re.compile(r"^\s*- Name: *(\S+)")
METADATA = re.compile(r"^( *)Metadata:\s*$")
Figures = dict[str, int | float]


def figures(complexity: Complexity) -> Figures:
    """What a metafile says about a network: keys and values of ``Metadata``."""
    return {PARAMETERS: complexity.parameters, GMACS: round(complexity.gmacs, 3)}


def entry_of(config: Path) -> Mapping[str, Any]:
    """The model of the metafile beside a config; empty where there is none."""
    path = config.parent / METAFILE
    models = read_yaml(path)["Models"] if path.is_file() else ()
    return next((each for each in models if each["Name"] == config.stem), {})


def check_metafiles(configs: Iterable[Path]) -> tuple[list[str], list[LeftOut]]:
    """Compare the figures in metafiles with those of the networks.

    Args:
        configs: The configs.

    Returns:
        What differs, one line each, and the configs that cannot be built here.
    """
    differences: list[str] = []
    left_out = []
    for config, counted in counts_of(configs):
        if isinstance(counted, LeftOut):
            left_out.append(counted)
        else:
            differences += _differences(config, figures(counted))
    return differences, left_out


def _differences(config: Path, counted: Figures) -> Iterator[str]:
    path, metadata = config.parent / METAFILE, entry_of(config).get("Metadata", {})
    for key, value in counted.items():
        if metadata.get(key) != value:
            said = f"{key} is {metadata[key]}" if key in metadata else f"no {key}"
            yield f"{path}: {config.stem}: {said}, counted {value}"


def fill_metafiles(configs: Iterable[Path]) -> tuple[list[Path], list[LeftOut]]:
    """Write the figures of networks into the metafiles beside their configs.

    All other lines, comments among them, stay as they are.

    Args:
        configs: The configs.

    Returns:
        The metafiles that were changed, and the configs that cannot be built here.
    """
    counts: dict[Path, dict[str, Figures]] = {}
    left_out = []
    for config, counted in counts_of(configs):
        if isinstance(counted, LeftOut):
            left_out.append(counted)
        elif (path := config.parent / METAFILE).is_file():
            counts.setdefault(path, {})[config.stem] = figures(counted)
    changed = []
    for path, of_models in counts.items():
        text = read_text(path)
        if (filled := _filled(text, of_models)) != text:
            write_whole(path, filled)
            changed.append(path)
    return changed, left_out


def _filled(text: str, of_models: Mapping[str, Figures]) -> str:
    lines: list[str] = []
    name, indent, pending = "", None, {}
    for line in [*text.splitlines(), ""]:
        inside = indent is not None and line.startswith(f"{indent}  ")
        if indent is not None and not inside:  # the end of this model's metadata
            lines += [f"{indent}  {key}: {value}" for key, value in pending.items()]
            indent = None
        if named := NAME.match(line):
            name = named[1]
        if inside and line.split(":")[0].strip() in pending:
            continue
        lines.append(line)
        if (found := METADATA.match(line)) and name in of_models:
            indent, pending = found[1], of_models[name]
    return "\n".join(lines)
