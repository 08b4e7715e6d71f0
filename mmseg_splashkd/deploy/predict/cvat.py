"""Annotations for CVAT: "CVAT for images 1.1", with a mask for each blob."""

from collections.abc import Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from scipy import ndimage

from mmseg_splashkd.datasets.converters.class_names import BACKGROUND
from mmseg_splashkd.deploy.predict.tables import escaped
from mmseg_splashkd.evaluation.components import connected
from mmseg_splashkd.foreign import one_line


def cvat_document(
    pictures: Iterable[tuple[str, np.ndarray]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> str:
    """The XML that CVAT imports into a task of the same pictures and labels.

    A class of the name ``background`` has no mask: it is what no mask covers.

    Args:
        pictures: Name of each picture in the task, and its (H, W) uint8 trainIds.
        classes: Names of the C classes.
        palette: Their RGB colours in [0, 255].
    """
    images = [
        tostring(_image(number, file, labels, classes), "unicode")
        for number, (file, labels) in enumerate(pictures)
    ]
    meta = tostring(_meta(len(images), classes, palette), "unicode")
    lines = ["<annotations>", "<version>1.1</version>", meta, *images, "</annotations>"]
    return '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(lines) + "\n"


def _meta(
    count: int, classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> Element:
    meta = Element("meta")
    task = SubElement(meta, "task")
    SubElement(task, "size").text = str(count)
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    for name, colour in zip(classes, palette, strict=True):
        if name.casefold() != BACKGROUND:
            label = SubElement(labels, "label")
            SubElement(label, "name").text = name
            SubElement(label, "color").text = f"#{bytes(colour).hex()}"
            SubElement(label, "type").text = "mask"
            SubElement(label, "attributes")
    return meta


def _image(
    number: int, file: str, labels: np.ndarray, classes: Sequence[str]
) -> Element:
    height, width = map(str, labels.shape)
    picture = one_line(escaped(file))  # XML has no control characters
    about = {"id": str(number), "name": picture, "width": width, "height": height}
    image = Element("image", about)
    for class_id, name in enumerate(classes):
        if name.casefold() != BACKGROUND:
            for blob in _masks(labels == class_id):
                SubElement(image, "mask", {"label": name, **blob})
    return image


def _masks(mask: np.ndarray) -> Iterator[dict[str, str]]:
    """Attributes of each blob: its box, and run lengths in it, the first one outside.

    Rows of the box follow each other.
    """
    numbered = connected(mask)
    for number, (down, across) in enumerate(ndimage.find_objects(numbered), 1):
        inside = numbered[down, across] == number
        yield {
            "source": "auto",
            "occluded": "0",
            "rle": ", ".join(map(str, _lengths(inside.ravel()))),
            "left": str(across.start),
            "top": str(down.start),
            "width": str(inside.shape[1]),
            "height": str(inside.shape[0]),
            "z_order": "0",
        }


def _lengths(flat: np.ndarray) -> list[int]:
    """Lengths of runs that are outside and inside in turn."""
    starts = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(starts, prepend=0, append=flat.size).tolist()
