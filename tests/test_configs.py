"""Every config builds, agrees with its metafile, and trains for a step."""

import itertools
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mmcv.transforms import Resize
from mmengine.config import Config
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import METRICS, MODELS, TRANSFORMS
from mmseg.utils import register_all_modules

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.keys import RECORDED, SET_BY_TOOLS, acting, is_read
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.config.types import distills, is_a
from mmseg_splashkd.config.walk import LOADERS, loader_leaves, plain_model
from mmseg_splashkd.datasets.label_coding import load_label_coding
from mmseg_splashkd.datasets.transforms import LoadGrayLabels
from mmseg_splashkd.models import (
    ChannelAdapter,
    FrozenTIMMBackbone,
    PositionalSegformerHead,
)
from mmseg_splashkd.models.forward_pass import count_segmentor
from mmseg_splashkd.models.losses.functional import softmax_focal_loss
from mmseg_splashkd.report.zoo.metafiles import GMACS, PARAMETERS, entry_of, figures
from mmseg_splashkd.report.zoo.networks import SIZE
from mmseg_splashkd.runs.train import train
from tests.baselines import shipped as written
from tests.conftest import CONFIGS, ROOT, tiny, tiny_run
from tests.models.as_allocated import AsAllocated
from tests.models.builders import losses_of, random_batch

FOLDERS = ("baselines", "camvid", "demo", "farm", "kd", "ssl", "study", "temporal")
FOLDERS += ("when_it_pays",)
ALL = sorted(path for folder in FOLDERS for path in (CONFIGS / folder).glob("*.py"))
WITHOUT_LABELS = ("byol_b0_farm", "simsiam_b0_farm")  # types of mmpretrain
SEGMENTORS = [path for path in ALL if path.stem not in WITHOUT_LABELS]
DEPTHS = {  # Xie et al., table 6: layers per stage
    (2, 2, 2, 2): "B1",
    (3, 4, 6, 3): "B2",
    (3, 4, 18, 3): "B3",
    (3, 8, 27, 3): "B4",
    (3, 6, 40, 3): "B5",
}
CAMVID = Path(os.environ.get("CAMVID_ROOT") or ROOT / "data" / "camvid")


# Decode head of a CNN -> network, and backbone -> network, where it has one name only.
NETWORKS = {
    "ASPPHead": "DeepLabV3",
    "DDRNet": "DDRNet-23-slim",
    "DepthwiseSeparableASPPHead": "DeepLabV3+",
    "FastSCNN": "Fast-SCNN",
    "FCN16sHead": "FCN-16s",
    "FCNHead": "FCN",
    "FPNHead": "semantic FPN",
    "PIDNet": "PIDNet-S",
    "PSPHead": "PSPNet",
    "STDCContextPathNet": "STDC1",
    "SegNetHead": "SegNet",
    "UNet": "U-Net",
}


def architecture(model: dict) -> str:
    if "network" in model:
        network = dict(model["network"])
        parts = (network.get(key) for key in ("arch", "encoder_name", "pretrained"))
        return " ".join(filter(None, parts))
    backbone = model["backbone"]
    if is_a(backbone, ChannelAdapter):
        inner = architecture({**model, "backbone": backbone["backbone"]})
        return f"{inner}, {backbone['in_channels']}-channel input"
    head = NETWORKS.get(model.get("decode_head", {}).get("type"))
    kind = backbone["type"]
    if kind in NETWORKS:
        return NETWORKS[kind]
    if kind in ("ResNetV1c", "ResNeXt"):
        letters = "R" if kind == "ResNetV1c" else kind
        return f"{head}-{letters}{backbone['depth']}"
    if kind == "TIMMBackbone":
        return f"{head} {backbone['model_name']}"
    if kind == "FrozenTIMMBackbone":
        return f"FPN-{backbone['model_name'].removeprefix('tf_efficientnet_').title()}"
    narrow = {32: "B0", 8: "w8"}.get(backbone["embed_dims"])
    return f"SegFormer-{narrow or DEPTHS[tuple(backbone['num_layers'])]}"


def label_loss(kind: str, gamma: float) -> str:
    return "cross-entropy" if kind == "ce" or gamma == 0 else f"focal, gamma {gamma}"


def own_loss(losses: Any) -> str:
    """The label loss of a network without a teacher."""
    if isinstance(losses, list):
        parts = [f"{each.get('loss_weight', 1.0)} {each.type}" for each in losses]
        return " + ".join(parts)
    if is_a(losses, CrossEntropyLoss):
        return "binary cross-entropy" if losses.get("use_sigmoid") else "cross-entropy"
    return label_loss("focal", losses.gamma) + weighted(losses)


def weighted(loss: Any) -> str:
    return ", class weights" if loss.get("class_weight") else ""


def describe(cfg: Config) -> dict:
    """The metadata that the metafile must have for a config."""
    train_loader = cfg.train_dataloader
    if cfg.model.type.startswith("mmpretrain."):
        return {
            "Method": cfg.model.type.removeprefix("mmpretrain."),
            "Architecture": architecture(cfg.model),
            "View Size": f"{cfg.view_size}x{cfg.view_size}",
            "Batch Size": train_loader.batch_size,
            "Iterations": cfg.train_cfg.max_iters,
        }
    frames = train_loader.dataset.dataset
    steps = frames.get("source", frames).pipeline
    size = next(step.scale for step in steps if is_a(step, Resize))
    metadata = {
        "Frame Size": "{}x{}".format(*size),
        "Batch Size": train_loader.batch_size,
        "Iterations": cfg.train_cfg.max_iters,
    }
    if cfg.get("experiment"):
        metadata["Experiment"] = cfg.experiment
    auxiliary = plain_model(cfg.model).get("auxiliary_head")
    if isinstance(auxiliary, dict) and isinstance(auxiliary["loss_decode"], dict):
        metadata["Auxiliary Weight"] = auxiliary["loss_decode"]["loss_weight"]
    optimizer = cfg.optim_wrapper.optimizer
    if Path(cfg.filename).parent.name == "baselines":
        metadata["Optimizer"] = f"{optimizer.type}, lr {optimizer.lr}"
    if not distills(cfg):
        plain: Any = plain_model(cfg.model)
        if "method" in cfg.model:
            metadata["Method"] = cfg.model.method.type
        return metadata | {
            "Architecture": architecture(plain),
            "Label Loss": own_loss(plain.decode_head.loss_decode),
        }
    loss, head = cfg.model.distill_loss, cfg.model.student.decode_head
    if "terms" in loss:
        metadata["Terms"] = ", ".join(term.type for term in loss.terms)
    if cfg.model.get("teacher_control"):
        metadata["Teacher Control"] = cfg.model.teacher_control
    positional = is_a(head, PositionalSegformerHead)
    teacher = cfg.model.teacher
    kind = label_loss(loss.label_loss, loss.get("gamma", 2.0))
    return metadata | {
        "Architecture": architecture(cfg.model.student),
        "Teacher": teacher if teacher == "labels" else architecture(teacher),
        "Label Loss": kind + weighted(loss),
        "Position Embedding": head.ratio if positional else 0,
        "Modulate": loss.modulate,
        "Teacher Ratio": loss.teacher_ratio,
    }


def metafile(folder: str) -> dict:
    return yaml.safe_load((CONFIGS / folder / "metafile.yml").read_text())


COUNTED: set[tuple[int, float]] = set()


def check_counts(model: Any, parameters: int, gmacs: float) -> None:
    """Compare a network with its metafile; equal figures are counted once, in 0.3 s."""
    remedy = "python tools/complexity.py --fill"
    assert sum(weight.numel() for weight in model.parameters()) == parameters, remedy
    if (parameters, gmacs) not in COUNTED:
        assert figures(count_segmentor(model.to("meta"), SIZE))[GMACS] == gmacs, remedy
        COUNTED.add((parameters, gmacs))


@pytest.mark.parametrize("path", SEGMENTORS, ids=lambda path: path.stem)
def test_config_builds(path):
    register_all_modules(init_default_scope=True)
    cfg = written(path)
    plain = plain_model(cfg.model)
    if path.parent.name == "baselines":  # test_baselines.py builds them, smaller
        classes = plain["decode_head"]["num_classes"]
    else:
        if is_a(plain["backbone"], FrozenTIMMBackbone):
            pytest.importorskip("timm")
        with AsAllocated():
            model: Any = MODELS.build(cfg.model)
        stated = entry_of(path)["Metadata"]
        student = getattr(model, "student", model)
        check_counts(student, stated[PARAMETERS], stated[GMACS])
        classes = model.num_classes
    (frames,) = loader_leaves(cfg, "train_dataloader")
    metainfo = frames.get("metainfo")
    metainfo = metainfo or load_label_coding(frames.label_coding).metainfo
    assert classes == len(metainfo["classes"])
    for metric in cfg.test_evaluator:
        METRICS.build(metric)
    pipelines = [leaf.pipeline for leaf in loader_leaves(cfg)]
    for step in itertools.chain(*pipelines, cfg.tta_pipeline):
        TRANSFORMS.build(step)


def scoped(config: Any) -> Any:
    """A config whose registered classes of MMSegmentation are spelt with the scope."""
    if isinstance(config, dict):
        return {
            key: f"mmseg.{item}"
            if key == "type" and item in MODELS.module_dict
            else scoped(item)
            for key, item in config.items()
        }
    return [scoped(item) for item in config] if isinstance(config, list) else config


def test_distillation_builds_with_scoped_types():
    cfg = read_config(CONFIGS / "kd" / "segformer_b0_kd_pe001.py")
    for role in ("student", "teacher"):
        cfg.merge_from_dict(tiny(f"model.{role}"))
    plain = MODELS.build(cfg.model)
    spelt = scoped(cfg.model.to_dict())
    assert spelt["type"] == "mmseg.DistillSegmentor"
    assert spelt["student"]["decode_head"]["type"] == "mmseg.PositionalSegformerHead"
    cfg.model = spelt
    assert distills(cfg)
    assert plain_model(cfg.model) == spelt["student"]
    built = MODELS.build(cfg.model)
    assert type(built) is type(plain)
    assert built.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_first_comment_describes_the_experiment_and_its_command(path):
    comment = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        comment.append(line)
    assert len(comment) >= 2
    assert f"python tools/train.py {path.relative_to(ROOT)}" in "\n".join(comment)


# To format a text takes a second: of the many configs, one with each kind of value.
FORMATTED = ("segformer_b0_kd_pe001", "segformer_b0_kd_pe001_pond", "byol_b0_farm")
FORMATTED += ("stdc1_kd", "unet_scenes", "mask2former_swin-l_collection2", "lite0")
FORMATTED += ("study_camvid_b0_kd", "farm_b0_kd", "pays_cwd_labels")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_dumped_config_equals_the_config(path, tmp_path):
    cfg = written(path)
    formatted = path.stem in FORMATTED
    Config(cfg.to_dict(), format_python_code=formatted).dump(tmp_path / "dumped.py")
    assert Config.fromfile(tmp_path / "dumped.py").model == cfg.model


# Every key of every config acts, or is refused.


def parts_of(path: Path) -> frozenset[str]:
    """What sets the variables of a config: bases of data and schedule, own lines."""
    text = path.read_text()
    found = re.findall(r"_base_/(?:datasets|schedules)/\w+", text)
    found += re.findall(r"^(?:max_iters|warmup|split_table|size) =", text, re.M)
    inherited = [path.parent / name for name in re.findall(r'"(\./\w+\.py)"', text)]
    return frozenset(found).union(*map(parts_of, inherited))


KINDS = list({parts_of(path): path for path in reversed(ALL)}.values())


def another(value: Any) -> Any:
    """A value of the same kind that differs."""
    if isinstance(value, dict):  # merged with the rest
        key = next(iter(value), "key")
        return {key: another(value.get(key))}
    if isinstance(value, list | tuple):
        changed = [another(each) for each in value]
        return [changed[0], *value[1:]] if isinstance(value, list) else tuple(changed)
    if isinstance(value, bool) or value is None:
        return 1 if value is None else not value
    return value + 2 if isinstance(value, int | float) else f"other_{value}"


def has_effect(cfg: Config, key: str, *arguments: Any) -> bool:
    """Whether a config differs in what a run reads, or is refused."""
    try:
        changed = read_config(*arguments)
    except (ImportError, ValueError):
        return True
    ours, theirs = acting(cfg), acting(changed)
    same = {name: theirs.get(name) == ours.get(name) for name in ours | theirs}
    return not all(same.values()) and changed[key] != cfg[key]


@pytest.mark.parametrize("path", KINDS, ids=lambda path: path.stem)
def test_an_option_for_any_variable_acts_or_is_refused(path):
    cfg = written(path)
    names = {key for key in cfg.to_dict() if not is_read(cfg, key)} - RECORDED.keys()
    silent = [
        key
        for key in sorted(names)
        if not has_effect(cfg, key, path, {key: another(cfg[key])})
    ]
    assert silent == []


def test_an_option_for_any_key_of_a_run_acts_or_is_refused():
    path = CONFIGS / "kd" / "segformer_b0.py"
    cfg = read_config(path)
    for key in cfg.to_dict():
        if is_read(cfg, key):
            assert has_effect(cfg, key, path, {key: another(cfg[key])}), key


@pytest.mark.parametrize("name", ["kd/segformer_b0", "farm/farm_b1"])
def test_a_file_that_sets_any_variable_acts_or_is_refused(name, tmp_path):
    cfg = read_config(CONFIGS / f"{name}.py")
    for key, value in cfg.to_dict().items():
        if is_read(cfg, key) or key in RECORDED or key in SET_BY_TOOLS:
            continue
        path = tmp_path / "mine.py"
        path.write_text(f'_base_ = "{CONFIGS}/{name}.py"\n{key} = {another(value)!r}\n')
        assert has_effect(cfg, key, path), key


def test_run_names_are_unique():
    stems = [path.stem for path in ALL]
    assert len(stems) == len(set(stems))


@pytest.mark.parametrize("folder", FOLDERS)
def test_metafile_names_every_config_and_no_other(folder):
    named = [model["Config"] for model in metafile(folder)["Models"]]
    there = [str(path.relative_to(ROOT)) for path in ALL if path.parent.name == folder]
    assert sorted(named) == there


@pytest.mark.parametrize(
    "model",
    [model for folder in FOLDERS for model in metafile(folder)["Models"]],
    ids=lambda model: model["Name"],
)
def test_metafile_agrees_with_the_config(model):
    cfg = written(ROOT / model["Config"])
    assert Path(model["Config"]).stem == model["Name"]
    counted = {PARAMETERS, GMACS}  # compared where the model is built
    assert describe(cfg) == {
        key: value for key, value in model["Metadata"].items() if key not in counted
    }
    folder = Path(model["Config"]).parent.name
    collections = [item["Name"] for item in metafile(folder)["Collections"]]
    assert model["In Collection"] in collections


@pytest.mark.parametrize("folder", FOLDERS)
def test_figures_of_a_metafile_stand_in_their_source(folder):
    for model in metafile(folder)["Models"]:
        student = plain_model(written(ROOT / model["Config"]).model)
        for result in model.get("Results", ()):
            source = CONFIGS / folder / result.get("Source", "README.md")
            for value in result["Metrics"].values():
                # In a cell or behind its name; not as the end of an interval.
                stands = rf"(\| |Dice |mIoU ){re.escape(str(value))}(?![\d.])"
                assert re.search(stands, source.read_text()), (model["Name"], value)
            scratch = "'checkpoint'" not in repr(student)
            assert (result["Start"] == "from scratch") == scratch, model["Name"]


def experiments_of(folder: str) -> dict[str, dict]:
    configs = [written(path) for path in ALL if path.parent.name == folder]
    return {cfg.experiment: describe(cfg) for cfg in configs if cfg.get("experiment")}


def test_the_six_experiments_on_the_farm_are_the_original_ones():
    size = ("Teacher", "Frame Size", "Batch Size", "Iterations")
    recorded, small = (
        {
            name: {key: item for key, item in metadata.items() if key not in size}
            for name, metadata in experiments_of(folder).items()
        }
        for folder in ("kd", "farm")
    )
    assert len(small) == 6
    assert small == recorded


def test_the_six_original_experiments():
    recorded = {  # position embedding, modulate
        "0520": (0, "none"),
        "0604": (1.0, "both"),
        "0610": (0.5, "kd"),
        "0616": (0, "kd"),
        "0621": (1.0, "kd"),
        "0627": (0.01, "kd"),
    }
    found = experiments_of("kd")
    assert recorded == {
        name: (metadata["Position Embedding"], metadata["Modulate"])
        for name, metadata in found.items()
    }
    assert {metadata["Label Loss"] for metadata in found.values()} == {
        "focal, gamma 2.0"
    }
    assert {metadata["Frame Size"] for metadata in found.values()} == {"1024x1024"}
    assert read_config(CONFIGS / "kd" / "segformer_b0_kd_pe001.py").experiment == "0627"


def test_the_readme_example_sets_another_teacher(tmp_path):
    path = tmp_path / "b2.py"
    text = (CONFIGS / "kd" / "README.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    path.write_text(example.replace("./", f"{CONFIGS}/kd/"))
    cfg = read_config(path)
    assert describe(cfg)["Teacher"] == "SegFormer-B2"
    assert "segformer_b2_" in cfg.model.teacher_checkpoint


def small_pspnets(cfg: Config) -> None:
    """Make student and teacher of a config a few KB large, in place."""
    for model in (cfg.model.student, cfg.model.teacher):
        model.backbone.update(depth=18, base_channels=8, stem_channels=8, init_cfg=None)
        model.decode_head.update(in_channels=64, channels=8)
        model.auxiliary_head.update(in_channels=32, channels=8)


def test_auxiliary_head_of_the_student_is_trained_and_the_teacher_s_never_runs(
    monkeypatch,
):
    cfg = read_config(CONFIGS / "kd" / "pspnet_r50_kd.py")
    small_pspnets(cfg)
    torch.manual_seed(0)
    model: Any = MODELS.build(cfg.model).train()

    def never(*_, **__):
        raise AssertionError("the teacher's auxiliary head ran")

    monkeypatch.setattr(model.teacher.auxiliary_head, "forward", never)
    head = model.student.auxiliary_head
    inputs: list = []
    head.loss_decode.register_forward_pre_hook(lambda _, args: inputs.append(args))
    total, log = model.parse_losses(losses_of(model, random_batch()))
    parts = (log["loss_label"], log["loss_distill"], log["aux.loss_focal"])
    torch.testing.assert_close(total, torch.stack(parts).sum())
    bare = softmax_focal_loss(*inputs[0], gamma=2.0)
    torch.testing.assert_close(log["aux.loss_focal"], 0.2 * bare)


def write_teacher(cfg: Config, path: Path) -> str:
    """Write random weights for the teacher of a config."""
    write_weights(MODELS.build(cfg.model.teacher).state_dict(), path, {})
    return str(path)


@pytest.mark.parametrize(
    "name", ["kd/segformer_b0", "kd/segformer_b0_kd_pe001", "kd/segformer_b4"]
)
def test_one_step_of_each_family(name, pond, tmp_path):
    path = CONFIGS / f"{name}.py"
    distils = distills(read_config(path))
    models = ("model.student", "model.teacher") if distils else ("model",)
    options = tiny_run(pond, *models, iterations=1, size=(80, 64))
    options |= {f"{model}.backbone.init_cfg": None for model in models}
    for loader in ("train_dataloader", "val_dataloader"):
        options |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
    cfg = read_config(path, options)
    if distils:
        cfg.model.teacher_checkpoint = write_teacher(cfg, tmp_path / "t.safetensors")
    cfg.dump(tmp_path / "small.py")
    assert (train(tmp_path / "small.py", tmp_path / "run") / "iter_1.pth").is_file()


@pytest.mark.slow
def test_camvid_has_the_classes_of_its_label_coding():
    cfg = read_config(CONFIGS / "camvid" / "segformer_b0_camvid.py")
    coding = load_label_coding("camvid")
    for loader in LOADERS:
        (dataset,) = loader_leaves(cfg, loader)
        assert dataset.metainfo == coding.metainfo
        load = next(step for step in dataset.pipeline if is_a(step, LoadGrayLabels))
        assert load.gray_to_train_id == coding.gray_to_train_id


@pytest.mark.skipif(not CAMVID.is_dir(), reason="no CamVid: set CAMVID_ROOT")
def test_two_iterations_on_camvid(tmp_path):
    path = CONFIGS / "camvid" / "segformer_b0_kd_camvid.py"
    options = tiny("model.student") | tiny("model.teacher")
    options |= {
        "data_root": str(CAMVID),
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "val_dataloader.dataset.dataset.indices": 5,
        "train_dataloader.batch_size": 2,
        "model.teacher_gate.allow": ["floor"],  # the teacher's weights are random
    }
    for loader in ("train_dataloader", "val_dataloader"):
        options |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
    cfg = read_config(path, options)
    options["model.teacher_checkpoint"] = write_teacher(cfg, tmp_path / "t.safetensors")
    run = train(path, tmp_path / "run", cfg_options=options)
    assert list(run.glob("weights_segformer_b0_kd_camvid_*_50_last.safetensors"))
    (best,) = run.glob("best_mIoU_iter_*.pth")
    assert best.is_file()
