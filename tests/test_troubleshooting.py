"""Every error of the troubleshooting page is provoked, and prints the page's text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError

import pytest

from mmseg_splashkd.config.faults import explains_itself
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.hooks import FiniteGuardHook
from mmseg_splashkd.runs.dry_pass import DryPassHook
from mmseg_splashkd.runs.test import evaluate
from mmseg_splashkd.runs.train import train
from mmseg_splashkd.statistics import FoldSeed, arm_of, compare
from tests.config.test_data_check import interleave
from tests.conftest import BEST, DISTILLED, PLAIN, ROOT, TEACHER, tiny_run
from tests.datasets.builders import draw_frames, splash_label, stamp, write_label
from tests.datasets.checks.builders import clean_pond
from tests.project.builders import project, save_pair
from tests.runs.broken_configs import run
from tests.runs.test_dry_pass import pspnet
from tests.statistics.builders import tiny

PAGE = ROOT / "docs" / "troubleshooting.md"
ENTRIES = 20
ENTRY = re.compile(
    r"(?P<title>[^\n]+)\n\n```text\n(?P<text>.+?)\n```\n\n"
    r"\*\*Cause:\*\* (?P<cause>.+?)\n\n\*\*Remedy:\*\* (?P<remedy>.+)",
    re.DOTALL,
)
PLACEHOLDER = re.compile(r"<[a-z][a-z ]*>")
FRAMES = [stamp(number) for number in range(30)]


def entries() -> list[re.Match[str]]:
    """The entries of the page, one for each heading."""
    _, *parts = PAGE.read_text("utf-8").split("\n## ")
    found = [ENTRY.fullmatch(part.strip()) for part in parts]
    for part, entry in zip(parts, found, strict=True):
        assert entry is not None, f"another form: {part[:200]}"
    return [entry for entry in found if entry is not None]


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def pattern_of(text: str) -> str:
    """Pattern of a text of the page, in which each placeholder matches any words."""
    return ".+".join(map(re.escape, PLACEHOLDER.split(on_one_line(text))))


class Place(NamedTuple):
    """What a provoker may use: an empty folder, patches and fixtures by name."""

    folder: Path
    patch: pytest.MonkeyPatch
    fixture: Callable[[str], Any]


PROVOKERS: dict[str, Callable[[Place], object]] = {}


def provokes(title: str) -> Callable:
    def add(provoker: Callable[[Place], object]) -> Callable[[Place], object]:
        assert title not in PROVOKERS
        PROVOKERS[title] = provoker
        return provoker

    return add


# Configs


@provokes("An option of --cfg-options is misspelt")
def misspelt_option(_: Place) -> None:
    read_config(PLAIN, {"model.decode_head.num_clases": 3})


@provokes("A variable of a config changes nothing")
def variable_without_effect(at: Place) -> None:
    config = at.folder / "mine.py"
    lines = f"_base_ = {str(PLAIN)!r}\nmax_iters = 4000\nparam_scheduler = []\n"
    config.write_text(f"{lines}train_cfg = dict(max_iters=150)\n")
    read_config(config)


@provokes("A type is not registered")
def unknown_type(at: Place) -> None:
    options = tiny_run(at.fixture("pond"), "model", model__type="EncodrDecoder")
    train(PLAIN, at.folder / "run", cfg_options=options)


# Data


@provokes("data_root does not exist")
def no_data(at: Place) -> None:
    train(PLAIN, at.folder / "run", cfg_options={"data_root": "nowhere"})


@provokes("Masks hold three or more values")
def three_values(at: Place) -> None:
    for n in range(4):
        image, mask = (at.folder / f"{kind}/{n}.png" for kind in ("images", "masks"))
        save_pair(image, mask, n, values=(0, 128, 255))
    project(at.folder, at.folder / "farm")


def train_on(root: Path, suffix: str = ".png") -> None:
    """Train on the frames of a folder, cut along time."""
    options = tiny_run(root, "model", split_table="")
    for loader in ("train_dataloader.dataset", "val_dataloader", "test_dataloader"):
        options[f"{loader}.dataset.img_suffix"] = suffix
    train(PLAIN, root / "run", cfg_options=options)


@provokes("A label value is outside the table")
def unknown_value(at: Place) -> None:
    draw_frames(at.folder, FRAMES)
    label = splash_label(0)
    label[0, :3] = 128
    write_label(at.folder / "labels" / f"{FRAMES[3]}.png", label)
    train_on(at.folder)


@provokes("A JPEG is damaged")
def damaged_jpeg(at: Place) -> None:
    draw_frames(at.folder, FRAMES, ".jpg")
    path = at.folder / "images" / f"{FRAMES[3]}.jpg"
    path.write_bytes(path.read_bytes()[:-30])
    train_on(at.folder, ".jpg")


@provokes("A file name is not a time stamp")
def no_stamp(at: Place) -> None:
    train_on(draw_frames(at.folder, ["1", "2", "3"]))


@provokes("The data check finds an overlap")
def overlap(at: Place) -> None:
    table = clean_pond(at.fixture("pond"), at.folder / "pond")
    interleave(table)
    options = tiny_run(table.parent, "model", split_table=table.name)
    options["test_dataloader.dataset.split"] = "val"
    train(PLAIN, at.folder / "run", cfg_options=options)


# Training


@provokes("Frames of several sizes make no batch")
def several_sizes(at: Place) -> None:
    run({"val_dataloader.dataset.type": "TwoSizes"}, at.folder, DryPassHook())


@provokes("Batch norm sees one value per channel")
def batch_of_one(at: Place) -> None:
    changes = {"model": pspnet(), "train_dataloader.batch_size": 1}
    run(changes, at.folder, DryPassHook())


@provokes("save_best is not a metric of the validation")
def unknown_metric(at: Place) -> None:
    key = "default_hooks.checkpoint"
    changes = {f"{key}.save_best": "mIou", f"{key}.rule": "greater"}
    run(changes, at.folder, DryPassHook())


@provokes("Pretrained weights cannot be downloaded")
def offline(at: Place) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise URLError("Name or service not known")

    at.patch.setattr("mmengine.runner.checkpoint.load_url", fail)
    weights = {"type": "Pretrained", "checkpoint": "https://nowhere.invalid/b0.pth"}
    run({"model.backbone.init_cfg": weights}, at.folder)


@provokes("The loss is not finite (NaN)")
def diverged(at: Place) -> None:
    changes = {"optim_wrapper.optimizer.lr": 1e30, "param_scheduler": []}
    run(changes, at.folder, FiniteGuardHook())


@provokes("The work directory holds a run")
def folder_of_a_run(at: Place) -> None:
    options = tiny_run(at.fixture("pond"), "model")
    train(TEACHER, at.fixture("teacher"), cfg_options=options)


# Teachers and checkpoints


@provokes("The teacher's checkpoint does not exist")
def no_teacher(at: Place) -> None:
    options = tiny_run(at.fixture("pond"), "model.student", "model.teacher")
    options["model.teacher_checkpoint"] = f"{at.folder}/teacher_*/{BEST}"
    train(DISTILLED, at.folder / "run", cfg_options=options)


@provokes("The teacher teaches nothing")
def weak_teacher(at: Place) -> None:
    options = at.fixture("distil_options") | {"model.teacher_gate.allow": []}
    train(DISTILLED, at.folder / "run", cfg_options=options)


@provokes("The teacher was trained on evaluated frames")
def leak(at: Place) -> None:
    swapped = {"train_dataloader.dataset.dataset.split": "val"}
    swapped["test_dataloader.dataset.split"] = "train"
    swapped["val_dataloader.dataset.split"] = "test"
    options = at.fixture("distil_options") | swapped
    train(DISTILLED, at.folder / "run", cfg_options=options)


@provokes("A checkpoint does not fit the model")
def other_model(at: Place) -> None:
    weights = str(at.fixture("teacher") / BEST)
    options = tiny_run(at.fixture("pond"), "model", model__decode_head__channels=8)
    evaluate(TEACHER, weights, at.folder / "test", cfg_options=options)


@provokes("Runs were tested on different frames")
def other_frames(_: Place) -> None:
    only = FoldSeed(None, None)
    confusion = [[9, 1], [1, 9]]
    plain = tiny(confusion, 12, split="val")
    distilled = tiny(confusion, 14, split="test")
    compare([arm_of("plain", [(only, plain)]), arm_of("KD", [(only, distilled)])])


# The page


def test_the_page_has_twenty_entries_each_of_which_is_provoked():
    titles = [entry["title"] for entry in entries()]
    assert len(titles) == ENTRIES
    assert titles == list(PROVOKERS)


def test_each_entry_has_a_cause_and_a_remedy_with_a_line_to_type():
    for entry in entries():
        for part in ("cause", "remedy"):
            sentences = re.findall(r"[.:](?=\s+[A-Z]|\s*$)", entry[part])
            assert 1 <= len(sentences) <= 3, entry["title"]
        assert "`" in entry["remedy"], entry["title"]
        words = PLACEHOLDER.sub("", on_one_line(entry["text"]))
        assert len(words) >= 40, f"{entry['title']}: hardly more than placeholders"


@pytest.mark.parametrize("number", range(ENTRIES))
def test_the_code_prints_the_text_of_the_page(number, tmp_path, monkeypatch, request):
    entry = entries()[number]
    provoke = PROVOKERS[entry["title"]]
    with pytest.raises((OSError, RuntimeError, ValueError)) as caught:
        provoke(Place(tmp_path, monkeypatch, request.getfixturevalue))
    assert explains_itself(caught.value)  # the tool prints the message as it is
    printed = on_one_line(str(caught.value))
    assert re.fullmatch(pattern_of(entry["text"]), printed), printed
