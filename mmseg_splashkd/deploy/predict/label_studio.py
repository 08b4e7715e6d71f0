"""Tasks for Label Studio, with predictions as brush regions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from mmseg_splashkd.datasets.converters.class_names import BACKGROUND
from mmseg_splashkd.datasets.converters.label_studio_runs import encode_mask
from mmseg_splashkd.deploy.predict.tables import escaped

LOCAL = "/data/local-files/?d="
FROM, TO, KEY = "label", "image", "image"  # names in the labelling interface


def label_studio_task(
    file: str,
    labels: np.ndarray,
    classes: Sequence[str],
    row: Mapping[str, Any],
    model: str,
    url: str = LOCAL,
) -> str:
    """A task of one picture, whose prediction has a brush region for each class.

    A class of the name ``background`` has none: it is what no region covers.

    Args:
        file: Path of the picture, as Label Studio finds it after ``url``.
        labels: (H, W) uint8 trainIds.
        classes: Names of the C classes.
        row: Figures of the picture, see ``Prediction.row``.
        model: Name of the model.
        url: What precedes the path in the task.

    Returns:
        JSON, without line breaks.
    """
    drawn = [
        _region(mask, name, row[f"confidence_{name}"])
        for class_id, name in enumerate(classes)
        if name.casefold() != BACKGROUND and (mask := labels == class_id).any()
    ]
    prediction = {"model_version": model, "result": drawn, **_score(row["confidence"])}
    image = url + quote(escaped(file))
    return json.dumps({"data": {KEY: image}, "predictions": [prediction]})


def _score(score: float | None) -> dict[str, float]:
    """None of a mask that somebody has corrected."""
    return {} if score is None else {"score": score}


def _region(mask: np.ndarray, name: str, score: float | None) -> dict[str, Any]:
    height, width = mask.shape
    return {
        "id": name,
        "type": "brushlabels",
        "from_name": FROM,
        "to_name": TO,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        **_score(score),
        "value": {"format": "rle", "rle": encode_mask(mask), "brushlabels": [name]},
    }
