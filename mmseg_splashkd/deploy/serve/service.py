"""The model of a server, and what it says of itself."""

from dataclasses import dataclass
from typing import Any

from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.watch.measure import class_of, decision_of
from mmseg_splashkd.evaluation.events import EventSettings
from mmseg_splashkd.limits import PIXELS
from mmseg_splashkd.version import __version__


@dataclass(frozen=True)
class Service:
    """A model and how it is asked.

    Args:
        model: The model.
        name: Its name, without its folder.
        class_name: Class that is watched where a request names none; None: the last
            one.
        settings: When a series of shares is an event, where a request says nothing.
        bounds: Limits.

    Raises:
        ValueError: The model has no such class.
    """

    model: SplashModel
    name: str
    class_name: str | None
    settings: EventSettings
    bounds: Bounds

    def __post_init__(self) -> None:
        class_of(self.model, self.class_name)

    @property
    def decision(self) -> str:
        """What decides that a pixel is of the class that is watched."""
        return decision_of(self.model, class_of(self.model, self.class_name))

    def about(self) -> dict[str, Any]:
        """What it is, as JSON values."""
        model, bounds = self.model, self.bounds
        return {
            "model": self.name,
            "engine": model.engine.name,
            "classes": list(model.classes),
            "class": model.classes[class_of(model, self.class_name)],
            "operating_point": dict(model.engine.meta.thresholds),
            "decision": self.decision,
            "settings": self.settings.as_json(),
            "limits": {
                "upload_bytes": bounds.upload_bytes,
                "upload_seconds": bounds.upload_seconds,
                "pixels": PIXELS.value,
                "video_seconds": bounds.video_seconds,
                "video_frames": bounds.video_frames,
                "waiting": bounds.waiting,
            },
            "version": __version__,
        }
