import pytest

from mmseg_splashkd.config.reading import read_config
from tests.conftest import CONFIGS, DISTILLED

KD = CONFIGS / "kd" / "segformer_b0_kd.py"
HEAD = "model.student.decode_head"


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        (f"{HEAD}.num_clases", f"{HEAD}.num_classes"),
        ("model.distill_loss.gama", "model.distill_loss.gamma"),
        ("model.distil_loss.gamma", "model.distill_loss"),
        ("train_dataloader.batchsize", "train_dataloader.batch_size"),
        ("train_dataloader.dataset.dataset.fould", "train_dataloader.*.fold"),
        ("val_dataloader.dataset.pipeline.1.scal", "val_.*.pipeline.1.scale"),
        ("val_evaluator.0.preffix", "val_evaluator.0.prefix"),
        ("default_hooks.checkpoint.intervall", "default_hooks.checkpoint.interval"),
        ("param_scheduler.0.strat_factor", "param_scheduler.0.start_factor"),
        ("optim_wrapper.optimizer.learning_rate", None),
        ("randomness.sede", "randomness.seed"),
        ("train_cfg.max_iter", "train_cfg.max_iters"),
    ],
)
def test_a_misspelt_nested_key_names_the_closest(option, meant):
    place = option.rpartition(".")[0]
    hint = f".*did you mean {meant}\\?$" if meant else ""
    with pytest.raises(ValueError, match=f"--cfg-options {option}: .* has no '") as e:
        read_config(KD, {option: 1})
    if hint:
        e.match(hint)
    assert place.split(".")[0] in str(e.value)


def test_keys_inside_a_dict_are_checked():
    with pytest.raises(ValueError, match=r"did you mean model.distill_loss.gamma"):
        read_config(KD, {"model.distill_loss": {"gama": 1}})


@pytest.mark.parametrize(
    "option",
    [
        "optim_wrapper.paramwise_cfg.custom_keys.mine.lr_mult",
        "optim_wrapper.paramwise_cfg.bypass_duplicate",
        "optim_wrapper.clip_grad.max_norm",
        "optim_wrapper.optimizer.amsgrad",  # of torch's AdamW
        "train_dataloader.dataset.dataset.indices",  # of BaseSegDataset
        "train_dataloader.dataset.dataset.data_prefix.depth_path",
        "default_hooks.mine.type",
        "default_hooks.checkpoint.priority",
        f"{HEAD}.conv_cfg",
        f"{HEAD}.loss_decode.loss_weight",
        "model.student.test_cfg.stride",
        "env_cfg.mp_cfg.mine",
        "train_dataloader.drop_last",
        "visualizer.alpha",
    ],
)
def test_arguments_and_free_keys_can_be_set(option):
    assert read_config(KD, {option: 1})


def test_a_type_that_an_option_sets_decides_the_arguments():
    ratio = {f"{HEAD}.ratio": 0.5}
    with pytest.raises(ValueError, match="SegformerHead takes no such argument"):
        read_config(KD, ratio)
    assert read_config(KD, {f"{HEAD}.type": "PositionalSegformerHead"} | ratio)


@pytest.mark.parametrize(
    "option", ["custom_hooks.99.x", "param_scheduler.a.end", "log_level.x"]
)
def test_a_place_that_is_none_is_refused(option):
    with pytest.raises(ValueError, match=f"--cfg-options {option}: "):
        read_config(DISTILLED, {option: 1})
