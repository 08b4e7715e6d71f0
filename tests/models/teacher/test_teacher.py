"""One teacher, or an ensemble of several."""

import copy

import pytest
import torch
from torch.nn import functional as F

from mmseg_splashkd.checkpoint import write_weights
from mmseg_splashkd.models.teacher.teacher import FrozenTeacher, build_teacher
from tests.models.builders import (
    IMAGENET,
    build,
    distiller,
    fcn,
    losses_of,
    preprocessor,
    random_batch,
    segformer,
)
from tests.models.test_bf16_check import wide

CLASSES = {"dataset_meta": {"classes": ["background", "splash"]}}


def images() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    return logits.double().softmax(1)


def members(*configs: dict) -> list:
    return [build(config, seed) for seed, config in enumerate(configs)]


@pytest.fixture
def files(tmp_path) -> list[str]:
    """Weights of three SegFormers."""
    paths = []
    for seed in range(3):
        path = tmp_path / f"weights_fold{seed}.safetensors"
        write_weights(build(segformer(), 10 + seed).state_dict(), path, CLASSES)
        paths.append(str(path))
    return paths


def test_a_single_teacher_is_the_model_in_eval_mode():
    (model,) = members(segformer())

    outputs = FrozenTeacher([model])(images(), fused=True)
    assert torch.equal(outputs.logits, model.eval()(images(), mode="tensor"))
    assert outputs.fused is not None
    assert not outputs.logits.requires_grad


@pytest.mark.parametrize("weights", [None, [1.0, 3.0, 4.0]])
def test_probabilities_are_averaged(weights):
    several = members(segformer(3), segformer(3), segformer(3))
    alone = [model.eval()(images(), mode="tensor") for model in several]

    logits = FrozenTeacher(several, "probability", weights)(images()).logits
    fractions = [w / 8 for w in weights] if weights else [1 / 3] * 3
    each = zip(fractions, alone, strict=True)
    expected = sum(fraction * probabilities(z) for fraction, z in each)
    torch.testing.assert_close(probabilities(logits), expected, rtol=1e-5, atol=1e-7)


def test_logits_are_averaged():
    several = members(segformer(), segformer())
    first, second = (model.eval()(images(), mode="tensor") for model in several)

    logits = FrozenTeacher(several, "logit", [3.0, 1.0])(images()).logits
    torch.testing.assert_close(logits, 0.75 * first + 0.25 * second)


def test_averages_of_equal_members_are_those_of_one():
    model = build(segformer())
    alone = model.eval()(images(), mode="tensor")

    for average in ("probability", "logit"):
        logits = FrozenTeacher([model, copy.deepcopy(model)], average)(images()).logits
        torch.testing.assert_close(probabilities(logits), probabilities(alone))


def test_logits_are_resized_to_those_of_the_first_member():
    several = members(segformer(), fcn())
    first, second = (model.eval()(images(), mode="tensor") for model in several)

    logits = FrozenTeacher(several, "logit")(images()).logits
    assert first.shape[-1] == 2 * second.shape[-1]
    resized = F.interpolate(second, first.shape[-2:], mode="bilinear")
    torch.testing.assert_close(logits, (first + resized) / 2)


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("inf")]]
)
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ValueError, match=r"ensemble\.weights must be 2 positive"):
        FrozenTeacher(members(segformer(), segformer()), weights=weights)


def test_an_unknown_average_is_refused():
    with pytest.raises(ValueError, match=r"ensemble\.average must be one of .*'mean'"):
        FrozenTeacher(members(segformer()), "mean")


def convolved_in(model: torch.nn.Module) -> set[torch.dtype]:
    """Types of what its convolutions return, filled in by a forward pass."""
    found: set[torch.dtype] = set()
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(lambda _, __, out: found.add(out.dtype))
    return found


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(
    ("precision", "student_s", "expected"),
    [
        (None, torch.float32, torch.float32),
        (None, torch.bfloat16, torch.bfloat16),
        ("bf16", torch.float32, torch.bfloat16),
        ("fp32", torch.bfloat16, torch.float32),
    ],
)
def test_precision_is_its_own_or_that_of_the_student(
    precision, student_s, expected, count
):
    several = members(*[fcn(3)] * count)
    exact = FrozenTeacher(several)(images()).logits
    teacher = FrozenTeacher(several, precision=precision)
    found = convolved_in(teacher)
    enabled = student_s == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
        logits = teacher(images()).logits
    assert found == {expected}
    if precision or count > 1:
        assert logits.dtype == torch.float32
    torch.testing.assert_close(logits.float(), exact, rtol=0.02, atol=0.02)
    assert torch.equal(logits, exact) == (expected == torch.float32)
    assert {each.dtype for each in teacher.parameters()} == {torch.float32}


def test_attention_in_bfloat16_has_no_gaps_in_memory():
    model = build(wide())
    exact = FrozenTeacher([model])(images()).logits
    found: list[tuple[torch.dtype, bool, bool]] = []

    def note(_, args, kwargs):
        query, key, value = kwargs["query"], kwargs["key"], kwargs["value"]
        found.append((query.dtype, query.is_contiguous(), key is value))

    teacher = FrozenTeacher([model], precision="bf16")
    for part in teacher.modules():
        if isinstance(part, torch.nn.MultiheadAttention):
            part.register_forward_pre_hook(note, with_kwargs=True)
    logits = teacher(images()).logits
    assert set(found) == {(torch.bfloat16, True, True)}
    torch.testing.assert_close(logits, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("cache", [None, "nowhere"])
def test_an_unknown_precision_is_refused(cache):
    text = r"teacher_precision='half' must be one of \('bf16', 'fp32'\)"
    with pytest.raises(ValueError, match=text):
        distiller(
            segformer(), segformer(), teacher_precision="half", teacher_cache=cache
        )


# From a config.


def test_one_config_with_several_files_is_an_ensemble(files):
    teacher = build_teacher(segformer(), files, {"average": "logit"})

    teacher.load(files)
    alone = [build(segformer(), 10 + seed).eval() for seed in range(3)]
    expected = torch.stack([model(images(), mode="tensor") for model in alone]).mean(0)
    torch.testing.assert_close(teacher(images()).logits, expected)
    assert teacher.classes == ["background", "splash"]
    assert teacher.only is None


def test_files_and_models_must_be_as_many(files):
    with pytest.raises(ValueError, match=r"teacher names 2 models and teacher_c.* 3"):
        build_teacher([segformer(), fcn()], files, None)


def test_ensemble_of_one_and_unknown_keys_are_refused(files):
    with pytest.raises(ValueError, match="there is one"):
        build_teacher(segformer(), files[0], {"average": "logit"})
    with pytest.raises(ValueError, match=r"ensemble has \['mean'\]"):
        build_teacher(segformer(), files, {"mean": True})


def test_members_of_other_classes_are_refused(files):
    with pytest.raises(ValueError, match="class counts differ"):
        build_teacher([segformer(2), segformer(3)], files[:2], None)


def test_each_member_gets_images_in_its_own_normalisation(files):
    other = {**segformer(), "data_preprocessor": preprocessor(mean=[1.0, 2.0, 3.0])}
    members = [segformer(), other]
    teachers = distiller(segformer(), members, teacher_checkpoint=files[:2]).teachers
    images = torch.zeros(1, 3, 4, 4)
    same, changed = (change(images) for change in teachers.renormalise)
    assert same is images
    expected = (IMAGENET["mean"][0] - 1.0) / IMAGENET["std"][0]
    torch.testing.assert_close(changed[0, 0], torch.full((4, 4), expected))


def test_members_trained_on_other_classes_are_refused(files, tmp_path):
    path = tmp_path / "other.safetensors"
    meta = {"dataset_meta": {"classes": ["splash", "background"]}}
    write_weights(build(segformer()).state_dict(), path, meta)
    teacher = build_teacher(segformer(), [files[0], str(path)], None)

    with pytest.raises(ValueError, match="classes differ"):
        teacher.load([files[0], str(path)])


def test_a_student_is_trained_by_an_ensemble(files):
    model = distiller(
        fcn(),
        segformer(),
        teacher_checkpoint=files,
        ensemble={"average": "probability", "weights": [1, 1, 2]},
    ).train()
    model.load_teacher()

    losses = losses_of(model, random_batch())
    inputs = model.data_preprocessor(random_batch(), True)["inputs"]
    alone = [build(segformer(), 10 + seed).eval() for seed in range(3)]
    outputs = [probabilities(member(inputs, mode="tensor")) for member in alone]
    expected = (outputs[0] + outputs[1] + 2 * outputs[2]) / 4
    actual = probabilities(model.teacher_logits(inputs))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-6)
    assert losses["loss_distill"] > 0
    assert not any("teacher" in name for name, _ in model.named_modules())
    model.to(torch.float64)
    for member in model.teachers.members:
        assert next(member.parameters()).dtype == torch.float64


def test_features_of_several_are_refused(files):
    loss = {"type": "FocalModulatedKDLoss", "terms": [{"type": "FeatureMSELoss"}]}

    with pytest.raises(
        ValueError, match="FeatureMSELoss compares features, which need"
    ):
        distiller(segformer(), segformer(), teacher_checkpoint=files, distill_loss=loss)
