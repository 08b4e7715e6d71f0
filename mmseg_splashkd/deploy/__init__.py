"""From trained weights to a file that runs without MMSegmentation, and to masks."""

from mmseg_splashkd.deploy.predict import Blob, Prediction, Predictions, SplashModel

__all__ = ["Blob", "Prediction", "Predictions", "SplashModel"]
