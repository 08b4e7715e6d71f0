"""Predictions of pictures: in Python, and as files in a folder."""

from mmseg_splashkd.deploy.predict.blobs import Blob
from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.predict.prediction import Prediction
from mmseg_splashkd.deploy.predict.predictions import Predictions

__all__ = ["Blob", "Prediction", "Predictions", "SplashModel"]
