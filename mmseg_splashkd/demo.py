"""``make demo``: a synthetic pond, teacher and students, a page, a file, and events."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint, tensors_sha256
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.deploy.command import export_and_tell
from mmseg_splashkd.deploy.deployed_file import read_meta
from mmseg_splashkd.deploy.verdicts import as_markdown, print_verified
from mmseg_splashkd.deploy.verify import verify
from mmseg_splashkd.deploy.watch.command import Asked, watch_and_tell
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.files import write_whole
from mmseg_splashkd.records.costs import measured_in_turn
from mmseg_splashkd.records.store import find_runs
from mmseg_splashkd.report.events import compare_events
from mmseg_splashkd.report.experiments.page import write_experiments_page
from mmseg_splashkd.report.experiments.panels import hero_pictures
from mmseg_splashkd.report.experiments.report import read_experiments
from mmseg_splashkd.report.experiments.tables import print_arms
from mmseg_splashkd.report.hero import write_hero
from mmseg_splashkd.runs.measure_cost import record_costs
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.shipped import config_path

CODE = Path(__file__).resolve().parent
BEST_WEIGHTS = "weights_*_best.safetensors"
SCORES = Path("scores", "test_best.npz")
MADE_FROM = "made_from.sha256"
DATA = Path("data/demo")
WORK = Path("work_dirs/demo")
ROUNDS = 5  # in which engines are timed
POND = "pond"  # name of the recording
EVENTS = EventSettings(on=0.01, off=0.005)  # the defaults are low for short trainings
NOTE = (
    "Trained from scratch on a synthetic pond: no pretrained weights, one seed, one or "
    "two minutes per model. Differences of a few points between such runs are no "
    "evidence."
)


class Stage(NamedTuple):
    """One model of the demo.

    Attributes:
        name: Name of the run and its work directory.
        config: Config file.
        teacher: Name of the stage whose best weights teach this one.
    """

    name: str
    config: str
    teacher: str | None = None


STAGES = (
    Stage("teacher", "segformer_b1_ce_pond.py"),
    Stage("plain", "segformer_b0_ce_pond.py"),
    Stage("distilled", "segformer_b0_splash_pond.py", teacher="teacher"),
)
MEASURED = ("plain", "distilled", "teacher")  # ratios of times are to the first one


def demo(
    data: Path = DATA,
    work: Path = WORK,
    frames: int = 160,
    size: tuple[int, int] = (192, 256),
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Run the demo; stages with the same code, config and frames are kept.

    Args:
        data: Folder for the frames.
        work: Folder for the runs, the page and ``hero.png``.
        frames: Number of frames of the video.
        size: (H, W) of the frames in pixels.
        cfg_options: Dotted config keys to override in every run.

    Returns:
        The page.
    """
    console = Console()
    console.rule("[bold]1/7  synthetic pond")
    table = draw_pond(data, frames=frames, size=size)
    options = {**(cfg_options or {}), "data_root": str(data)}
    for number, stage in enumerate(STAGES, start=2):
        console.rule(f"[bold]{number}/7  {stage.name}")
        _run(stage, table, work / stage.name, options)
    _measure([work / name for name in MEASURED])
    console.rule("[bold]5/7  report")
    page = _report([work / stage.name for stage in STAGES], work, console)
    console.rule("[bold]6/7  a file for another machine")
    _deploy(work / "distilled", work / "student.onnx", options, console)
    console.rule("[bold]7/7  events of the pond")
    _watch(work / "student.onnx", data, work / "watched", console)
    console.print(f"Open it: [bold]{page.resolve()}", soft_wrap=True)
    return page


def _deploy(
    work_dir: Path, file: Path, options: dict[str, Any], console: Console
) -> None:
    """Export the distilled student; say what the file costs, and its verdict."""
    weights = find_checkpoint(str(work_dir / BEST_WEIGHTS))
    told = file.with_suffix(".md")
    if file.is_file() and told.is_file() and _is_of(file, weights):
        print(f"Kept {file}: of the same weights.")
        print(told.read_text("utf-8"))
        return
    config = str(config_path(f"demo/{STAGES[-1].config}"))
    try:
        export_and_tell(config, str(weights), file, options)
    except ImportError as error:  # of an installation without the extra
        print(error)
        return
    folder = work_dir.parent / "verified"
    shutil.rmtree(folder, ignore_errors=True)
    verified = verify(
        config, weights, [file], rounds=ROUNDS, work_dir=folder, cfg_options=options
    )
    print_verified(verified, console)
    write_whole(told, as_markdown(verified))


def _watch(file: Path, pond: Path, out: Path, console: Console) -> None:
    """Find the events of the whole pond with the file, and score them."""
    if not file.is_file():
        print(f"{file} is missing: there is nothing to watch with.")
        return
    shutil.rmtree(out, ignore_errors=True)
    watch_and_tell(
        Asked(str(file), str(pond / "images"), out, recording=POND, events=EVENTS)
    )
    compare_events([out / "events.csv", pond / "events.csv"], names=["distilled"])
    console.print("Most of these frames were trained on. Others: docs/events.md")


def _is_of(file: Path, weights: Path) -> bool:
    """Whether a file was made of some weights."""
    tensors = read_checkpoint(weights)["state_dict"]
    return read_meta(file).weights_sha256 == tensors_sha256(tensors)


def _report(work_dirs: list[Path], out: Path, console: Console) -> Path:
    report = read_experiments(
        work_dirs,
        part="test",
        weights="best",
        baseline="plain",
        operating_point=False,  # the pictures show argmax
        title="Splash on a synthetic pond",
    )
    report = replace(report, remarks=[NOTE, *report.remarks])
    findings = report.findings
    page = write_experiments_page(report, out / "report.html")
    arms = sorted(findings.shown, key=lambda arm: not arm.is_teacher)
    write_hero(hero_pictures(arms, "test"), out / "hero.png")
    print_arms(findings, console)
    return page


def _run(stage: Stage, table: Path, work_dir: Path, options: dict[str, Any]) -> None:
    """Train, and test the best weights on the test part."""
    config = Path(os.path.relpath(config_path(f"demo/{stage.config}")))
    options = dict(options)
    if stage.teacher:
        weights = find_checkpoint(str(work_dir.parent / stage.teacher / BEST_WEIGHTS))
        options["model.teacher_checkpoint"] = str(weights)
    key, key_file = _key(config, table, options), work_dir / MADE_FROM
    if key_file.is_file() and key_file.read_text() == key:
        print(f"Kept {work_dir}: same code, config and frames.")
        return
    shutil.rmtree(work_dir, ignore_errors=True)
    train(config, work_dir, cfg_options=options, name=stage.name)
    evaluate(
        config,
        work_dir / BEST_WEIGHTS,
        work_dir=work_dir / "test",
        out=work_dir / "predictions" / "test",
        scores=work_dir / SCORES,
        cfg_options=options,
    )
    write_whole(key_file, key)


def _measure(work_dirs: list[Path]) -> None:
    """Measure the cost of all models in turn, unless that is done."""
    runs = find_runs(work_dirs)
    if not measured_in_turn([run.record.cost for run in runs]):
        record_costs(work_dirs)


def _key(config: Path, table: Path, options: dict[str, Any]) -> str:
    """Hash of code, config, frames and weights of the teacher."""
    parts = [path.read_bytes() for path in sorted(CODE.rglob("*.py"))]
    parts += [table.read_bytes(), read_config(config, options).pretty_text.encode()]
    if teacher := options.get("model.teacher_checkpoint"):
        parts.append(Path(teacher).read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


if __name__ == "__main__":
    demo()
