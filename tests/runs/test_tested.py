import json

from mmseg_splashkd.runs.tested import evaluate_and_record
from tests.conftest import DISTILLED


def test_record_describes_the_run(distilled, distil_options, pond):
    path = evaluate_and_record(
        DISTILLED, distilled, "kd", "Distilled", ["make demo"], distil_options
    )
    record = json.loads(path.read_text())
    assert path == distilled / "record.json"
    assert record["classes"] == ["background", "splash"]
    assert record["gray_to_train_id"] == {"0": 0, "255": 1}
    assert 0 <= record["metrics"]["Dice.splash"] <= 100
    assert record["teacher"] == json.loads((distilled / "teacher.json").read_text())
    assert 0 <= record["teacher"]["ece"] <= 1
    assert record["iterations"] == 2
    assert record["seed"] == 0
    assert record["gmacs"] > 0
    stems = sorted(file.name for file in (pond / "images").iterdir())[-3:]
    assert [frame["image"].rsplit("/", 1)[1] for frame in record["frames"]] == stems
    for frame in record["frames"]:
        assert all((pond / file).is_file() for file in frame.values())
