"""A tiny network is adapted to a drawn farm B, from its folder to the words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmseg_splashkd.adaptation import steps
from mmseg_splashkd.adaptation.adapt import Adapted, adapt
from mmseg_splashkd.adaptation.command import adapt_and_tell
from mmseg_splashkd.adaptation.config_file import write_method, write_plain
from mmseg_splashkd.adaptation.methods import METHODS
from mmseg_splashkd.adaptation.steps import WHOLE, Steps, chain
from mmseg_splashkd.adaptation.summary import UNKNOWN, described, judged
from mmseg_splashkd.adaptation.target_frames import list_target
from mmseg_splashkd.checkpoint import find_checkpoint, read_checkpoint
from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.datasets.split_table import read_table, write_table
from mmseg_splashkd.datasets.synthetic import draw_pond
from mmseg_splashkd.datasets.timestamps import timestamp_format
from mmseg_splashkd.models.teacher.gate import PoorTeacherError
from tests.conftest import BEST, CONFIGS, PLAIN, tiny_run
from tests.test_mmseg_api import config_of
from tests.tools import status_of

pytestmark = pytest.mark.filterwarnings("ignore:Failed to add <class:UserWarning")
FRAMES = 20
SECONDS = timestamp_format("seconds-nanoseconds")


@pytest.fixture(scope="module")
def farm_b(tmp_path_factory) -> Path:
    """Frames of farm B without labels; those are in another folder beside it."""
    drawn = tmp_path_factory.mktemp("b") / "drawn"
    draw_pond(drawn, frames=FRAMES, size=(64, 80), seed=2, farm="B", progress=False)
    (drawn / "labels").rename(drawn.parent / "labels")
    return drawn


def given(run: Path) -> tuple[str, str]:
    return str(config_of(run)), str(run / BEST)


@pytest.fixture(scope="module")
def adapted(teacher, farm_b, tmp_path_factory) -> Adapted:
    folder = tmp_path_factory.mktemp("adapted")
    config, weights = given(teacher)
    return adapt(config, weights, farm_b, folder, "mean-teacher", length=2)


def test_weights_fit_the_segmentor_and_are_others(adapted, teacher):
    own = read_checkpoint(find_checkpoint(given(teacher)[1]))["state_dict"]
    new = read_checkpoint(adapted.weights)["state_dict"]
    assert new.keys() == own.keys()
    assert any(not torch.equal(value, own[name]) for name, value in new.items())


def test_all_frames_of_the_target_are_looked_at(adapted):
    assert len(adapted.after.frames) == len(set(adapted.after.frames)) == FRAMES
    assert adapted.target.labelled == []
    np.testing.assert_allclose(adapted.after.shares.sum(1), 1)
    before = adapted.before.pixels  # the network at the start, with itself
    assert before[0, 1] == before[1, 0] == 0
    table = adapted.target.table(adapted.weights.parents[1])
    assert {frame.split for frame in read_table(table)} == {"train"}


def test_words_never_claim_accuracy(adapted):
    text = "\n".join([*described(adapted), *judged(adapted)])
    assert "mean-teacher: labels of a moving average" in text
    assert f"Frames of the target: {FRAMES}" in text
    assert UNKNOWN in text
    assert "Dice" not in text


def test_statistics_change_nothing_but_statistics(teacher, farm_b, tmp_path, capsys):
    config, weights = given(teacher)
    adapt_and_tell(config, weights, farm_b, tmp_path, method="adabn")
    own = read_checkpoint(find_checkpoint(weights))
    new = read_checkpoint(tmp_path / "weights_adabn.safetensors")
    changed = {
        name.rpartition(".")[2]
        for name, value in new["state_dict"].items()
        if not torch.equal(value, own["state_dict"][name])
    }
    assert changed <= {"running_mean", "running_var", "num_batches_tracked"}
    assert "running_mean" in changed
    assert new["meta"] == own["meta"]
    assert "adabn: statistics of batch norms" in capsys.readouterr().out
    assert (tmp_path / "shares.svg").is_file()


def test_labels_of_the_target_score_when_asked(teacher, farm_b, tmp_path, capsys):
    target = tmp_path / "target"
    target.mkdir()
    (target / "images").symlink_to(farm_b / "images")
    (target / "labels").symlink_to(farm_b.parent / "labels")
    config, weights = given(teacher)
    words = (config, weights, "--target", target, "--work-dir", tmp_path)
    assert not status_of("adapt.py", *words, "--method", "adabn", "--score")
    told = capsys.readouterr().out
    assert f"{FRAMES} frames of the target have a label, which was not used" in told
    assert "Dice" in told
    assert not any(frame.label for frame in read_table(tmp_path / "target.csv"))
    assert (tmp_path / "after.npz").is_file()


def test_labels_of_the_target_score_a_student_at_its_threshold(
    teacher, farm_b, pond, tmp_path, capsys, no_gate
):
    target = tmp_path / "target"
    target.mkdir()
    (target / "images").symlink_to(farm_b / "images")
    (target / "labels").symlink_to(farm_b.parent / "labels")
    config, weights = given(teacher)
    small = {"student": str(PLAIN), "student_options": tiny_run(pond, "model")}
    adapt_and_tell(config, weights, target, tmp_path, "adabn", 2, True, **small)
    point = read_checkpoint(tmp_path / "weights_student_adabn.safetensors")["meta"][
        "operating_point"]  # fmt: skip
    assert (tmp_path / "after_student.npz").is_file()
    assert f"p >= {point['threshold']:.2f}, where Dice" in capsys.readouterr().out


def test_labelled_frames_may_say_when_to_stop(teacher, farm_b, tmp_path, capsys):
    target = tmp_path / "target"
    target.mkdir()
    (target / "images").symlink_to(farm_b / "images")
    (target / "labels").mkdir()
    labels = sorted((farm_b.parent / "labels").rglob("*.png"))
    for each in labels[::2]:
        (target / "labels" / each.name).symlink_to(each)
    config, weights = given(teacher)
    folder = tmp_path / "run"
    words = (config, weights, "--target", target, "--work-dir", folder, "--length", 4)
    stop = (*words, "--stop-on-labels")
    assert not status_of("adapt.py", *stop, "--method", "minent")
    told = capsys.readouterr().out
    assert "10 frames of the target have a label, which chose among up to eight" in told
    (kept,) = (folder / "minent").glob("weights_*_best.safetensors")
    assert f"{kept}" in told
    meta = read_checkpoint(kept)["meta"]
    assert meta["operating_point"]["frames"] == 10
    cfg = read_config(folder / "minent.py")
    assert cfg.train_cfg.val_interval == 1
    trained, chosen = (
        {frame.stem for frame in read_table(folder / f"{name}.csv")}
        for name in ("target", "target_labelled")
    )
    assert chosen == {each.stem for each in labels[::2]}
    assert trained == {each.stem for each in labels[1::2]}
    first = read_config(folder / "plain.py")
    assert first.val_dataloader.dataset.split_table.endswith("target_labelled.csv")
    (target / "labels" / labels[1].name).symlink_to(labels[1])
    with pytest.raises(ValueError, match="with other labels of the target: give anot"):
        adapt(config, weights, target, folder, "minent", 4, stops=True)
    for each in labels[3::2]:
        (target / "labels" / each.name).symlink_to(each)
    with pytest.raises(
        ValueError, match=r"every frame of .* has a label, and labelled"
    ):
        adapt(config, weights, target, tmp_path / "b", "minent", 4, stops=True)
    assert not (tmp_path / "b").exists()
    with pytest.raises(ValueError, match="adabn trains nothing that --stop-on-labels"):
        adapt(config, weights, target, tmp_path / "a", "adabn", stops=True)
    with pytest.raises(ValueError, match="other config, options and length"):
        adapt(config, weights, target, folder, "minent", 4)  # the last ones


def test_pictures_need_neither_times_nor_a_folder_of_images(teacher, farm_b, tmp_path):
    target = tmp_path / "pictures"
    target.mkdir()
    images, labels = (
        sorted((folder / kind).rglob("*.png"))
        for folder, kind in ((farm_b, "images"), (farm_b.parent, "labels"))
    )
    (target / "labels").mkdir()
    for number in range(3):
        (target / f"shot {number}.png").symlink_to(images[number])
    (target / "labels" / "shot 1.png").symlink_to(labels[1])
    config, weights = given(teacher)
    found = adapt(config, weights, target, tmp_path / "run", method="adabn")
    assert len(found.after.frames) == 3  # a label is no frame
    assert [frame.stem for frame in found.target.labelled] == ["shot 1"]
    assert not any(frame.has_time for frame in found.target.frames)


def test_options_are_of_the_source(teacher, farm_b, pond, tmp_path):
    config, weights = given(teacher)
    own = tmp_path / "source"
    own.symlink_to(pond)
    options = {"data_root": str(own), "train_dataloader.batch_size": 1}
    adapt(config, weights, farm_b, tmp_path / "run", "minent", 2, options)
    (record,) = (tmp_path / "run").glob("minent/*.py")
    cfg = read_config(record)
    pair = cfg.train_dataloader.dataset.dataset
    assert (pair.source.data_root, pair.target.data_root) == (str(own), "")
    assert pair.target.split_table == str(tmp_path / "run" / "target.csv")
    assert cfg.train_dataloader.batch_size == 1
    whole = read_config(config)
    assert cfg.optim_wrapper.optimizer.lr == whole.optim_wrapper.optimizer.lr / 4
    again = read_config(tmp_path / "run" / "minent.py")  # the published command
    assert again.train_cfg.max_iters == cfg.train_cfg.max_iters == 2
    assert again.optim_wrapper.optimizer == cfg.optim_wrapper.optimizer


def test_a_student_learns_from_the_adapted_network(
    teacher, farm_b, pond, tmp_path, capsys, no_gate
):
    config, weights = given(teacher)
    options = tiny_run(pond, "model")
    small = {"student": str(PLAIN), "student_options": options}
    adapt_and_tell(config, weights, farm_b, tmp_path, "adabn", 2, **small)
    told = capsys.readouterr().out
    assert "Student, taught on the frames of both cameras" in told
    assert f"on {FRAMES} frames of the target; no label was used" in told
    cfg = read_config(tmp_path / "student_adabn.py")
    assert cfg.model.teacher_checkpoint == str(tmp_path / "weights_adabn.safetensors")
    source, target = cfg.train_dataloader.dataset.dataset.datasets
    assert (source.data_root, target.unlabelled) == (str(pond), "all")
    assert cfg.train_dataloader.sampler.unlabelled_share == 0.5
    assert cfg.train_cfg == read_config(PLAIN, options).train_cfg  # its own schedule
    (run,) = (tmp_path / "student_adabn").glob("weights_*_last.safetensors")
    own, new = (read_checkpoint(f)["meta"] for f in (
        run, tmp_path / "weights_student_adabn.safetensors"))  # fmt: skip
    assert own["operating_point"]["frames"] != FRAMES  # of the source
    assert new["operating_point"]["frames"] == FRAMES
    assert {**own, "operating_point": 0} == {**new, "operating_point": 0}
    began = (tmp_path / "student_adabn").stat().st_mtime_ns
    adapt_and_tell(config, weights, farm_b, tmp_path, "adabn", 2, **small)
    assert (tmp_path / "student_adabn").stat().st_mtime_ns == began  # not trained again
    other = {**small, "student_options": {**options, "max_iters": 3}}
    with pytest.raises(
        ValueError, match="adaptation with other student of adabn: give"
    ):
        adapt_and_tell(config, weights, farm_b, tmp_path, "adabn", 2, **other)


@pytest.fixture
def no_gate(monkeypatch) -> None:
    """Let a teacher of two iterations teach."""
    train_once = steps.train_once
    gate = {"model.teacher_gate.allow": ["floor"]}

    def ungated(file: str, folder: Path, name: str, options: dict) -> None:
        distils = "teacher_checkpoint" in Path(file).read_text()
        train_once(file, folder, name, options | (gate if distils else {}))

    monkeypatch.setattr(steps, "train_once", ungated)


def test_a_poor_teacher_teaches_where_it_is_asked_for(
    teacher, farm_b, pond, tmp_path, monkeypatch
):
    config, weights = given(teacher)
    small = {"student": str(PLAIN), "student_options": tiny_run(pond, "model")}
    whole = {"model.decode_head.dropout_ratio": 0.0}
    given_again = (config, weights, farm_b, tmp_path, "minent", 2, False, whole)
    monkeypatch.setattr("mmseg_splashkd.models.teacher.gate.SMALLEST_GAIN", 0.99)
    with pytest.raises(PoorTeacherError) as error:
        adapt_and_tell(*given_again, **small)
    command = str(error.value).partition("python tools/train.py ")[2].split()
    assert not status_of("train.py", *command)
    adapt_and_tell(*given_again, **small)
    assert (tmp_path / "weights_student_minent.safetensors").is_file()


def test_later_stages_teach_a_new_network(teacher, farm_b, tmp_path, no_gate):
    config, weights = given(teacher)
    assert [*chain("proda-3")] == ["adaptsegnet", "proda", "proda-2", "proda-3"]
    folder = tmp_path / "run"
    cfg = read_config(config)
    folder.mkdir()
    write_plain(folder / WHOLE, cfg)
    write_table(tmp_path / "b.csv", list_target(farm_b, SECONDS).frames)
    first = find_checkpoint(weights)
    second = Steps(folder, tmp_path / "b.csv").take("proda-2", first)
    assert second.parent == folder / "proda-2"
    own = read_config(folder / "proda-2.py")
    assert own.model.teacher_checkpoint == str(first)
    assert own.model.student == cfg.model
    assert [term.type for term in own.model.distill_loss.terms] == [
        "HardLabelLoss", "KLDLoss"]  # fmt: skip
    assert own.train_cfg == cfg.train_cfg
    assert read_checkpoint(second)["state_dict"].keys() == (
        read_checkpoint(first)["state_dict"].keys()
    )


def test_a_student_that_cannot_be_is_refused_at_once(
    teacher, distilled, farm_b, pond, tmp_path
):
    config, weights = given(teacher)
    folder = tmp_path / "run"
    options = tiny_run(pond, "model")

    def refused(match: str, student: Any, **more: Any) -> None:
        more = {**options, **more}
        with pytest.raises(ValueError, match=match):
            adapt_and_tell(config, weights, farm_b, folder, "adabn", 2,
                           student=str(student), student_options=more)  # fmt: skip
        assert not folder.exists()

    refused("--student .* has the classes", CONFIGS / "study" / "study_camvid_b0.py")
    share = {"train_dataloader.sampler.focus_share": 0.5}
    refused("focus_share=0.5 of .* leaves no share for the target", PLAIN, **share)
    share = {"train_dataloader.sampler.unlabelled_share": 0.3}
    refused("unlabelled_share=0.3 of .* which has 0.5: set it", PLAIN, **share)
    more = {"train_dataloader.dataset.dataset.unlabelled": "include"}
    refused("unlabelled='include' of the frames of .* place of those", PLAIN, **more)
    plain = {"train_dataloader.sampler": {"_delete_": True, "type": "InfiniteSampler"}}
    refused("has a InfiniteSampler, and half of the frames", PLAIN, **plain)
    rare = {"train_dataloader.sampler": {"_delete_": True, "type": "RareClassSampler"}}
    refused("has a RareClassSampler, and half of the frames", PLAIN, **rare)
    with pytest.raises(ValueError, match="give the plain config"):
        adapt_and_tell(config, weights, farm_b, folder, "adabn", 2,
                       student=str(config_of(distilled)))  # fmt: skip
    assert status_of("adapt.py", config, weights, "--target", farm_b,
                     "--student-options", "max_iters=2") == 2  # fmt: skip


def test_a_folder_is_of_one_adaptation(teacher, farm_b, tmp_path):
    config, weights = given(teacher)
    adapt(config, weights, farm_b, tmp_path, method="adabn", length=2)
    adapt(config, weights, farm_b, tmp_path, method="adabn", length=2)
    with pytest.raises(ValueError, match="other config, options and length: give"):
        adapt(config, weights, farm_b, tmp_path, method="adabn", length=1)
    # As long as the adaptation would be, but not as a new network that is taught.
    half = read_config(config).train_cfg.max_iters // 2
    adapt(config, weights, farm_b, tmp_path / "half", method="adabn", length=half)
    with pytest.raises(ValueError, match="other config, options and length: give"):
        adapt(config, weights, farm_b, tmp_path / "half", method="adabn")
    few = tmp_path / "few"
    few.mkdir()
    (few / "a.png").symlink_to(min((farm_b / "images").rglob("*.png")))
    with pytest.raises(ValueError, match="with other frames of the target: give"):
        adapt(config, weights, few, tmp_path, method="adabn", length=2)


def refused(match: str, *args: Any, error: type = ValueError, **options: Any) -> None:
    with pytest.raises(error, match=match):
        adapt(*args, **options)


def test_rare_classes_are_drawn_more_often_by_a_method(teacher, farm_b, tmp_path):
    config, weights = given(teacher)
    name = "mean-teacher-rare"
    plain = {"train_dataloader.sampler": {"_delete_": True, "type": "InfiniteSampler"}}
    refused("has no ViewSampler, of which a RareClassSampler is one", config, weights,
            farm_b, tmp_path, name, cfg_options=plain)  # fmt: skip
    seeded = {"train_dataloader.sampler.view_seed": 3}
    adapt(config, weights, farm_b, tmp_path, name, 2, cfg_options=seeded)
    written = read_config(str(tmp_path / f"{name}.py"))
    sampler = {"type": "RareClassSampler", "temperature": 0.5, "view_seed": 3}
    assert dict(written.train_dataloader.sampler) == sampler
    assert list(tmp_path.glob(f"{name}/weights_*_last.safetensors"))


def test_methods_with_discriminators_have_their_optimizer(tmp_path):
    for name in ("minent-advent", "adaptsegnet-bce", "minent"):
        file = tmp_path / f"{name}.py"
        write_method(file, tmp_path, tmp_path, METHODS[name].config or {})
        assert ("AdaptationOptimConstructor" in file.read_text()) == (name != "minent")


def test_bad_input_is_refused_at_once(
    teacher, distilled, farm_b, tmp_path, monkeypatch
):
    monkeypatch.setattr("mmseg_splashkd.adaptation.adapt.shipped_evidence", list)
    config, weights = given(teacher)
    folder, empty = tmp_path / "run", tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").touch()
    refused("is no folder", config, weights, tmp_path / "none", folder, "minent",
            error=FileNotFoundError)  # fmt: skip
    refused("holds no picture: 1 .txt", config, weights, empty, folder, "minent")
    refused("method='ttt' is none of adabn", config, weights, farm_b, folder, "ttt")
    refused("length=0 must be at least 1", config, weights, farm_b, folder, "minent",
            length=0)  # fmt: skip
    refused("no method has been shown to help", config, weights, farm_b, folder)
    refused("give the plain config", *given(distilled), farm_b, folder, "minent")
    refused("does not exist", config, "none.pth", farm_b, folder, "minent",
            error=FileNotFoundError)  # fmt: skip
    assert not list(folder.glob("*/"))


def test_scores_need_labels(teacher, farm_b, tmp_path):
    config, weights = given(teacher)
    with pytest.raises(ValueError, match="--score needs labelled frames"):
        adapt_and_tell(config, weights, farm_b, tmp_path, method="adabn", scored=True)
    assert not list(tmp_path.iterdir())  # before anything is done
