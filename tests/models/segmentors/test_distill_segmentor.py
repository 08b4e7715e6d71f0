"""``DistillSegmentor``: a student with a frozen teacher that is not part of it."""

import copy
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseDataPreprocessor, ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from torch import Tensor, nn

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.models import DistillSegmentor
from mmseg_splashkd.models.losses import FocalModulatedKDLoss, head_settings
from mmseg_splashkd.models.segmentors import distill_segmentor
from mmseg_splashkd.models.segmentors.outputs import SegOutputs
from tests.conftest import DISTILLED, tiny
from tests.models.builders import (
    FOCAL,
    IMAGENET,
    build,
    distiller,
    fcn,
    labelled,
    losses_of,
    mmengine_checkpoint,
    preprocessor,
    random_batch,
    segformer,
)
from tests.models.segmentors.tester import equal_weights

POSITIONAL = {"type": "PositionalSegformerHead", "ratio": 1.0}
PROJECTED = {
    "type": "FocalModulatedKDLoss",
    "terms": [{"type": "KLDLoss"}, {"type": "FeatureMSELoss", "tap": "fused"}],
}
KD_TERMS = {"loss_label", "loss_distill", "label", "distill", "modulation"}
ACCURACIES = {"acc_student", "acc_teacher"}


class Recorder(FocalModulatedKDLoss):
    """A distillation loss that keeps its arguments."""

    def forward(self, student, teacher, labels, align_corners=False, iteration=0):
        assert teacher is not None
        self.outputs = {
            "student": student.logits,
            "teacher": teacher.logits,
            "labels": labels,
        }
        self.align_corners = align_corners
        return {"loss_recorded": student.logits.mean()}


def teacher_logits(model: DistillSegmentor, batch: dict) -> Tensor:
    """Teacher logits that the distillation loss gets for a batch."""
    recorder = Recorder()
    model.distill_loss, loss = recorder, model.distill_loss
    losses_of(model, batch)
    model.distill_loss = loss
    return recorder.outputs["teacher"]


def optimizer_of(model: nn.Module) -> Any:
    return build_optim_wrapper(
        model,
        {
            "type": "OptimWrapper",
            "optimizer": {"type": "AdamW", "lr": 0.1, "weight_decay": 0.01},
            "paramwise_cfg": {
                "norm_decay_mult": 0.0,
                "custom_keys": {"head": {"lr_mult": 10.0}},
            },
        },
    )


def fail(*_, **__):
    raise AssertionError("this must not run")


# The teacher is frozen.


def test_teacher_stays_in_eval_through_train():
    model = distiller(segformer(), segformer(drop=0.5))

    for mode in (True, False, True):
        model.train(mode)
        assert model.student.training is mode
        assert not any(module.training for module in model.teacher.modules())


def test_teacher_has_no_dropout():
    model = distiller(segformer(), segformer(drop=0.5)).train()

    assert torch.equal(*(teacher_logits(model, random_batch()) for _ in range(2)))


def test_teacher_has_no_gradient_even_to_the_images():
    model = distiller(segformer(), segformer()).train()
    recorder = model.distill_loss = Recorder()
    data = model.data_preprocessor(random_batch(), True)
    data["inputs"].requires_grad_()

    model(**data, mode="loss")
    assert recorder.outputs["student"].requires_grad
    assert not recorder.outputs["teacher"].requires_grad


def test_teacher_runs_backbone_and_decode_head_only(monkeypatch):
    model = distiller(segformer(), fcn()).train()
    teacher = model.teacher
    for name in ("loss", "predict", "encode_decode", "inference"):
        monkeypatch.setattr(teacher, name, fail)
    for name in ("loss", "loss_by_feat", "predict", "predict_by_feat"):
        monkeypatch.setattr(teacher.decode_head, name, fail)
    monkeypatch.setattr(teacher.decode_head.loss_decode, "forward", fail)
    monkeypatch.setattr(teacher.auxiliary_head, "forward", fail)

    model.train_step(random_batch(), optimizer_of(model))


def test_the_student_s_own_label_loss_does_not_run(monkeypatch):
    model = distiller(segformer(), segformer()).train()
    monkeypatch.setattr(model.student.decode_head.loss_decode, "forward", fail)

    model.train_step(random_batch(), optimizer_of(model))


# The teacher is no part of the student's state.


def test_teacher_is_no_part_of_the_model():
    model = distiller(segformer(), fcn())
    ours = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    its = {id(x) for x in (*model.teacher.parameters(), *model.teacher.buffers())}

    assert its.isdisjoint(ours)
    assert model.teacher not in list(model.modules())
    assert not any("teacher" in name for name, _ in model.named_modules())
    student = {id(weight) for weight in model.student.parameters()}
    assert {id(weight) for weight in model.parameters()} == student


@pytest.mark.parametrize("state_of", [nn.Module.state_dict, get_state_dict])
def test_state_is_that_of_the_plain_student(state_of):
    model = distiller(segformer(), fcn())

    state = state_of(model)
    assert list(state) == list(build(segformer()).state_dict())
    assert equal_weights(state, model.student.state_dict())


def test_optimizer_holds_the_student_alone():
    model = distiller(segformer(), fcn())

    groups = optimizer_of(model).optimizer.param_groups
    held = {id(weight) for group in groups for weight in group["params"]}
    assert held == {id(weight) for weight in model.student.parameters()}
    rates = {id(w): group["lr"] for group in groups for w in group["params"]}
    assert rates[id(model.decode_head.conv_seg.weight)] == pytest.approx(1.0)
    assert rates[id(next(model.backbone.parameters()))] == pytest.approx(0.1)


@pytest.mark.parametrize("update_buffers", [False, True])
def test_a_moving_average_shares_the_teacher(update_buffers):
    model = distiller(segformer(), fcn()).train()
    optimizer = optimizer_of(model)
    average = ExponentialMovingAverage(model, 0.5, update_buffers=update_buffers)

    for seed in range(2):
        model.train_step(random_batch(seed=seed), optimizer)
        average.update_parameters(model)
    plain = build(segformer()).state_dict()
    assert average.state_dict().keys() == {"steps", *(f"module.{k}" for k in plain)}
    assert average.module.teacher is model.teacher
    assert average.module.student is not model.student
    averaged, current = average.module.state_dict(), model.state_dict()
    assert averaged.keys() == current.keys()
    name = "decode_head.conv_seg.weight"
    assert not torch.equal(averaged[name], current[name])


def test_teacher_follows_device_and_dtype():
    model = distiller(segformer(), fcn())

    model.to(torch.float64)
    assert {w.dtype for w in model.teacher.parameters()} == {torch.float64}
    model.half()
    assert {w.dtype for w in model.teacher.parameters()} == {torch.float16}
    model.to("meta")
    assert all(weight.is_meta for weight in model.teacher.parameters())
    assert not any(weight.requires_grad for weight in model.teacher.parameters())


# A checkpoint of the model is one of the student.


def strictly(module: nn.Module, state: dict) -> None:
    module.load_state_dict(state, strict=True)


def strictly_by_mmengine(module: nn.Module, state: dict) -> None:
    load_state_dict(module, state, strict=True)


@pytest.mark.parametrize("load", [strictly, strictly_by_mmengine])
def test_checkpoint_goes_to_the_plain_student_and_back(load):
    model = distiller(segformer(), fcn())
    plain = build(segformer(), seed=5)

    load(plain, model.state_dict())
    assert equal_weights(plain.state_dict(), model.student.state_dict())
    other = build(segformer(), seed=6).state_dict()
    load(model, other)
    assert equal_weights(model.student.state_dict(), other)


def within(model: nn.Module) -> nn.Module:
    """A model inside others, beside one whose name is the student's."""
    return nn.ModuleDict({"inner": nn.Sequential(model), "student": nn.Linear(1, 1)})


@pytest.mark.parametrize("load", [strictly, strictly_by_mmengine])
@pytest.mark.parametrize("state_of", [nn.Module.state_dict, get_state_dict])
def test_checkpoint_of_a_model_within_another(state_of, load):
    outer = within(distiller(segformer(), fcn()))
    plain = within(build(segformer(), seed=5))

    state = state_of(outer)
    load(plain, state)
    assert equal_weights(state_of(plain), state)
    other = state_of(within(build(segformer(), seed=6)))
    load(outer, other)
    assert equal_weights(state_of(outer), other)


@pytest.mark.parametrize("load", [strictly, strictly_by_mmengine])
def test_a_checkpoint_that_does_not_fit_is_an_error(load):
    model = distiller(segformer(), fcn())
    state = model.state_dict()

    with pytest.raises(RuntimeError, match=r"(?i)missing key.*conv_seg\.bias"):
        load(model, {k: v for k, v in state.items() if not k.endswith("seg.bias")})
    with pytest.raises(RuntimeError, match=r"(?i)unexpected key.*foreign"):
        load(model, {**state, "foreign": torch.ones(1)})


def test_loading_leaves_the_caller_s_dict_alone():
    model = distiller(segformer(), fcn())
    state = model.state_dict()
    names = list(state)

    model.load_state_dict(state)
    assert list(state) == names


# The teacher's file.


@pytest.fixture
def teacher_file(tmp_path):
    teacher = build(fcn(), seed=9)
    path = tmp_path / "weights_teacher_0520_best.safetensors"
    classes = ["background", "splash"]
    write_weights(teacher.state_dict(), path, {"dataset_meta": {"classes": classes}})
    return path


def test_init_weights_loads_the_teacher(teacher_file):
    pattern = str(teacher_file).replace("0520", "*")
    model = distiller(segformer(), fcn(), teacher_checkpoint=pattern)

    model.init_weights()
    assert equal_weights(model.teacher.state_dict(), build(fcn(), 9).state_dict())
    assert model.teacher_classes == ["background", "splash"]


def test_init_weights_loads_a_checkpoint_of_mmengine(tmp_path):
    path = tmp_path / "iter_7.pth"
    torch.save(mmengine_checkpoint(build(fcn(), 9)), path)
    expected = torch.load(path, weights_only=False)["state_dict"]
    model = distiller(segformer(), fcn(), teacher_checkpoint=str(path))

    model.init_weights()
    assert equal_weights(model.teacher.state_dict(), expected)
    assert model.teacher_classes == ["background", "splash"]


def test_init_weights_loads_a_bare_state_dict(tmp_path):
    torch.save(build(fcn(), 9).state_dict(), tmp_path / "bare.pth")
    path = str(tmp_path / "bare.pth")
    model = distiller(segformer(), fcn(), teacher_checkpoint=path)

    model.init_weights()
    assert equal_weights(model.teacher.state_dict(), build(fcn(), 9).state_dict())
    assert model.teacher_classes is None


def test_init_weights_initialises_the_student_too(teacher_file):
    model = distiller(segformer(), fcn(), teacher_checkpoint=str(teacher_file))

    model.init_weights()
    assert model.student.is_init
    assert model.decode_head.conv_seg.weight.std() < 0.02  # mmseg: normal, 0.01
    assert model.decode_head.conv_seg.bias.eq(0).all()


def test_a_teacher_trained_with_another_normalisation_is_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    noted = {"mean": [1.0] * 3, "std": [2.0] * 3, "swap_channels": True}
    write_weights(build(fcn()).state_dict(), path, {"normalisation": noted})

    model = distiller(segformer(), fcn(), teacher_checkpoint=str(path))
    with pytest.raises(ValueError, match=r"normalises by .*1\.0, 1\.0.*allow"):
        model.init_weights()
    allowed = {"allow": ["normalisation"]}
    distiller(
        segformer(), fcn(), teacher_checkpoint=str(path), teacher_gate=allowed
    ).init_weights()


@pytest.mark.parametrize("projected", [False, True])
def test_student_starts_as_the_plain_one_of_the_same_seed(teacher_file, projected):
    loss = PROJECTED if projected else {"type": "FocalModulatedKDLoss"}
    plain = build(segformer())
    plain.init_weights()
    model = distiller(
        segformer(), fcn(), teacher_checkpoint=str(teacher_file), distill_loss=loss
    )
    model.init_weights()

    assert equal_weights(model.student.state_dict(), plain.state_dict())


# Weights of the loss.


def test_projector_learns_and_is_no_part_of_a_checkpoint():
    model = distiller(segformer(), fcn(), distill_loss=PROJECTED).train()
    (projector,) = [
        m for m in model.distill_loss.modules() if hasattr(m, "in_channels")
    ]
    before = projector.weight.clone()

    optimizer = optimizer_of(model)
    model.train_step(random_batch(), optimizer)
    assert projector.weight.shape == (8, 16, 1, 1)
    assert not torch.equal(projector.weight, before)
    for state_of in (nn.Module.state_dict, get_state_dict):
        assert list(state_of(model)) == list(build(segformer()).state_dict())


@pytest.mark.parametrize("load", [nn.Module.load_state_dict, load_state_dict])
def test_projector_stays_when_a_checkpoint_is_loaded(load):
    model = distiller(segformer(), fcn(), distill_loss=PROJECTED)
    before = copy.deepcopy(model.distill_loss.state_dict())

    load(model, build(segformer(), seed=6).state_dict(), strict=True)
    assert before.keys() == model.distill_loss.state_dict().keys() != set()
    assert equal_weights(model.distill_loss.state_dict(), before)
    plain = build(segformer(), seed=6).state_dict()
    assert equal_weights(model.student.state_dict(), plain)


@pytest.mark.parametrize("update_buffers", [False, True])
def test_an_average_of_a_model_with_a_projector(update_buffers):
    model = distiller(segformer(), fcn(), distill_loss=PROJECTED).train()
    average = ExponentialMovingAverage(model, 0.5, update_buffers=update_buffers)

    model.train_step(random_batch(), optimizer_of(model))
    average.update_parameters(model)
    plain = build(segformer()).state_dict()
    assert average.module.state_dict().keys() == plain.keys()


def test_a_teacher_without_weight_does_not_run(monkeypatch):
    model = distiller(
        segformer(),
        fcn(),
        distill_loss={"type": "FocalModulatedKDLoss", "teacher_ratio": 0.0},
    ).train()
    monkeypatch.setattr(model.teachers, "forward", fail)

    losses = losses_of(model, random_batch())
    assert losses["loss_distill"].item() == 0
    assert "acc_teacher" not in losses


def test_schedules_follow_the_iteration_of_the_run():
    warm_up = {"kind": "linear", "end": 0.8, "until": 10}
    loss = {"type": "FocalModulatedKDLoss", "teacher_ratio": warm_up}
    model = distiller(segformer(), fcn(), distill_loss=loss).train()
    hub = MessageHub.get_current_instance()

    ratios = []
    for iteration in (0, 5, 10, 20):
        hub.update_info("iter", iteration)
        ratios.append(losses_of(model, random_batch())["teacher_ratio"].item())
    hub.pop_info("iter")
    assert ratios == pytest.approx([0.0, 0.4, 0.8, 0.8])


def test_testing_needs_no_teacher_file():
    model = distiller(segformer(), fcn(), teacher_checkpoint="nowhere.pth")

    model.load_state_dict(build(segformer()).state_dict(), strict=True)
    batch = random_batch()
    one = {key: values[:1] for key, values in batch.items()}
    assert len(model.eval().test_step(one)) == 1


def test_a_missing_teacher_file_is_an_error(tmp_path):
    path = str(tmp_path / "none_*.pth")
    model = distiller(segformer(), fcn(), teacher_checkpoint=path)

    with pytest.raises(FileNotFoundError, match=r"teacher_checkpoint=.*train it first"):
        model.init_weights()


def test_no_teacher_file_named_is_an_error():
    with pytest.raises(ValueError, match="teacher_checkpoint=None names no file"):
        distiller(segformer(), fcn()).init_weights()


def test_a_teacher_with_other_keys_is_an_error(teacher_file):
    other = distiller(segformer(), segformer(), teacher_checkpoint=str(teacher_file))
    with pytest.raises(
        RuntimeError, match=r"(?s)does not fit.*Missing key.*layers\.0"
    ) as error:
        other.init_weights()
    assert f"teacher_checkpoint {teacher_file}" in str(error.value)

    lacking = distiller(
        segformer(), fcn(auxiliary=False), teacher_checkpoint=str(teacher_file)
    )
    with pytest.raises(RuntimeError, match=r"Unexpected key.*auxiliary_head"):
        lacking.init_weights()


def test_a_teacher_of_another_width_is_an_error(teacher_file):
    config = fcn()
    config["decode_head"]["channels"] = 16
    model = distiller(segformer(), config, teacher_checkpoint=str(teacher_file))

    with pytest.raises(RuntimeError, match="size mismatch for decode_head"):
        model.init_weights()


# The log.


def test_log_names_every_term_and_sums_the_weighted_ones():
    model = distiller(segformer(), fcn()).train()

    total, log = model.parse_losses(losses_of(model, random_batch()))
    assert log.keys() == {"loss"} | KD_TERMS | ACCURACIES
    assert total.item() == (log["loss_label"] + log["loss_distill"]).item()


def test_accuracy_of_the_teacher_by_hand():
    model = distiller(segformer(), segformer()).train()
    for segmentor, splash in ((model.teacher, 9.0), (model.student, -9.0)):
        nn.init.zeros_(segmentor.decode_head.conv_seg.weight)
        segmentor.decode_head.conv_seg.bias.data = torch.tensor([0.0, splash])
    label = torch.zeros(1, 32, 32, dtype=torch.long)
    label[:, :, :8] = 1  # 8 of 32 columns are splash ...
    label[:, :16, 24:] = 255  # ... and 8 of 32 are ignored in the upper half
    batch = {
        "inputs": random_batch()["inputs"],
        "data_samples": [labelled(label), labelled(torch.full_like(label, 255))],
    }

    losses = losses_of(model, batch)
    # The teacher predicts splash everywhere, the student nowhere.
    assert losses["acc_teacher"].item() == pytest.approx(100 * 8 / 28)
    assert losses["acc_student"].item() == pytest.approx(100 * 20 / 28)


def test_accuracy_compares_with_the_pixels_nearest_to_the_logits():
    model = distiller(segformer(), segformer()).train()
    nn.init.zeros_(model.decode_head.conv_seg.weight)
    model.decode_head.conv_seg.bias.data = torch.tensor([0.0, 9.0])  # all splash
    label = torch.zeros(1, 32, 32, dtype=torch.long)
    label[:, 2::4, 2::4] = 1  # stride 4: centre i is at 4 i + 1.5, nearest to 4 i + 2
    batch = {**random_batch(), "data_samples": [labelled(label)] * 2}

    assert losses_of(model, batch)["acc_student"].item() == 100


def test_an_ignored_label_that_is_a_class_counts_in_no_accuracy():
    student = segformer(ignore_index=1)
    model = distiller(student, segformer()).train()
    nn.init.zeros_(model.decode_head.conv_seg.weight)
    model.decode_head.conv_seg.bias.data = torch.tensor([0.0, 9.0])
    label = torch.ones(1, 32, 32, dtype=torch.long)
    batch = {**random_batch(), "data_samples": [labelled(label)] * 2}

    assert losses_of(model, batch)["acc_student"].item() == 0


def test_accuracy_without_valid_pixels_is_zero():
    model = distiller(segformer(), segformer()).train()
    batch = random_batch()
    for sample in batch["data_samples"]:
        sample.gt_sem_seg.data.fill_(255)

    losses = losses_of(model, batch)
    assert losses["acc_teacher"].item() == losses["acc_student"].item() == 0


# The student's decode head: ignored label and label loss.

IGNORE = {"type": "FocalModulatedKDLoss", "ignore_index": 7}


def test_ignored_label_is_that_of_the_student_s_head():
    plain = distiller(segformer(), segformer()).train()
    seven = distiller(segformer(ignore_index=7), segformer()).train()
    both = distiller(segformer(ignore_index=7), segformer(), distill_loss=IGNORE)
    batch = random_batch()
    renamed = copy.deepcopy(batch)
    for sample in renamed["data_samples"]:
        label = sample.gt_sem_seg.data
        label[label == 255] = 7

    expected = losses_of(plain, batch)
    assert losses_of(seven, copy.deepcopy(renamed)) == expected
    assert losses_of(both.train(), renamed) == expected


def test_two_ignored_labels_are_refused():
    match = r"distill_loss\.ignore_index=7, and student\.decode_head\.ignore_index=255"
    with pytest.raises(ValueError, match=match):
        distiller(segformer(), segformer(), distill_loss=IGNORE)


CE = {"type": "mmseg.CrossEntropyLoss", "avg_non_ignore": True}
WEIGHTED = {"type": "FocalModulatedKDLoss", "class_weight": [0.1, 0.9]}
NAMED_CE = {"type": "FocalModulatedKDLoss", "label_loss": "ce"}


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"loss_decode": {**CE, "class_weight": [0.1, 0.9]}}, "class_weight=.*differs"),
        ({"loss_decode": {**FOCAL, "class_weight": [1, 2]}}, "class_weight=.*differs"),
        ({"loss_decode": {**CE, "loss_weight": 0.4}}, "loss_weight=0.4 is not used"),
        ({"loss_decode": {**CE, "use_sigmoid": True}}, "is CrossEntropyLoss"),
        (
            {"loss_decode": CE},
            r"=CrossEntropyLoss is given.*default .*'focal', gamma=2",
        ),
        ({"loss_decode": {**FOCAL, "gamma": 1.0}}, r"gamma=1.0 is given, .*gamma=2.0"),
        ({"loss_decode": {"type": "DiceLoss"}}, "is DiceLoss.*which is not used"),
        ({"loss_decode": [FOCAL, {"type": "DiceLoss"}]}, "(?s)is ModuleList.*not used"),
        (
            {"sampler": {"type": "OHEMPixelSampler", "thresh": 0.7}},
            r"student\.decode_head\.sampler OHEMPixelSampler",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:``build_pixel_sampler``:UserWarning")
def test_a_label_loss_that_would_be_dropped_is_refused(head, message):
    with pytest.raises(ValueError, match=message):
        distiller(segformer(**head), segformer())


@pytest.mark.parametrize(
    ("loss", "distill_loss"),
    [
        (CE, NAMED_CE),
        (CE, {**NAMED_CE, "label_loss": "focal"}),
        ({**CE, "class_weight": [0.1, 0.9]}, {**WEIGHTED, "label_loss": "ce"}),
        ({**FOCAL, "class_weight": [0.1, 0.9]}, WEIGHTED),
        (FOCAL, WEIGHTED),
    ],
)
def test_a_label_loss_that_is_replaced_is_accepted(loss, distill_loss):
    distiller(segformer(loss_decode=loss), segformer(), distill_loss=distill_loss)


def test_another_gamma_of_the_student_is_a_warning(monkeypatch):
    logged = []
    monkeypatch.setattr(
        head_settings, "print_log", lambda line, **_: logged.append(line)
    )
    distiller(segformer(), segformer())
    assert not logged
    ce = {"type": "FocalModulatedKDLoss", "label_loss": "ce"}
    distiller(segformer(), segformer(), distill_loss=ce)
    assert "student.decode_head.loss_decode.gamma=2.0 is not used" in logged[0]
    assert "gamma=0.0" in logged[0]


# Recipes.


def test_one_step_of_the_demo_has_the_recorded_losses():
    cfg = read_config(DISTILLED)
    cfg.merge_from_dict(tiny("model.student") | tiny("model.teacher"))
    model = build(cfg.model).train()
    torch.manual_seed(1)
    losses = losses_of(model, random_batch())
    expected = {
        "loss_label": 0.09868457,
        "loss_distill": 0.02300705,
        "label": 0.19736914,
        "distill": 0.17941340,
        "modulation": 0.25646972,
        "acc_student": 49.107143,
        "acc_teacher": 47.321430,
    }
    assert {key: value.item() for key, value in losses.items()} == pytest.approx(
        expected, rel=1e-5
    )


# A cache in place of the teacher.


class FakeCache:
    """A cache whose header is read by ``load``, as that of ``CachedTeacher``."""

    def __init__(self) -> None:
        self.header: dict = {}

    def load(self, student, loss) -> None:
        self.header = {"align_corners": True, "classes": ["a", "b"], "report": {}}

    def outputs(self, data_samples):
        logits = torch.zeros(len(data_samples), 2, 4, 4)
        return SegOutputs(logits)


def test_the_header_of_a_cache_is_read_on_first_use(monkeypatch):
    monkeypatch.setattr(
        distill_segmentor, "_build_cached_teacher", lambda _: FakeCache()
    )
    for read in ("teacher_align_corners", "teacher_classes", "teacher_report"):
        model = distiller(segformer(), segformer(), teacher_cache="folder")
        assert model.cache.header == {}
        assert getattr(model, read) == model.cache.header[read.removeprefix("teacher_")]
    model = distiller(segformer(), segformer(), teacher_cache="folder").train()
    assert losses_of(model, random_batch())["loss_distill"] > 0  # without init_weights


# Any two segmentors.


def test_labels_reach_the_loss_unchanged():
    model = distiller(segformer(), fcn()).train()
    recorder = model.distill_loss = Recorder()
    batch = random_batch()

    losses_of(model, batch)
    labels = [sample.gt_sem_seg.data[0] for sample in batch["data_samples"]]
    assert torch.equal(recorder.outputs["labels"], torch.stack(labels))


def test_auxiliary_head_of_the_student_is_trained_on_labels():
    model = distiller(fcn(), segformer()).train()

    losses = losses_of(model, random_batch())
    auxiliary = {"aux.loss_focal", "aux.acc_seg"}
    assert losses.keys() == KD_TERMS | ACCURACIES | auxiliary
    total, _ = model.parse_losses(losses)
    summed = losses["loss_label"] + losses["loss_distill"] + losses["aux.loss_focal"]
    assert total.item() == pytest.approx(summed.item())
    for weight in model.student.auxiliary_head.parameters():
        assert weight.grad is None
    losses["aux.loss_focal"].backward()
    grads = [weight.grad for weight in model.student.auxiliary_head.parameters()]
    assert any(grad.abs().sum() > 0 for grad in grads)


def permuted(teacher: nn.Module, order: list[int]) -> dict[str, Tensor]:
    """Weights of a teacher whose class i is class ``order[i]`` of the given one."""
    state = copy.deepcopy(teacher.state_dict())
    for name in ("decode_head.conv_seg.weight", "decode_head.conv_seg.bias"):
        state[name] = state[name][order]
    return state


def test_class_mapping_undoes_another_order_of_classes():
    plain = distiller(segformer(3), segformer(3)).train()
    mapped = distiller(segformer(3), segformer(3), class_mapping=(1, 2, 0)).train()
    mapped.load_state_dict(plain.state_dict())
    # The mapping: teacher class 1 is student class 0, 2 is 1, and 0 is 2.
    mapped.teacher.load_state_dict(permuted(plain.teacher, [2, 0, 1]))

    expected = losses_of(plain, random_batch(3))
    assert losses_of(mapped, random_batch(3)) == expected


def test_class_mapping_picks_from_a_teacher_with_more_classes():
    model = distiller(segformer(2), segformer(5), class_mapping=[3, 1]).train()
    batch = random_batch()
    inputs = model.data_preprocessor(copy.deepcopy(batch), True)["inputs"]

    logits = model.teacher(inputs, mode="tensor")
    expected = torch.stack([logits[:, 3], logits[:, 1]], dim=1)
    assert torch.equal(teacher_logits(model, batch), expected)


def test_other_class_counts_without_mapping_are_refused():
    with pytest.raises(
        ValueError, match=r"teacher has 3 classes, the student 2.*class_m"
    ):
        distiller(segformer(2), segformer(3))


@pytest.mark.parametrize("mapping", [[], [0], [0, 1, 2], [0, 3], [-1, 0]])
def test_a_mapping_that_does_not_fit_is_refused(mapping):
    with pytest.raises(ValueError, match=r"needs 2 indices in \[0, 3\).*got \["):
        distiller(segformer(2), segformer(3), class_mapping=mapping)


@pytest.mark.parametrize("which", ["student", "teacher"])
def test_one_logit_for_three_classes_is_refused(which):
    configs = {"student": segformer(3), "teacher": segformer(3)}
    configs[which]["decode_head"].update(out_channels=1, threshold=0.5)

    with pytest.raises(ValueError, match=rf"{which}\.decode_head\.out_channels is 1"):
        distiller(**configs)


# Normalisation.


class OriginalPreProcessor(BaseDataPreprocessor):
    """Attributes of the original mmseg's, which is no ``ImgDataPreprocessor``."""

    def __init__(self, mean: float = 1.0, bgr_to_rgb: bool = False) -> None:
        super().__init__()
        self._enable_normalize = True
        self.channel_conversion = bgr_to_rgb
        self.register_buffer("mean", torch.full((3, 1, 1), mean), False)
        self.register_buffer("std", torch.ones(3, 1, 1), False)


ORIGINAL = {"type": OriginalPreProcessor}


OTHERS = [
    preprocessor(mean=[1.0, 2.0, 3.0]),
    preprocessor(std=[1.0, 2.0, 3.0]),
    preprocessor(bgr_to_rgb=False),
    preprocessor(mean=None, std=None),
    preprocessor(mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=False),
]


@pytest.mark.parametrize("its", OTHERS)
@pytest.mark.parametrize("ours", [preprocessor(), preprocessor(mean=None, std=None)])
def test_the_teacher_gets_the_images_in_its_own_normalisation(ours, its):
    """Also where a batch is padded: with the teacher's mean colour."""
    padded = {"size_divisor": 64}
    student = {**segformer(), "data_preprocessor": {**ours, **padded}}
    teacher = {**segformer(), "data_preprocessor": {**its, **padded}}
    model = distiller(student, teacher)
    seen: list[Tensor] = []
    model.teacher.backbone.register_forward_pre_hook(lambda _, args: seen.extend(args))

    losses_of(model, random_batch(size=(40, 48)))
    own = model.teacher.data_preprocessor(random_batch(size=(40, 48)), True)
    torch.testing.assert_close(seen[0], own["inputs"], atol=2e-5, rtol=1e-5)


def test_equally_normalised_images_stay_as_they_are():
    model = distiller(segformer(), segformer())
    images = torch.randn(1, 3, 32, 32)
    assert model.teachers.renormalise[0](images) is images


@pytest.mark.parametrize("ours", [preprocessor(), ORIGINAL])
def test_a_teacher_without_a_preprocessor_is_refused(ours):
    student = {**segformer(), "data_preprocessor": ours}
    teacher = {**segformer(), "data_preprocessor": None}

    with pytest.raises(ValueError, match="teacher has no data_preprocessor"):
        distiller(student, teacher)


def test_attributes_of_the_original_preprocessor_are_read():
    student = {**segformer(), "data_preprocessor": ORIGINAL}
    teacher = {**segformer(), "data_preprocessor": {**ORIGINAL, "bgr_to_rgb": True}}
    model = distiller(student, teacher)
    images = torch.randn(1, 3, 32, 32)
    seen = model.teachers.renormalise[0](images)
    torch.testing.assert_close(seen, images.flip(1))


@pytest.mark.parametrize(
    ("ours", "its"),
    [
        (preprocessor(), preprocessor(size_divisor=32)),
        (preprocessor(), preprocessor(bgr_to_rgb=False, rgb_to_bgr=True)),
        (None, None),
        (ORIGINAL, ORIGINAL),
    ],
)
def test_equal_normalisations_are_accepted(ours, its):
    student = {**segformer(), "data_preprocessor": ours}
    teacher = {**segformer(), "data_preprocessor": its}

    distiller(student, teacher)


def test_one_preprocessor_may_be_named_for_both():
    student, teacher = segformer(), fcn()
    del student["data_preprocessor"], teacher["data_preprocessor"]

    model = distiller(student, teacher, data_preprocessor=preprocessor())
    for processor in (model.data_preprocessor, model.teacher.data_preprocessor):
        assert processor.mean.flatten().tolist() == pytest.approx(IMAGENET["mean"])


# Attributes of the student.


def test_attributes_are_those_of_the_student():
    model = distiller(segformer(3, align_corners=True), fcn(3))

    assert model.backbone is model.student.backbone
    assert model.decode_head is model.student.decode_head
    assert model.data_preprocessor is model.student.data_preprocessor
    assert model.align_corners is True
    assert model.num_classes == model.out_channels == 3


def test_the_loss_upsamples_as_the_student_does():
    student = fcn(auxiliary=False, align_corners=True)

    for config, corners in ((student, True), (segformer(), False)):
        model = distiller(config, fcn()).train()
        recorder = model.distill_loss = Recorder()
        losses_of(model, random_batch())
        assert recorder.align_corners is corners
