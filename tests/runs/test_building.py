"""A config that is wrong in one place is refused by the name of that place."""

from typing import Any
from urllib.error import URLError

import pytest
from safetensors.torch import save_file

from mmseg_splashkd.config.faults import ConfigError
from tests.models.builders import distiller, segformer
from tests.runs.broken_configs import GONE, run

EPOCHS = {"type": "EpochBasedTrainLoop", "max_epochs": 1}
VIEWS = {"type": "ViewSampler", "shuffle": True}
SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True, "avg_non_ignore": True}
CASES = {
    "model is None": ({"model": None}, r"^model=None must be a dict, such as dict\("),
    "model is a list": ({"model": []}, r"^model=\[\] must be a dict"),
    "model without type": (
        {"model.type": GONE},
        r"^model=\{.*\.\.\. has no 'type': dict\(type='EncoderDecoder', \.\.\.\)",
    ),
    "unknown type": (
        {"model.backbone.type": "MixVisonTransformer"},
        r"^model\.backbone\.type='MixVisonTransformer' is not registered as model: did "
        r"you mean 'MixVisionTransformer'\?$",
    ),
    "unknown type inside": (
        {"model.decode_head.loss_decode.type": "CrossEntropyLos"},
        r"^model\.decode_head\.loss_decode\.type='CrossEntropyLos' is not .*: did you "
        r"mean 'CrossEntropyLoss'\?$",
    ),
    "unknown scope": (
        {"model.type": "mmsegg.EncoderDecoder"},
        r"^model\.type='mmsegg\.EncoderDecoder' is not .*did you mean 'EncoderDecoder'",
    ),
    "unknown argument": (
        {"model.backbone.embed_dim": 8},
        r"^model\.backbone\.embed_dim=8: MixVisionTransformer has no argument 'embed_di"
        r"m': did you mean 'embed_dims'\?$",
    ),
    "missing argument": (
        {"model.decode_head.channels": GONE},
        r"^model\.decode_head=\{.*: SegformerHead needs the argument 'channels'$",
    ),
    "argument of a wrong type": (
        {"model.backbone.num_layers": "1111"},
        r"^model\.backbone=\{.*cannot be used by MixVisionTransformer: TypeError: ",
    ),
    "None instead of a dict": (
        {"model.backbone": None},
        r"^model\.backbone=None must be a dict with 'type'",
    ),
    "a list instead of a dict": (
        {"model.backbone": [1]},
        r"^model\.backbone\[0\]=1 must be a dict with 'type'",
    ),
    "loader without data set": (
        {"train_dataloader.dataset": GONE},
        r"^train_dataloader lacks 'dataset': dict\(type='BaseSegDataset'",
    ),
    "loader without sampler": (
        {"val_dataloader.sampler": GONE},
        r"^val_dataloader lacks 'sampler': dict\(type='DefaultSampler'",
    ),
    "loader with an unknown argument": (
        {"train_dataloader.num_worker": 2},
        r"^train_dataloader\.num_worker=2: .*: did you mean 'num_workers'\?$",
    ),
    "negative batch size": (
        {"train_dataloader.batch_size": -1},
        r"^train_dataloader\.batch_size=-1 must be an integer of at least 1$",
    ),
    "batch size as a text": (
        {"train_dataloader.batch_size": "2"},
        r"^train_dataloader\.batch_size='2' must be an integer",
    ),
    "argument of a data set": (
        {"val_dataloader.dataset.split": "val"},
        r"^val_dataloader\.dataset\.split='val': RandomFrames has no argument 'split'$",
    ),
    "learning rate as a text": (
        {"optim_wrapper.optimizer.lr": "1e-3"},
        r"^optim_wrapper\.optimizer\.lr='1e-3' must be a number, such as 1e-4$",
    ),
    "unknown optimizer": (
        {
            "optim_wrapper.optimizer.type": "AdmW",
            "optim_wrapper.optimizer.weight_decay": 0.01,
            "optim_wrapper.paramwise_cfg": {"norm_decay_mult": 0.0},
        },
        r"^optim_wrapper\.optimizer\.type='AdmW' is not .*: did you mean 'AdamW'\?$",
    ),
    "unknown hook": (
        {"custom_hooks": [{"type": "IterationSedHook"}]},
        r"^custom_hooks\[0\]\.type='IterationSedHook' is not registered as hook: did "
        r"you mean 'IterationSeedHook'\?$",
    ),
    "argument of a hook": (
        {"custom_hooks": [{"type": "FrameScoresHook", "focus": "splash"}]},
        r"^custom_hooks\[0\]\.focus='splash': FrameScoresHook has no argument 'focus': "
        r"did you mean 'focus_class'\?$",
    ),
    "rule of the best weights": (
        {
            "default_hooks.checkpoint.save_best": "mIoU",
            "default_hooks.checkpoint.rule": "greatest",
        },
        r"^default_hooks\.checkpoint=\{.*'greatest'.*rule must be greater, less",
    ),
    "unknown metric": (
        {"val_evaluator.0.type": "IoUMetrc"},
        r"^val_evaluator\[0\]\.type='IoUMetrc' is not .* did you mean 'IoUMetric'\?$",
    ),
    "evaluator as a text": (
        {"val_evaluator": "DiceMetric"},
        r"^val_evaluator='DiceMetric' must be a dict, such as dict\(type='Dice",
    ),
    "unknown schedule": (
        {"param_scheduler.0.type": "PolyLRR"},
        r"^param_scheduler\[0\]\.type='PolyLRR' is not .* did you mean 'PolyLR'\?$",
    ),
    "argument of a schedule": (
        {"param_scheduler.0.powr": 1},
        r"^param_scheduler\[0\]\.powr=1: PolyLR has no argument 'powr': did you mean",
    ),
    "unknown loop": (
        {"train_cfg.type": "IterBasedTrainLop"},
        r"^train_cfg\.type='IterBasedTrainLop' is not .*you mean 'IterBasedTrainLoop'",
    ),
    "half an iteration": (
        {"train_cfg.max_iters": 1.5},
        r"^train_cfg=\{.*\} cannot be used by IterBasedTrainLoop: .* but get 1\.5$",
    ),
    "unknown visualizer": (
        {"visualizer.type": "SegLocalVisualizr"},
        r"^visualizer\.type='SegLocalVisualizr' is not .*mean 'SegLocalVisualizer'\?$",
    ),
    "validation without a loop": (
        {"val_cfg": None},
        r"^the config cannot be used: ValueError: val_dataloader, val_cfg, and val_",
    ),
    # Loops that do not fit what they drive.
    "epochs of an endless sampler": (
        {"train_cfg": EPOCHS},
        r"^train_cfg=\{.*\} counts epochs, but train_dataloader\.sampler=InfiniteSample"
        r"r never ends one: use train_cfg=dict\(type='IterBasedTrainLoop', .*, or ",
    ),
    "epochs by name": (
        {"train_cfg": {"by_epoch": True, "max_epochs": 1}},
        r"counts epochs, but train_dataloader\.sampler=InfiniteSampler never ends one",
    ),
    "epochs of views": (
        {
            "train_cfg": EPOCHS,
            "train_dataloader.sampler": VIEWS,
            "train_dataloader.dataset": {
                "type": "ViewDataset",
                "dataset": {"type": "RandomFrames"},
            },
        },
        r"counts epochs, but train_dataloader\.sampler=ViewSampler never ends one",
    ),
    "endless validation": (
        {"val_dataloader.sampler.type": "InfiniteSampler"},
        r"^val_dataloader\.sampler=InfiniteSampler never ends, so that no validation",
    ),
    "views of a data set without views": (
        {"train_dataloader.sampler": VIEWS},
        r"^train_dataloader\.sampler is a ViewSampler, which draws views, but "
        r"train_dataloader\.dataset is RandomFrames: wrap it as the outermost data set",
    ),
    "checkpoints by epoch": (
        {"default_hooks.checkpoint.by_epoch": GONE},
        r"^default_hooks\.checkpoint\.by_epoch=True counts epochs, of which IterBased",
    ),
    "schedule by epoch": (
        {"param_scheduler.0.by_epoch": GONE},
        r"^param_scheduler\[0\] \(PolyLR\) counts epochs .* would have no effect: set "
        r"param_scheduler\[0\]\.by_epoch=False",
    ),
    # One logit per pixel.
    "softmax of one channel": (
        {"model.decode_head.out_channels": 1, "model.decode_head.threshold": 0.5},
        r"^model\.decode_head\.out_channels=1 with the softmax of model\.decode_head\."
        r"loss_decode=SoftmaxFocalLoss: one logit per pixel needs .*use_sigmoid=True",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_config_is_named(name, tmp_path):
    changes, message = CASES[name]
    with pytest.raises(ConfigError, match=message):
        run(changes, tmp_path)


@pytest.mark.parametrize("name", ["DefaultSampler", "InfiniteSampler"])
def test_loops_that_fit_are_trained(name, tmp_path):
    changes: dict[str, Any] = {"train_dataloader.sampler.type": name}
    if name == "DefaultSampler":  # two epochs of two iterations
        changes |= {"train_cfg": {**EPOCHS, "max_epochs": 2}}
        changes |= {"default_hooks.checkpoint": {"type": "CheckpointHook"}}
        changes |= {"param_scheduler": [{"type": "PolyLR", "end": 2}]}
    assert run(changes, tmp_path).iter == (4 if name == "DefaultSampler" else 2)


def test_one_logit_per_pixel_is_trained_and_scored(tmp_path):
    changes = {
        "model.decode_head.out_channels": 1,
        "model.decode_head.threshold": 0.5,
        "model.decode_head.loss_decode": SIGMOID,
        "val_evaluator": [{"type": "DiceMetric"}, {"type": "CrossEntropyMetric"}],
    }
    runner = run(changes, tmp_path)
    scalars = runner.message_hub.log_scalars
    assert 0 < scalars["val/cross_entropy"].current() < 2
    assert 0 <= scalars["val/Dice.splash"].current() <= 100


PRETRAINED = {"type": "Pretrained", "checkpoint": "https://nowhere.invalid/b0.pth"}


def test_weights_from_a_url_without_a_network_name_init_cfg(tmp_path, monkeypatch):
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    message = (
        r"^model\.backbone\.init_cfg=\{.*nowhere\.invalid.*\}: the weights to start "
        r"from cannot be loaded \(URLError: .*Name or service not known.*\)\. Without "
        r"a network, .* --cfg-options model\.backbone\.init_cfg=None$"
    )
    with pytest.raises(ConfigError, match=message):
        run({"model.backbone.init_cfg": PRETRAINED}, tmp_path)


def test_weights_that_do_not_fill_the_backbone_name_init_cfg(tmp_path):
    path = tmp_path / "w.safetensors"
    weights = distiller(segformer(), segformer()).student.backbone.state_dict()
    del weights["layers.3.2.weight"]
    save_file(weights, path)
    start = {"type": "PretrainedWeights", "checkpoint": str(path)}
    message = (
        r"^model\.backbone\.init_cfg=\{.*\}: the weights to start from do not fit: "
        r"they do not fill MixVisionTransformer: 91 of 92 .*: layers\.3\.2\.weight"
    )
    with pytest.raises(ConfigError, match=message):
        run({"model.backbone.init_cfg": start}, tmp_path)


def test_an_error_of_this_package_is_passed_on_unchanged():
    with pytest.raises(ValueError, match="teacher_checkpoint=None") as raised:
        distiller(segformer(), segformer()).load_teacher()
    assert not isinstance(raised.value, ConfigError)
