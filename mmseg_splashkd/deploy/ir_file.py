"""Files of OpenVINO: an ``.xml`` with the network, and a ``.bin`` with its weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mmseg_splashkd.deploy.metadata import PREFIX, DeployedMeta
from mmseg_splashkd.extras import import_extra
from mmseg_splashkd.files import file_sha256, whole_file

SECTION = "mmseg_splashkd"  # of rt_info
WEIGHTS = "weights_file_sha256"  # in ``quantised``


def weights_of(file: Path) -> Path:
    """The file of the weights."""
    return file.with_suffix(".bin")


def read_meta(file: str | Path) -> DeployedMeta:
    """The entries of a file, whose weights must lie beside it.

    Args:
        file: The ``.xml`` file.

    Raises:
        FileNotFoundError: It, or its weights, do not exist.
        ValueError: It is damaged, the weights are those of another file, or it was not
            written by ``tools/quantize.py``.
    """
    path = Path(file)
    for each in (path, weights_of(path)):
        if not each.is_file():
            raise FileNotFoundError(f"{each} does not exist")
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(
            f"{path} is no file of OpenVINO, or damaged: {error}"
        ) from error
    section = root.find(f"rt_info/{SECTION}")
    found = {} if section is None else {e.tag: e.get("value", "") for e in section}
    entries = {f"{PREFIX}.{name}": value for name, value in found.items()}
    meta = DeployedMeta.read(entries, str(path))
    if meta.quantised.get(WEIGHTS) != file_sha256(weights_of(path)):
        raise ValueError(
            f"{weights_of(path)} is damaged, or of another file than {path}: copy both "
            f"again, or quantise again"
        )
    return meta


def write(model: Any, meta: DeployedMeta, out: str | Path) -> None:
    """Write a model with its entries.

    Args:
        model: A model of OpenVINO.
        meta: Its entries.
        out: The ``.xml`` file; the ``.bin`` lies beside it.
    """
    openvino: Any = import_extra("openvino", "files of OpenVINO", "deploy")
    target = Path(out)
    with whole_file(target) as xml, whole_file(weights_of(target)) as weights:
        # The weights do not depend on the entries, which hold their hash.
        openvino.serialize(model, str(xml), str(weights))
        quantised = {**meta.quantised, WEIGHTS: file_sha256(weights)}
        for key, value in replace(meta, quantised=quantised).entries().items():
            model.set_rt_info(value, [SECTION, key.removeprefix(f"{PREFIX}.")])
        openvino.serialize(model, str(xml), str(weights))
