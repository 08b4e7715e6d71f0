import pytest

from mmseg_splashkd.runs.train import train
from tests.conftest import DISTILLED, PLAIN, tiny_run


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


def test_best_by_a_class_that_is_not_there_is_refused(pond, tmp_path):
    options = tiny_run(pond, "model") | named("water", "foam")
    with pytest.raises(ValueError, match=r"save_best='Dice\.splash' .*'water', 'foam'"):
        train(PLAIN, tmp_path, cfg_options=options)


def test_best_by_the_mean_suits_any_classes(pond, tmp_path):
    options = tiny_run(pond, "model", default_hooks__checkpoint__save_best="mIoU")
    train(PLAIN, tmp_path, cfg_options=options | named("water", "foam"))
    assert (tmp_path / "best_mIoU_iter_2.pth").is_file()


def test_teacher_of_other_classes_teaches_where_allowed(distil_options, tmp_path):
    options = distil_options | named("water", "splash")
    with pytest.raises(ValueError, match=r"teacher_gate\.allow=\['classes'\] makes it"):
        train(DISTILLED, tmp_path / "strict", cfg_options=options)
    allowed = options | {"model.teacher_gate.allow": ["classes"]}
    train(DISTILLED, tmp_path / "lenient", cfg_options=allowed)
    assert (tmp_path / "lenient" / "iter_2.pth").is_file()
    (log,) = (tmp_path / "lenient").glob("2*/*.log")
    assert "WARNING - the teacher's classes are ['background', 's" in log.read_text()
