"""Every command that is published runs: its options exist, and so do its files.

Bash itself reads the documented blocks, with ``python`` and the scripts replaced by
functions that record their arguments. What they record is parsed by the argument parser
of the tool, and the options of config files are applied to the config.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper

from mmseg_splashkd.config.arguments import parse_options
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.frames import in_time_order
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.report.zoo.load import STAT
from mmseg_splashkd.report.zoo.memory import peak
from mmseg_splashkd.runs.train import train
from tests.conftest import CONFIGS, PLAIN, ROOT, tiny, tiny_run
from tests.lean_processes import lean
from tests.test_docs import PAGES

BLOCK = re.compile(
    r"^( *)```(?:bash|sh|console)\n(.*?)^\1```", re.MULTILINE | re.DOTALL
)
INLINE = re.compile(r"`((?:\w+=\S+ )*python (?:tools|benchmarks)/[^\s`]+ [^`]+)`")
COMMENT = re.compile(r"^#  +(.*)$", re.M)
NAMED = re.compile(r"python (?:tools|benchmarks)/[\w/]+\.py")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
PLACEHOLDER = re.compile(r"<(\w+)>")
TOOLS = sorted((ROOT / "tools").glob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))
SCRIPTS = sorted((ROOT / "tools").glob("*.sh"))
SOURCES = [*PAGES, *sorted(CONFIGS.rglob("*.py"))]
# Scripts that pass their further arguments to a tool, and how many they keep.
WRAPPERS = {"tools/dist_train.sh": ("tools/train.py", 1, 2)}
WRAPPERS["tools/dist_test.sh"] = ("tools/test.py", 2, 3)
WRAPPERS["tools/slurm_sweep.sh"] = ("tools/sweep.py", 0, 0)
RECORD = 'record() { printf "%s\\n" "$#" "$@" >> "$RECORDED"; }\n'
# The script that is submitted, without the options of SLURM before it.
SBATCH = 'sbatch() { while [[ $1 == --* ]]; do shift; done; record "$@"; }\n'


def commands_of(source: Path) -> str:
    """The documented commands of a page, or of a config's comments, as a script."""
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".py":
        blocks = COMMENT.findall(text)
        # A comment is a command from its first line to the last that is continued.
        return "\n".join(line for line in _continued(blocks) if "python " in line)
    blocks = [block for _, block in BLOCK.findall(text)]
    return "\n".join([*blocks, *INLINE.findall(BLOCK.sub("", text))])


def _continued(lines: list[str]) -> Iterator[str]:
    joined = ""
    for line in lines:
        joined += line.removesuffix("\\")
        if not line.endswith("\\"):
            yield joined
            joined = ""


def recorded(script: str, folder: Path) -> list[list[str]]:
    """Arguments of each call of ``python`` and of the scripts, as bash expands them."""
    names = ["python", *(str(path.relative_to(ROOT)) for path in SCRIPTS)]
    stubs = "".join(f'{name}() {{ record {name} "$@"; }}\n' for name in names)
    stubs += "command_not_found_handle() { :; }\ncd() { :; }\n"
    (folder / "bin").mkdir()
    for tool in ("dirname", "basename", "seq"):
        (folder / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    log = folder / "recorded"
    log.touch()
    subprocess.run(
        ["/bin/bash", "-c", RECORD + SBATCH + stubs + PLACEHOLDER.sub(r"\1", script)],
        cwd=folder,
        env={"PATH": str(folder / "bin"), "RECORDED": str(log), "HOME": str(folder)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    words = iter(log.read_text().splitlines())
    return [[next(words) for _ in range(int(count))] for count in words]


@cache
def module_of(path: Path) -> ModuleType:
    """A tool or a benchmark as a module."""
    sys.path.insert(0, str(path.parent))  # as when it is run: it may import a sibling
    try:
        spec = importlib.util.spec_from_file_location(f"command_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def parse(file: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The parsed arguments of a command, None where it only prints its help."""
    monkeypatch.setattr(sys, "argv", [file, *words])
    try:
        return module_of(ROOT / file).parse_args()
    except SystemExit as end:
        if "--help" in words and end.code == 0:
            return None
        pytest.fail(f"the tool refuses: {' '.join([file, *words])}")


def check(call: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse a recorded call, and apply its options to its config."""
    name, *words = call
    if name in WRAPPERS:
        name, first, rest = WRAPPERS[name]
        call = ["python", name, *words[:first], *words[rest:]]
    elif name.endswith(".sh"):
        assert (ROOT / name).is_file()
        return
    _, file, *words = call
    if not file.startswith(("tools/", "benchmarks/")):
        return
    args = parse(file, words, monkeypatch)
    config, options = (getattr(args, key, None) for key in ("config", "cfg_options"))
    if config and (ROOT / config).is_file():
        pairs = not isinstance(options, dict)  # some tools parse them after --help
        given = parse_options(options or []) if pairs else options
        try:
            read_config(ROOT / config, given)
        except ImportError as error:  # it names the extra that the config needs
            if "pip install -e" not in str(error):
                raise


@pytest.mark.parametrize(
    "source", SOURCES, ids=lambda path: str(path.relative_to(ROOT))
)
def test_documented_commands_are_read_by_their_tools(source, tmp_path, monkeypatch):
    script = commands_of(source)
    calls = recorded(script, tmp_path)
    assert len(calls) >= len(NAMED.findall(script)), "bash stopped before the end"
    for call in calls:
        if "benchmarks/peers/" not in " ".join(call):  # in another environment
            check(call, monkeypatch)


def test_options_named_in_the_text_exist():
    text = "".join(path.read_text() for path in (*TOOLS, *BENCHMARKS))
    defined = {"--help", *OPTION.findall(text)}
    if "BooleanOptionalAction" in text:
        defined |= {f"--no-{option[2:]}" for option in defined}
    for page in PAGES:
        text = page.read_text("utf-8").partition("## From earlier versions")[0]
        spans = re.findall(r"`[^`]+`", BLOCK.sub("", text))
        assert {word for span in spans for word in OPTION.findall(span)} <= defined


def test_every_command_is_documented_and_executed_by_a_test():
    pages = "\n".join(commands_of(source) for source in SOURCES)
    pages += "\n".join(path.read_text() for path in SCRIPTS)  # they call tools
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for path in (*TOOLS, *BENCHMARKS, *SCRIPTS):
        if path.suffix == ".py" and "__main__" not in path.read_text():
            continue  # imported by tools
        assert f"{path.parent.name}/{path.name}" in pages, path
        folder = rf"{path.parent.name}(/|\" / \")|(run_tool|status_of)(\(|, )\""
        quoted = rf"({folder}){re.escape(path.name)}"
        assert re.search(quoted, tests), f"no test runs {path}"


# Benchmarks and tools that no other test runs, once each in a tiny form.


def run(file: str, *words: object) -> None:
    """Run the ``main`` of a tool or a benchmark in this process."""
    words = (file, *map(str, words))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(words))
        module_of(ROOT / file).main()


@pytest.fixture(scope="module")
def farm(tmp_path_factory) -> Path:
    """A drawn farm with wrong labels, split in time, with few labels in a copy."""
    root = tmp_path_factory.mktemp("farm") / "farm"
    size = ("--frames", 24, "--height", 64, "--width", 80)
    run("tools/make_demo_data.py", root, *size, "--label-noise", 0.5)
    ratios = ("--ratios", 0.5, 0.25, 0.25)
    run("tools/split_dataset.py", root, *ratios, "--out", root / "split.csv")
    return root


@pytest.fixture(scope="module")
def few(farm) -> Path:
    table = farm / "few.csv"
    run("benchmarks/hide_labels.py", farm / "split.csv", "--every", 4, "--out", table)
    return table


def test_hide_labels_keeps_every_fourth_training_label(farm, few):
    before, after = (read_table(path) for path in (farm / "split.csv", few))
    kept = [frame for frame in after if frame.label]
    hidden = [frame for frame in after if not frame.label]
    assert {frame.split for frame in hidden} == {"train"}
    assert sum(frame.split == "train" for frame in kept) == 3
    assert len(before) == len(after) == 24


def test_hide_labels_keeps_only_frames_near_a_label(farm):
    table = farm / "near.csv"
    options = ("--every", 8, "--near", 2, "--out", table)
    run("benchmarks/hide_labels.py", farm / "split.csv", *options)
    before, after = (
        in_time_order(read_table(path)) for path in (farm / "split.csv", table)
    )
    parts = [
        new.split
        for old, new in zip(before, after, strict=True)
        if old.split == "train"
    ]
    # Frames 0 and 8 of 12 have a label, and 2 on each side of them stay.
    assert parts == [
        *["train"] * 3,
        *["embargo"] * 3,
        *["train"] * 5,
        "embargo",
    ]
    for old, new in zip(before, after, strict=True):
        assert old.split == "train" or old == new


def test_ponds_draws_six_recordings(tmp_path, monkeypatch):
    monkeypatch.setattr(module_of(ROOT / "benchmarks" / "ponds.py"), "SIZE", (48, 80))
    out = tmp_path / "ponds"
    run("benchmarks/ponds.py", out, "--frames", 20, "--interval", 5)
    names = {f"{f}_{w}" for f in "AB" for w in ("clear", "rain", "rainy_night")}
    for part in ("images", "labels"):
        folders = list((tmp_path / "ponds" / part).iterdir())
        assert {path.name for path in folders} == names
        assert {len(list(path.glob("*.png"))) for path in folders} == {20}
    times = [int(p.name[:10]) for p in (out / "images" / "A_rain").iterdir()]
    assert max(times) - min(times) == 19 * 5  # frames may be late by less than 1 s
    assert not list(out.glob("tmp*"))


@pytest.mark.slow
def test_distill_step_measures_all_variants(monkeypatch, tmp_path, capsys):
    file = "benchmarks/distill_step.py"
    module = module_of(ROOT / file)
    small = Config.fromfile(CONFIGS / "_base_" / "models" / "segformer_b0.py")
    small.merge_from_dict(tiny("model"))
    small.model.backbone.embed_dims = 32  # torch computes 8 wrongly in bfloat16
    small.model.decode_head.in_channels = [32] * 4
    small.dump(tmp_path / "tiny.py")
    pair = module.Pair(str(tmp_path / "tiny"), str(tmp_path / "tiny"), 1)
    monkeypatch.setattr(module, "PAIRS", {"B1->B0": pair})
    monkeypatch.setattr(module, "FRAMES", 20)
    monkeypatch.setattr(module, "MEMORY_STEPS", 1)

    def in_this_process(command: list[str], **_: object) -> SimpleNamespace:
        measured = module.of_one_way(module.parse_args(command[2:]))
        return SimpleNamespace(stdout=json.dumps(measured))

    monkeypatch.setattr(module.subprocess, "run", in_this_process)
    size = ("--size", 64, "--batch", 2, "--repeats", 1, "--steps", 1)
    ways = ("--variants", "online", "--options", "all")
    out = tmp_path / "out.json"
    run(file, *size, *ways, "--processes", 2, "--out", out)
    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if "| B1->B0" in line]
    assert [len(row) for row in rows] == [6, 4]
    assert rows[0][1:3] == ["online / plain, float32", "all"]
    assert float(rows[0][3]) > 0
    stored = json.loads(out.read_text())
    assert stored["cpu_kind"] in printed
    assert len(stored["measured"]) == 2
    assert {len(each["seconds"]) for each in stored["measured"]} == {1}


def test_peers_that_are_not_on_the_path_are_refused_and_cirkd_adds_its_losses(
    monkeypatch,
):
    module = module_of(ROOT / "benchmarks" / "distill_step.py")
    monkeypatch.setitem(sys.modules, "losses", None)
    with pytest.raises(SystemExit, match="--variants cirkd: not on the path"):
        module.measure(module.parse_args(["--variants", "online", "cirkd"]))

    def stub(kind: str, cls: str, value: Any) -> None:
        loss = SimpleNamespace(**{cls: lambda **_: value})
        monkeypatch.setitem(sys.modules, f"losses.{kind}", loss)

    monkeypatch.setitem(sys.modules, "losses", ModuleType("losses"))
    stub("task", "SegCrossEntropyLoss", lambda logits, labels: 3 * logits.sum())
    stub("kd", "CriterionKD", lambda pred, soft: (pred * soft).sum())

    class Scale(torch.nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = torch.nn.Parameter(torch.tensor(by))

        def forward(self, inputs: torch.Tensor, mode: str) -> torch.Tensor:
            return self.by * inputs

        def data_preprocessor(self, data: dict, training: bool) -> dict:
            return data

    steps = sys.modules[module.PEERS["cirkd"].__module__]
    student, teacher = Scale(1.0), Scale(5.0)
    loop = steps._Loop(student, teacher)
    label = SimpleNamespace(gt_sem_seg=SimpleNamespace(data=torch.zeros(1, 1, 1)))
    data = {"inputs": torch.full((1, 1, 1, 1), 2.0), "data_samples": [label]}
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
    loop.train_step(data, OptimWrapper(optimizer))
    # d/ds (3 * 2 s + (2 s)(2 * 5)) = 6 + 20
    assert student.by.item() == pytest.approx(1 - 0.1 * 26)
    assert teacher.by.grad is None


def test_ratios_of_two_variants_are_taken_within_a_round():
    module = module_of(ROOT / "benchmarks" / "distill_step.py")
    seconds = {"floor": (3.0, 4.0), "online": (3.0, 4.0)}
    found = [
        module.Measured("B1->B0", module.Way(variant, "none"), process, [s], [2.0])
        for variant, both in seconds.items()
        for process, s in enumerate(both)
    ]
    (row,) = module.rows_of(found, "online", "floor")
    assert row.startswith("| B1->B0 | online / floor | none | 1.000 | 1.000 to 1.000")
    (row,) = module.rows_of(found, "online", "")
    # The mean of 1.5 and 2 is geometric, and t of one degree of freedom is 12.7.
    assert "| online / plain, float32 | none | 1.732 | 0.278 to 10.772 | 20.3% |" in row
    ways = module.ways_of(module.parse_args([]))
    assert module.REFERENCE in ways
    assert module.Way("plain", "teacher") not in ways
    assert module.Way("cached", "views") in ways
    assert "compile" not in module.Way("online", "all").chosen


def test_the_spread_between_processes_is_that_of_a_lognormal():
    module = module_of(ROOT / "benchmarks" / "distill_step.py")
    draw = np.random.default_rng(0)
    ratios = np.exp(draw.normal(np.log(0.8), 0.05, (200, 5)))
    estimates = [module.estimate(list(each)) for each in ratios]
    covered = np.mean([one.low < 0.8 < one.high for one in estimates])
    assert 0.92 < covered < 0.98
    way = module.Way("online", "none")
    found = [[module.Measured("", way, 0, [r], [1.0]) for r in each] for each in ratios]
    # t of many degrees of freedom, two means of five.
    expected = np.expm1(1.96 * 0.05 * np.sqrt(2 / 5))
    assert module.resolution(found) == pytest.approx(expected, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "head"),
    [
        ((), "| path | frames/s, median |"),
        (("--steps",), "| mmseg_splashkd | CPU ms |"),
        (("--rows", 20), "| rows | build, s |"),
    ],
)
def test_loader_prints_its_table(words, head, capsys):
    small = ("--size", 48, "--workers", 0, "--repeats", 1, "--batches", 1)
    run("benchmarks/loader.py", *small, *words)
    printed = capsys.readouterr().out
    assert head in printed
    assert printed.count("\n|") >= 2


@pytest.mark.slow
def test_calibration_prints_a_table_per_part(capsys):
    module = module_of(ROOT / "benchmarks" / "calibration.py")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SIZES", "FEW_SIZES", "RUNS_SIZES"):
            patch.setattr(module, name, (60, 120))
        run("benchmarks/calibration.py", "--trials", 2, "--resamples", 100)
    assert capsys.readouterr().out.count("|---|") >= len(module.PARTS)


@pytest.mark.slow
def test_label_errors_compares_finds_with_planted_errors(farm, tmp_path, capsys):
    options = tiny_run(farm, "model", split_table="split.csv")
    work_dir = train(PLAIN, tmp_path / "run", cfg_options=options)
    capsys.readouterr()
    run("benchmarks/label_errors.py", farm, work_dir)
    printed = capsys.readouterr().out
    assert "frames judged" in printed
    assert printed.count("|---") >= 5


@pytest.mark.slow
def test_arms_trains_and_prints_a_row(farm, tmp_path):
    small = tiny("model") | {"model.decode_head.loss_decode.gamma": 0.0}
    small |= {"data_root": str(farm), "train_dataloader.batch_size": 2}
    options = [f"{key}={json.dumps(value)}" for key, value in small.items()]
    words = ["--arms", "plain", "--rates", "1e-3", "--seeds", "1", "--iterations", "2"]
    words += ["--out", str(tmp_path), "--name", " tiny", "--option", *options]
    done = subprocess.run(
        [sys.executable, "benchmarks/arms.py", "farm", *words],
        cwd=ROOT,
        env=lean(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "| plain tiny | 0.001 |" in done.stdout


@pytest.mark.parametrize(
    ("after", "text", "status"),
    [
        ([500.0, 400.0, 404.0, 400.0], "the last +0.00 %, at most 1.00 % away", 0),
        ([500.0, 400.0, 405.0, 410.0], "the last +2.50 %, at most 2.50 % away", 1),
    ],
)
def test_memory_that_grows_after_the_second_validation_fails(
    after, text, status, tmp_path, monkeypatch, capsys
):
    module = module_of(ROOT / "benchmarks" / "memory.py")

    def sampled(words: list[str], folder: Path, count: int) -> list[float]:
        folder.mkdir()
        (folder / "weights_run_last.safetensors").touch()
        return after

    monkeypatch.setattr(module, "sampled", sampled)
    words = ["--steps", "8", "--validations", "4", "--out", str(tmp_path / "out")]
    assert module.main(words) == status
    assert capsys.readouterr().out.endswith(f"from validation 2 on, {text}\n")


def test_memory_of_a_process_is_what_it_takes():
    module = module_of(ROOT / "benchmarks" / "memory.py")
    before = module.resident(os.getpid())
    # Older kernels count 64 page faults later, which are 128 MiB of huge pages.
    taken = bytearray(b"1" * 2**28)
    assert 120 < module.resident(os.getpid()) - before < 600
    del taken


@pytest.mark.parametrize("words", [(), ("--annotate",)], ids=["plain", "annotated"])
def test_watch_prints_memory_and_speed(words, capsys):
    run("benchmarks/watch.py", "--seconds", 4, "--size", 48, 64, *words)
    printed = capsys.readouterr().out
    assert re.search(r"\n100 frames of 64x48: [\d,]+ a second\n", printed)
    assert printed.count("% | ") == 10


def test_following_prints_a_row_a_tracker_and_a_picture(tmp_path, capsys):
    picture = tmp_path / "tracks.svg"
    small = ("--frames", 12, "--size", 48, 64, "--density", 1, "--burst-frames", 4)
    words = (*small, "--trackers", "sort", "nearest", "--picture", picture)
    run("benchmarks/following.py", *words)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(picture)
    assert picture.read_text().startswith("<svg")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[3:]]
    given = ["true boxes"] * 2 + ["true masks"] * 3 + ["noisy masks"] * 3
    assert [row[2] for row in rows] == given
    assert [row[3] for row in rows] == ["sort", "nearest"] + [
        "sort",
        "nearest",
        "sort",
    ] * 2
    assert all(row[5].endswith(" of 6") for row in rows)  # three of each farm
    assert float(rows[0][9]) > 90  # MOTA of true boxes


@pytest.mark.slow
def test_watch_prints_processes_and_a_plan(capsys):
    words = ("--seconds", 2, "--rate", 10, "--size", 48, 64)
    run("benchmarks/watch.py", *words, "--jobs", 1, 2, "--plan", 100, 365)
    printed = capsys.readouterr().out
    assert printed.count("\n| 1 | ") == printed.count("\n| 2 | ") == 1
    plan = "100 cameras, 365 days, 25 frames a second: 78,840,000,000 frames"
    assert f"\n{plan}, " in printed


def test_a_plan_by_hand():
    """Two cameras, a day, a frame a second: 172,800 frames; 96 a second and core."""
    module = module_of(ROOT / "benchmarks" / "watch.py")
    plan = module.plan_of(2, 1, 1, module.Measured(96.0, 90.0))
    assert plan == module.Plan(172_800, 0.5, 2 / 96, 172_800 * 90)


@pytest.mark.parametrize("words", [(), ("--whole",)], ids=["chunks", "whole"])
def test_cirkd_prints_memory_and_time(words, capsys):
    small = ("--size", 6, "--batch", 2, "--channels", 3, "--repeats", 1)
    run("benchmarks/cirkd.py", *small, *words)
    printed = capsys.readouterr().out
    assert printed.startswith("2 images, 6x6 features of 3 channels, float32")
    way = "at once" if words else "in chunks"
    assert re.search(
        rf"\n\| {way} \| [\d,]+ \| [\d.]+ \([\d.]+ to [\d.]+\) \|", printed
    )


def test_complexity_measures_two_networks_beside_b0(tmp_path, monkeypatch, capsys):
    def in_this_process(configs: list[Path], *rest: Any) -> list[float | None]:
        return [peak(config, *rest) for config in configs]

    monkeypatch.setattr("mmseg_splashkd.report.zoo.zoo.peak_of_each", in_this_process)
    for name, width in (("one", 8), ("two", 16)):
        options = tiny("model") | {"model.backbone.embed_dims": width}
        options["model.decode_head.in_channels"] = [width] * 4
        read_config(PLAIN, options).dump(tmp_path / f"{name}.py")
    configs = [tmp_path / f"{name}.py" for name in ("one", "two")]
    measuring = ("--size", 96, 64, "--rounds", 3, "--threads", 1, "--device", "cpu")
    run("tools/complexity.py", *configs, *measuring, "--out", tmp_path / "zoo.md")
    printed = capsys.readouterr().out
    assert "Frames of 96x64, batch 1, float32, 3 rounds; " in printed
    assert "of the CPU while networks were timed." in printed or not STAT.is_file()
    rows = [line for line in printed.splitlines() if line.startswith("| ")][2:]
    assert {row.split(" | ")[1] for row in rows} == {"one", "two", "segformer_b0"}
    (b0,) = [row for row in rows if "segformer_b0" in row]
    assert b0.endswith("| 1.00 (1.00 to 1.00) |")
    page = (tmp_path / "zoo.md").read_text()
    assert "python tools/complexity.py " in page
    assert "configs/kd/segformer_b0.py)" in page


@pytest.mark.parametrize("mode", ["--check", "--fill"])
def test_complexity_refuses_what_has_no_effect(mode, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["complexity.py", mode, "--rounds", "3"])
    with pytest.raises(SystemExit):
        module_of(ROOT / "tools" / "complexity.py").parse_args()
    assert f"--rounds has no effect with {mode}" in capsys.readouterr().err


def test_complexity_fails_where_a_metafile_differs(tmp_path, monkeypatch, capsys):
    shutil.copy(PLAIN.parent / "metafile.yml", tmp_path)
    read_config(PLAIN).dump(tmp_path / PLAIN.name)
    words = ["complexity.py", str(tmp_path / PLAIN.name)]
    main = module_of(ROOT / "tools" / "complexity.py").main
    monkeypatch.setattr(sys, "argv", [*words, "--check"])
    assert main() is None
    assert capsys.readouterr().out == "Metafiles agree\n"
    text = (tmp_path / "metafile.yml").read_text()
    (tmp_path / "metafile.yml").write_text(text.replace("Parameters: 3715682", ""))
    assert main() == 1
    assert (
        "segformer_b0_pond: no Parameters, counted 3715682" in capsys.readouterr().out
    )
    monkeypatch.setattr(sys, "argv", [*words, "--fill"])
    assert main() is None
    monkeypatch.setattr(sys, "argv", [*words, "--check"])
    assert main() is None


def test_the_peer_of_another_environment_compiles():
    path = ROOT / "benchmarks" / "peers" / "hf_segformer_step.py"
    compile(path.read_text(encoding="utf-8"), str(path), "exec")
