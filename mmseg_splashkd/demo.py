"""``make demo``: a drawn pond, a teacher, a plain and a distilled student, a page."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from mmseg_splashkd.checkpoint import find_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.report import hero, load_run, print_table, write_page
from mmseg_splashkd.runs.tested import RECORD, evaluate_and_record
from mmseg_splashkd.runs.train import train

CODE = Path(__file__).resolve().parent
CONFIGS = CODE.parent / "configs" / "demo"
BEST_WEIGHTS = "weights_*_best.safetensors"
DATA = Path("data/demo")
WORK = Path("work_dirs/demo")
NOTES = (
    "Trained from scratch on a drawn pond: no pretrained weights, one seed, a minute "
    "or two each. Differences of a few points between such runs are no evidence."
)


class Stage(NamedTuple):
    """One model of the demo."""

    name: str
    title: str
    config: str
    teacher: str | None = None


STAGES = (
    Stage("teacher", "SegFormer-B1, the teacher", "segformer_b1_pond.py"),
    Stage("plain", "SegFormer-B0, plain", "segformer_b0_pond.py"),
    Stage(
        "distilled",
        "SegFormer-B0, distilled (0627)",
        "segformer_b0_kd_pe001_pond.py",
        teacher="teacher",
    ),
)


def demo(
    data: Path = DATA,
    work: Path = WORK,
    frames: int = 160,
    size: tuple[int, int] = (192, 256),
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Run the demo; what is already done with the same config and frames is kept.

    Args:
        data: Where the pond is drawn.
        work: Where runs and the page go.
        frames: Length of the video.
        size: (H, W) of its frames.
        cfg_options: Dotted config keys to override in every run.

    Returns:
        The page.
    """
    console = Console()
    console.rule("[bold]1/5  a pond to learn from")
    table = draw_pond(data, frames=frames, size=size)
    options = {**(cfg_options or {}), "data_root": str(data)}
    records = []
    for number, stage in enumerate(STAGES, start=2):
        console.rule(f"[bold]{number}/5  {stage.title}")
        records.append(_run(stage, table, work / stage.name, options))
    console.rule("[bold]5/5  what came out")
    runs = [load_run(record) for record in records]
    page = write_page(
        runs, work / "report.html", title="Splash on a drawn pond", notes=NOTES
    )
    hero(runs, work / "hero.png")
    print_table(runs, console=console)
    console.print(f"Look at it: [bold]{page.resolve()}", soft_wrap=True)
    return page


def _run(stage: Stage, table: Path, work_dir: Path, options: dict[str, Any]) -> Path:
    config = Path(os.path.relpath(CONFIGS / stage.config))
    options = {**options, "work_dir": str(work_dir)}
    if stage.teacher:
        weights = find_checkpoint(str(work_dir.parent / stage.teacher / BEST_WEIGHTS))
        options["model.teacher_checkpoint"] = str(weights)
    record, key_file = work_dir / RECORD, work_dir / "made_from.sha256"
    key = _key(config, table, options)
    if record.is_file() and key_file.is_file() and key_file.read_text() == key:
        print(f"Kept {record}: same code, config and frames.")
        return record
    shutil.rmtree(work_dir, ignore_errors=True)
    train(config, cfg_options=options)
    evaluate_and_record(
        config,
        work_dir,
        name=stage.name,
        title=stage.title,
        commands=(
            f"python tools/train.py {config} --work-dir {work_dir}",
            f"python tools/test.py {config} '{work_dir / BEST_WEIGHTS}'",
        ),
        cfg_options=options,
    )
    key_file.write_text(key)
    return record


def _key(config: Path, table: Path, options: dict[str, Any]) -> str:
    """What a run depends on: code, config, frames and the teacher's weights."""
    parts = [path.read_bytes() for path in sorted(CODE.rglob("*.py"))]
    parts += [table.read_bytes(), read_config(config, options).pretty_text.encode()]
    if teacher := options.get("model.teacher_checkpoint"):
        parts.append(Path(teacher).read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


if __name__ == "__main__":
    demo()
