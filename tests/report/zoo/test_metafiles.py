import shutil

import pytest
import yaml
from torch import nn

from mmseg_splashkd.evaluation.complexity import Complexity
from mmseg_splashkd.report.zoo import networks
from mmseg_splashkd.report.zoo.metafiles import check_metafiles, fill_metafiles

TEXT = """\
Collections:
  - Name: A
# Kept.
Models:
  - Name: tiny
    Config: configs/x/tiny.py
    Metadata:
      Architecture: SegFormer-B0  # kept, too
      Parameters: 1
      Batch Size: 4
    Results:
      - Task: x
  - Name: other
    Metadata:
      Architecture: y
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.py").touch()
    counted = Complexity(parameters=3_715_682, gmacs=7.767_064_6, stride=4)
    monkeypatch.setattr(networks, "build", lambda _: nn.Identity())
    monkeypatch.setattr(networks, "count_segmentor", lambda *_: counted)
    (tmp_path / "metafile.yml").write_text(TEXT)
    return tmp_path


def test_a_wrong_or_missing_figure_is_named(folder):
    differences, left_out = check_metafiles([folder / "tiny.py"])
    path = folder / "metafile.yml"
    assert left_out == []
    assert differences == [
        f"{path}: tiny: Parameters is 1, counted 3715682",
        f"{path}: tiny: no GMACs at 512x512, counted 7.767",
    ]


def test_figures_are_filled_in_and_nothing_else_changes(folder):
    path = folder / "metafile.yml"
    assert fill_metafiles([folder / "tiny.py"]) == ([path], [])
    written = path.read_text()
    figures = "      Parameters: 3715682\n      GMACs at 512x512: 7.767\n"
    assert written == TEXT.replace("      Parameters: 1\n", "").replace(
        "Batch Size: 4\n", f"Batch Size: 4\n{figures}"
    )
    assert yaml.safe_load(written)["Models"][1]["Metadata"] == {"Architecture": "y"}
    assert check_metafiles([folder / "tiny.py"]) == ([], [])
    assert fill_metafiles([folder / "tiny.py"]) == ([], [])


def test_a_config_without_a_metafile_differs_and_is_not_filled(folder):
    (folder / "metafile.yml").unlink()
    assert len(check_metafiles([folder / "tiny.py"])[0]) == 2
    assert fill_metafiles([folder / "tiny.py"]) == ([], [])


def test_metadata_at_the_end_of_a_file_is_filled(folder):
    shutil.copy(folder / "tiny.py", folder / "other.py")
    fill_metafiles([folder / "other.py"])
    text = (folder / "metafile.yml").read_text()
    assert text.endswith(
        "Architecture: y\n      Parameters: 3715682\n      GMACs at 512x512: 7.767\n"
    )
