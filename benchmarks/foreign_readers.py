"""Every reader of files from elsewhere, with small valid files for it."""

import io
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml
from mmengine.logging import HistoryBuffer, MessageHub
from PIL import Image
from rich.console import Console

from mmseg_splashkd.checkpoint import read_checkpoint, write_weights
from mmseg_splashkd.datasets.converters.coco import read_coco
from mmseg_splashkd.datasets.converters.item import Item
from mmseg_splashkd.datasets.converters.masks import read_masks
from mmseg_splashkd.datasets.converters.paired import read_pairs
from mmseg_splashkd.datasets.converters.video import read_video
from mmseg_splashkd.datasets.image_file import check_image, read_as_training
from mmseg_splashkd.datasets.label_coding import (
    LabelCoding,
    load_label_coding,
    read_gray,
)
from mmseg_splashkd.datasets.split_table import read_table
from mmseg_splashkd.datasets.splits.lists import read_lists
from mmseg_splashkd.datasets.timestamps import TimestampFormat
from mmseg_splashkd.evaluation.events import (
    EventSettings,
    RecordedEvent,
    find_events,
    read_events,
    write_events,
)
from mmseg_splashkd.evaluation.frame_scores import (
    FrameScores,
    load_scores,
    save_scores,
)
from mmseg_splashkd.evaluation.operating_point.curve import threshold_curve
from mmseg_splashkd.evaluation.operating_point.stored import stored_point
from mmseg_splashkd.hooks.teacher_report import read_report
from mmseg_splashkd.project.plan import Plan, read_plan
from mmseg_splashkd.records.codec import to_json
from mmseg_splashkd.records.ledger import LEDGER, read_ledger
from mmseg_splashkd.records.record import (
    BestAndLast,
    Code,
    Data,
    RunRecord,
    Teacher,
    Weights,
)
from mmseg_splashkd.records.run_file import RECORD, read_record, write_record
from mmseg_splashkd.records.store import Run
from mmseg_splashkd.records.table import print_runs, write_csv
from mmseg_splashkd.records.train_frames import TRAIN_FRAMES, read_train_frames
from mmseg_splashkd.report.logs import logged
from mmseg_splashkd.sweep import budget
from mmseg_splashkd.sweep.spec import (
    Sweep,
    SweepSpec,
    read_sweep,
    write_sweep,
)
from mmseg_splashkd.teacher_cache.store import LogitStore, create_store

W, H = 16, 12
STAMPS = [f"{1_714_521_600 + 5 * number:010d}-000000000" for number in range(2)]
CODING = LabelCoding(
    ["background", "splash"],
    [(0, 0, 0), (200, 0, 0)],
    {0: 0, 255: 1, 7: 255},
    ignore_colour=(1, 1, 1),
)


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Args:
        write: Writes valid files to a folder; returns those that are damaged.
        read: Reads the folder, as far as a user's command would.
        named: Names, one of which an error says in place of the damaged file.
    """

    write: Callable[[Path], list[Path]]
    read: Callable[[Path], Any]
    named: tuple[str, ...] = field(default=())


# Pictures.


def _frame(path: Path, seed: int = 0, mode: str = "RGB") -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (H, W, 3)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def _label(path: Path) -> Path:
    pixels = np.zeros((H, W), np.uint8)
    pixels[2:6, 3:7] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _pictures(folder: Path) -> list[Path]:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = folder / "turned.jpg"
    Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(turned, exif=exif)
    deep = folder / "deep.png"
    Image.fromarray(np.arange(H * W, dtype=np.uint16).reshape(H, W)).save(deep)
    one_bit = folder / "one.png"
    Image.fromarray(np.zeros((H, W), bool)).save(one_bit)
    suffixes = (".png", ".jpg", ".bmp", ".tif", ".webp", ".gif", ".ppm")
    plain = [_frame(folder / f"plain{suffix}") for suffix in suffixes]
    return [*plain, _label(folder / "label.png"), turned, deep, one_bit]


def _read_pictures(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        check_image(path, "frame")
        read_gray(path)
        read_as_training(path)


# Data sets.


def _table(folder: Path) -> list[Path]:
    rows = [
        f"cam,{stamp},images/{stamp}.png,labels/{stamp}.png,train,{number},,0.5,a"
        for number, stamp in enumerate(STAMPS)
    ]
    header = "recording,timestamp,frame,label,split,fold,embargo,splash_share,source"
    path = folder / "split.csv"
    path.write_text("\n".join([header, *rows, "photos,,p.jpg,,,,1 2,,"]) + "\n")
    return [path]


def _coding(folder: Path) -> list[Path]:
    path = folder / "coding.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "classes": ["background", "splash"],
                "palette": [[0, 0, 0], [200, 0, 0]],
                "gray_to_train_id": {0: 0, 255: 1, 7: 255},
                "train_id_to_gray": {0: 0},
                "ignore_colour": [1, 1, 1],
                "unknown": 255,
            }
        )
    )
    return [path]


def _lists(folder: Path) -> list[Path]:
    (folder / "train.txt").write_text("a/b.png\nc.png\n")
    (folder / "val.csv").write_text("frame,x\nd.png,1\n")
    (folder / "all.csv").write_text("frame,split\na.png,train\nb.png,val\n")
    return sorted(folder.glob("*.*"))


def _read_lists(folder: Path) -> None:
    read_lists([f"train={folder / 'train.txt'}", f"val={folder / 'val.csv'}"])
    read_lists([str(folder / "all.csv")])


def _paint(items: list[Item]) -> None:
    for item in items:
        if item.label is not None:
            CODING.to_train_ids(item.label(), "label")
        if not isinstance(item.image, Path):
            item.image()


def _coco(folder: Path) -> list[Path]:
    box = [1, 1, 5, 1, 5, 5, 1, 5]
    counts = [W * H - 6, 6]
    shapes = (
        [box, [2, 2, 9, 2, 9, 9]],
        {"size": [H, W], "counts": counts},
        {"size": [H, W], "counts": "P6"},
    )
    images = [
        {
            "id": number,
            "file_name": f"cam/{stamp}.png",
            "width": W,
            "height": H,
            "date_captured": f"2024-05-01T00:00:{5 * number:02d}Z",
        }
        for number, stamp in enumerate(STAMPS)
    ]
    annotations = [
        {"id": key, "image_id": key % 2, "category_id": 1, "segmentation": shape}
        for key, shape in enumerate(shapes)
    ]
    for number, row in enumerate(images):
        _frame(folder / row["file_name"], number)
    path = folder / "train.json"
    content = {"images": images, "annotations": annotations[:2]}
    path.write_text(json.dumps(content | {"categories": [{"id": 1, "name": "splash"}]}))
    return [path]


def _read_coco(folder: Path) -> None:
    _paint(read_coco(folder, CODING))


def _cvat(folder: Path) -> list[Path]:
    for number, stamp in enumerate(STAMPS):
        _frame(folder / "JPEGImages" / f"{stamp}.png", number)
    mask = np.zeros((H, W, 3), np.uint8)
    mask[2:6, 3:7] = (250, 50, 83)
    masks = folder / "SegmentationClass"
    masks.mkdir()
    Image.fromarray(mask).save(masks / f"{STAMPS[0]}.png")
    labels = folder / "labelmap.txt"
    labels.write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nSplash:250,50,83::\n"
    )
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text(f"{STAMPS[0]}\n{STAMPS[1]}\n")
    return [labels, labels, masks / f"{STAMPS[0]}.png", lists / "train.txt"]


def _camvid(folder: Path) -> list[Path]:
    _frame(folder / "train" / f"{STAMPS[0]}.png")
    mask = np.zeros((H, W, 3), np.uint8)
    mask[2:6, 3:7] = (250, 50, 83)
    (folder / "trainannot").mkdir()
    Image.fromarray(mask).save(folder / "trainannot" / f"{STAMPS[0]}.png")
    colours = folder / "label_colors.txt"
    colours.write_text("0 0 0 background\n250 50 83 splash\n")
    return [colours]


def _read_masks(folder: Path) -> None:
    _paint(read_masks(folder, CODING))


def _brush(opacity: np.ndarray) -> list[int]:
    flat = np.repeat(opacity.ravel(), 4)
    bits = f"{len(flat):032b}{8 - 1:05b}" + "".join(
        f"{n - 1:04b}" for n in (3, 4, 8, 16)
    )
    for at, value in enumerate(flat):
        bits += f"{1 - at % 2}00000{value:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def _label_studio(folder: Path) -> list[Path]:
    opacity = np.zeros((H, W), np.uint8)
    opacity[2:6, 3:7] = 255
    percent = {"x": 10.0, "y": 10.0, "rotation": 20}
    values = {
        "brushlabels": {"format": "rle", "rle": _brush(opacity)},
        "polygonlabels": {"points": [[1, 1], [50, 1], [50, 50.5]], "closed": True},
        "rectanglelabels": percent | {"width": 30, "height": 20},
        "ellipselabels": percent | {"radiusX": 3, "radiusY": 2},
    }
    rows = []
    for task, stamp in enumerate(STAMPS):
        _frame(folder / "images" / f"{stamp}.png", task)
        results = [
            {
                "id": f"r{number}",
                "type": kind,
                "value": value | {kind: ["splash"]},
                "to_name": "image",
                "original_width": W,
                "original_height": H,
                "image_rotation": 0,
            }
            for number, (kind, value) in enumerate(values.items())
            if number or not task
        ]
        annotation = {
            "id": 7 + task,
            "was_cancelled": False,
            "completed_by": {"id": 1, "email": "a@b.c"},
            "ground_truth": False,
            "updated_at": "2024-05-01T00:00:00Z",
            "result": results,
        }
        data = {"image": f"/data/upload/1/0123abcd-{stamp}.png"}
        rows.append(
            {"id": task, "data": data, "annotations": [annotation], "drafts": []}
        )
    path = folder / "export.json"
    path.write_text(json.dumps(rows))
    return [path]


def _pairs(folder: Path) -> list[Path]:
    for number, stamp in enumerate(STAMPS):
        _frame(folder / "images" / f"{stamp}.png", number)
        _label(folder / "masks" / f"{stamp}.png")
    return sorted(folder.glob("*/*.png"))


def _read_pairs(folder: Path) -> None:
    _paint(read_pairs(folder, CODING, TimestampFormat(), values="gray"))  # type: ignore[arg-type]


def _video(folder: Path) -> list[Path]:
    paths = []
    for suffix in (".mp4", ".mkv"):
        path = folder / f"cam{suffix}"
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
            for number in range(3):
                rgb = np.full((H, W, 3), 80 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb)))
            container.mux(stream.encode())
        paths.append(path)
    return paths


def _read_video(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        for item in read_video(path, start=0):
            assert not isinstance(item.image, Path)
            item.image()


# What runs leave.


def _scores(folder: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    scores = FrameScores(
        confusion=rng.integers(0, 99, (3, 2, 2)),
        histogram=rng.integers(0, 99, (3, 2, 256)),
        frames=("a.png", "b.png", "c.png"),
        recordings=("cam",) * 3,
        timestamps=np.arange(3, dtype=np.int64),
        classes=("background", "splash"),
        focus="splash",
        about={"run": "r", "part": "val", "fold": 0},
    )
    return [save_scores(scores, folder / "val_best.npz")]


def _read_scores(folder: Path) -> None:
    scores = load_scores(folder / "val_best.npz")
    scores.about.get("part")
    if scores.histogram is not None:
        threshold_curve(scores.histogram)


def _events(folder: Path) -> list[Path]:
    times = [10**18 + 5 * 10**9 * frame for frame in range(9)]
    found = find_events(times, [0.0, 0.1, 0.0] * 3, interval_s=5)
    rows = [RecordedEvent("cam", event) for event in found]
    return [write_events(folder / "events.csv", rows)]


def _settings(folder: Path) -> list[Path]:
    path = folder / "on.json"
    path.write_text(json.dumps(EventSettings().as_json()))
    return [path]


def _run_record() -> RunRecord:
    return RunRecord(
        id="0" * 32,
        name="run0",
        status="finished",
        began="2024-05-01T08:00:00+00:00",
        ended="2024-05-01T09:00:00+00:00",
        code=Code("0.1.0"),
        data=Data(tables=("split.csv",), table_sha256=("0" * 64,)),
        teacher=Teacher(checkpoints=("t.safetensors",), sha256=("0" * 64,)),
        validations={100: {"mDice": 50.0}},
        weights=BestAndLast(best=Weights("weights_run0_best.safetensors", "0" * 64)),
        seed=0,
        iterations=100,
        iteration=100,
    )


def _record(folder: Path) -> list[Path]:
    write_record(folder, _run_record())
    return [folder / RECORD]


def _read_record(folder: Path) -> None:
    if (record := read_record(folder)) is not None:
        write_csv(folder / "runs.csv", [Run(record, folder)])
        print_runs([Run(record, folder)], Console(file=io.StringIO()))


def _ledger(folder: Path) -> list[Path]:
    lines = [json.dumps(to_json(_run_record()) | {"work_dir": "w"}) for _ in range(2)]
    (folder / LEDGER).write_text("\n".join(lines) + "\n")
    return [folder / LEDGER]


def _weights() -> dict[str, torch.Tensor]:
    return OrderedDict(
        {
            "conv.weight": torch.arange(6.0).reshape(2, 3),
            "bn.num_batches_tracked": torch.tensor(7),
            "half": torch.tensor([0.5, 1.5], dtype=torch.bfloat16),
        }
    )


def _safetensors(folder: Path) -> list[Path]:
    path = folder / "w.safetensors"
    point = {"class": "splash", "threshold": 0.5, "dice": 50.0, "iteration": 7}
    write_weights(_weights(), path, {"iter": 7, "operating_point": point})
    return [path]


def _read_weights(folder: Path) -> None:
    (path,) = folder.iterdir()
    checkpoint = read_checkpoint(path)
    list(checkpoint["state_dict"])
    checkpoint["meta"].get("iter")


def _read_point(folder: Path) -> None:
    _read_weights(folder)
    stored_point(folder / "w.safetensors")


def _checkpoint(folder: Path) -> list[Path]:
    hub = MessageHub.get_instance("fuzz")
    hub.update_scalar("train/loss", 0.5)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))])
    path = folder / "iter_1.pth"
    torch.save(
        {
            "state_dict": _weights(),
            "meta": {"iter": 1, "epoch": 0, "seed": 0, "hooks": ["a"]},
            "message_hub": {
                "log_scalars": {"train/loss": HistoryBuffer([0.5], [1])},
                "runtime_info": {"iter": 1, "x": np.float64(0.5)},
            },
            "optimizer": optimizer.state_dict(),
        },
        path,
    )
    return [path]


def _cache(folder: Path) -> list[Path]:
    store = create_store(
        folder / "cache", {"shape": (2, 2, 1, 3, 4), "store": "margin"}
    )
    store.add([(0, 0), (1, 1)], torch.zeros(2, 1, 3, 4), [1 << 32, 1 << 32])
    return sorted((folder / "cache").glob("*.*"))


def _read_cache(folder: Path) -> None:
    store = LogitStore(folder / "cache")
    store.missing()
    try:
        store.read(0, 0, 1 << 32)
    except RuntimeError as error:  # says so, if logits are missing
        raise ValueError(str(error)) from error


def _plan(folder: Path) -> list[Path]:
    plan = Plan(
        (64, 64), 100, 2, 1e-3, 0, ("background", "splash"), reasons={"size": "a"}
    )
    return [plan.write(folder / "plan.json")]


def _logs(folder: Path) -> list[Path]:
    path = folder / "20240501_080000" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    lines = [{"loss": 0.5, "step": step, "lr": 0.1} for step in range(4)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return [path]


def _texts(folder: Path) -> list[Path]:
    (folder / TRAIN_FRAMES).write_text("cam/1714521600-000000000\n")
    (folder / "teacher.json").write_text(json.dumps({"mDice": 50.0, "parts": []}))
    return [folder / TRAIN_FRAMES, folder / "teacher.json"]


def _read_texts(folder: Path) -> None:
    read_train_frames(folder)
    read_report(folder)


def _sweep(folder: Path) -> list[Path]:
    spec = SweepSpec(("a.py",), grid={"lr": [0.1, 0.2]}, folds=2)
    write_sweep(folder, Sweep(spec, date(2024, 5, 1), {"table": "0" * 64}))
    return [folder / "sweep.json"]


def _budget(folder: Path) -> list[Path]:
    teacher = budget.Item(
        "training of the teacher t", 60.0, 2, "100 iterations x 0.6 s"
    )
    arms = {
        "plain": budget.ArmCost(100, 100, 0.2, (0.19, 0.21)),
        "distilled": budget.ArmCost(100, 100, 0.3, (0.29, 0.31), (teacher,)),
    }
    budget.write_budget(folder, budget.Budget("once", arms, "a machine"))
    return [folder / "budget.json"]


def _read_budget(folder: Path) -> Any:
    found = budget.read_budget(folder)
    assert found is not None
    return found.lines(), [found.length_of(name) for name in found.arms]


READERS = {
    "split table": Reader(_table, lambda f: read_table(f / "split.csv")),
    "lists of frames": Reader(_lists, _read_lists),
    "label coding": Reader(_coding, lambda f: load_label_coding(f / "coding.yaml")),
    "COCO": Reader(_coco, _read_coco),
    "CVAT masks": Reader(_cvat, _read_masks),
    "CVAT CamVid": Reader(_camvid, _read_masks),
    "Label Studio": Reader(_label_studio, _read_masks),
    "pairs of pictures": Reader(_pairs, _read_pairs),
    "pictures": Reader(_pictures, _read_pictures),
    "videos": Reader(_video, _read_video),
    "scores": Reader(_scores, _read_scores),
    "events": Reader(_events, lambda f: read_events(f / "events.csv")),
    "event settings": Reader(_settings, lambda f: EventSettings.read(f / "on.json")),
    "record": Reader(_record, _read_record),
    "ledger": Reader(_ledger, lambda f: read_ledger(f / LEDGER)),
    "safetensors": Reader(_safetensors, _read_point),
    "checkpoint": Reader(_checkpoint, _read_weights),
    "teacher cache": Reader(_cache, _read_cache, ("cache",)),
    "log": Reader(_logs, lambda f: logged(f, "loss")),
    "texts of a run": Reader(_texts, _read_texts),
    "plan": Reader(_plan, lambda f: read_plan(f / "plan.json")),
    "sweep": Reader(_sweep, read_sweep),
    "budget": Reader(_budget, _read_budget),
}
