"""Every kind of network of this repository is exported, or refused by name."""

import os
import re

import pytest

from mmseg_splashkd.deploy.exportable import check_exportable
from tests.conftest import ROOT
from tests.deploy.contract import build, check_export, check_host
from tests.deploy.families import EXPORTED, REFUSED, VARIANTS, shipped, small_model

pytest.importorskip("onnxscript", reason="no onnxscript: pip install -e '.[deploy]'")
pytest.importorskip("onnxruntime")
ALL = bool(os.environ.get("EXPORT_ALL"))  # see Case.always
CASES = EXPORTED | VARIANTS
LIBRARIES = {"TIMM": "timm", "SMP": "segmentation_models_pytorch"}
LIBRARIES |= {"Transformers": "transformers", "mmpretrain": "mmpretrain"}


pytestmark = [  # of the host, on its own modules
    pytest.mark.filterwarnings("ignore:When align_corners"),
    pytest.mark.filterwarnings("ignore:``build_pixel_sampler``"),
    pytest.mark.filterwarnings("ignore:In MMCV v1.4.4"),
]


@pytest.fixture(params=CASES, ids=lambda family: family.replace("EncoderDecoder: ", ""))
def family(request) -> str:
    """A family; its test is skipped without its library."""
    for mark, library in LIBRARIES.items():
        if mark in request.param:
            pytest.importorskip(library)
    return request.param


def test_a_family_computes_what_mmsegmentation_does_and_so_does_its_file(
    family, tmp_path
):
    deployed = build(small_model(CASES[family]))
    check_host(deployed)
    if ALL or CASES[family].always:
        check_export(deployed, tmp_path)


def test_every_config_is_of_a_family_that_is_exported_or_refused_by_name():
    found = set()
    for path, family, cfg in shipped():
        found.add(family)
        remedy = f"{path}: list it in tests/deploy/families.py and docs/deploy.md"
        assert family in EXPORTED or family in REFUSED, remedy
        if family in EXPORTED:
            check_exportable(cfg)
            continue
        with pytest.raises(ValueError, match=REFUSED[family]):
            check_exportable(cfg)
    assert found == EXPORTED.keys() | REFUSED.keys()


def test_the_table_of_the_documentation_has_every_family():
    text = (ROOT / "docs" / "deploy.md").read_text().split("## Which models")[1]
    for family in EXPORTED.keys() | REFUSED.keys():
        for part in re.findall(r"\w+(?:\.\w+)?", family):
            assert part in text, (family, part)
