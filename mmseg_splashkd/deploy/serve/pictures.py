"""What is answered of a picture."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_splashkd.datasets.mask_coding import code_mask
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.predict.sources import read_picture
from mmseg_splashkd.deploy.serve.refusal import refusal_of


def predict_picture(model: SplashModel, path: Path) -> Prediction:
    """Predict a picture as ``tools/predict.py`` does.

    Args:
        model: The model.
        path: The upload.

    Raises:
        RefusedError: It is no picture, is damaged or has too many pixels.
        ValueError: Probabilities are not finite, which is a fault of the model.
    """
    try:
        frame = read_picture(path)
    except (OSError, ValueError) as error:
        raise refusal_of(error, path.parent) from error
    return model.predict_frame(frame, path.name)


def picture_values(
    prediction: Prediction, coding: str, with_overlay: bool
) -> dict[str, Any]:
    """A prediction as JSON values.

    Args:
        prediction: The prediction.
        coding: Pixel values of the mask, one of ``MASK_CODINGS``.
        with_overlay: Whether to add the picture with the classes over it.

    Returns:
        Figures by name, of each class by its name: those of ``Prediction.row``.
        ``mask`` and ``overlay`` are PNG files in base64.
    """
    row, classes = prediction.row(), prediction.coding.classes
    values: dict[str, Any] = {
        "width": row["width"],
        "height": row["height"],
        "classes": list(classes),
        "confidence": row["confidence"],
    }
    for figure in ("share", "area", "blobs"):
        values[figure] = {name: row[f"{figure}_{name}"] for name in classes}
    values["class_confidence"] = {n: row[f"confidence_{n}"] for n in classes}
    values["coding"] = coding
    values["mask"] = in_base64(mask_png(prediction, coding))
    if with_overlay:
        values["overlay"] = in_base64(png(prediction.draw()))
    return values


def mask_png(prediction: Prediction, coding: str) -> bytes:
    """The mask as a PNG file, as ``Prediction.save`` writes it."""
    return png(code_mask(prediction.labels, coding, prediction.coding))


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of pixels (H, W) or (H, W, 3) uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def in_base64(content: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(content).decode()
