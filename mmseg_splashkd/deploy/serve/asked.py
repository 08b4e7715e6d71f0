"""What is asked of a video, by the fields of a form."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mmseg_splashkd.deploy.predict.model import SplashModel
from mmseg_splashkd.deploy.serve.refusal import OPTION, UNREADABLE, RefusedError
from mmseg_splashkd.deploy.watch.measure import class_of
from mmseg_splashkd.deploy.watch.selection import Selection
from mmseg_splashkd.evaluation.events import EventSettings

SETTINGS = ("on", "off", "min_seconds", "gap_seconds")
FIELDS = (*SETTINGS, "class", "every", "recording", "start")
RECORDING = "video"  # the file of the client has no name here


@dataclass(frozen=True)
class AskedOfVideo:
    """What is asked of a video.

    Args:
        settings: When a series of shares is an event.
        class_id: trainId of the class that is watched.
        selection: Which frames are taken.
        recording: Name of the recording in the events.
        start: Time of the first frame, see ``VideoSource``.
    """

    settings: EventSettings
    class_id: int
    selection: Selection
    recording: str
    start: str | None

    @classmethod
    def of(
        cls,
        fields: Mapping[str, str],
        model: SplashModel,
        class_name: str | None,
        settings: EventSettings,
    ) -> "AskedOfVideo":
        """Read the fields of a form.

        Args:
            fields: Texts by name, of ``FIELDS``.
            model: The model.
            class_name: Class that is watched where no field names one.
            settings: Settings that hold where no field names another value.

        Raises:
            RefusedError: A value is invalid.
        """
        numbers = {
            name: _number(name, fields[name]) for name in SETTINGS if name in fields
        }
        try:
            return cls(
                replace(settings, **numbers),
                class_of(model, fields.get("class", class_name)),
                Selection.of(fields.get("every"), None, None),
                fields.get("recording", RECORDING),
                fields.get("start"),
            )
        except ValueError as error:
            raise RefusedError(UNREADABLE, OPTION.sub("", str(error))) from error


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RefusedError(UNREADABLE, f"{name}={text!r}: give a number") from error
