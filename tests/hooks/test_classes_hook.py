import pytest

from mmseg_splashkd.hooks.classes_hook import check_teacher_classes
from mmseg_splashkd.runs.train import train
from tests.conftest import DISTILLED, PLAIN, tiny_run
from tests.hooks.small_runs import small_run
from tests.models.builders import build, distiller, fcn, segformer


def named(*classes: str) -> dict:
    """Options that give all data sets of a config other classes."""
    palette = [[index + 1] * 3 for index in range(len(classes))]
    coding = {"classes": list(classes), "palette": palette}
    table = {"gray_to_train_id": {0: 0, 255: 1}, "_delete_": True}  # the name of one
    return {"label_coding": coding | table}


def test_another_number_of_classes_than_the_model_s_is_refused(pond, tmp_path):
    options = tiny_run(pond, "model") | named("background", "splash", "foam")
    message = r"model has 2 classes, the data set 3: .*foam.* decode_head\.num_classes"
    with pytest.raises(ValueError, match=message):
        train(PLAIN, tmp_path, cfg_options=options)


def test_save_best_of_a_class_that_does_not_exist_is_refused(pond, tmp_path):
    options = tiny_run(
        pond, "model", default_hooks__checkpoint__save_best="Dice.splash"
    )
    options |= named("water", "foam")
    with pytest.raises(ValueError, match=r"save_best='Dice\.splash' .*'water', 'foam'"):
        train(PLAIN, tmp_path, cfg_options=options)


def test_best_by_the_mean_fits_any_classes(tmp_path):
    run = small_run(
        build(fcn()), tmp_path, steps=1, validates=True, hooks=("ClassesHook",)
    )
    run.train()
    assert list(tmp_path.glob("best_mIoU_iter_1.pth"))


def test_a_teacher_of_other_classes_is_refused(distil_options, tmp_path):
    options = distil_options | named("water", "splash")
    with pytest.raises(ValueError, match=r"teacher_gate\.allow=\['classes'\] makes it"):
        train(DISTILLED, tmp_path, cfg_options=options)


def test_other_names_pass_if_allowed_or_mapped():
    allowed = {"teacher_gate": {"allow": ["classes"]}}
    for options in ({}, allowed, {"class_mapping": [1, 0]}):
        model = distiller(segformer(), segformer(), **options)
        model.teachers.classes = ["water", "splash"]
        check_teacher_classes(model, ["water", "splash"])
        if options:
            check_teacher_classes(model, ["splash", "water"])
        else:
            with pytest.raises(ValueError, match=r"are \['water', .* give class_map"):
                check_teacher_classes(model, ["splash", "water"])
