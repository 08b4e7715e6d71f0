"""Files named after frames."""

from pathlib import Path


class FrameFiles:
    """Names one PNG a frame in a folder, and refuses to give one name to two frames.

    Args:
        folder: Made if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._frames: dict[str, str] = {}

    def path_of(self, frame: str) -> Path:
        """File for the frame at path ``frame``: ``<folder>/<stem>.png``.

        Raises:
            ValueError: Another frame has the same stem.
        """
        stem = Path(frame).stem
        if self._frames.setdefault(stem, frame) != frame:
            raise ValueError(
                f"{frame} and {self._frames[stem]} would both be written to "
                f"{stem}.png: test recordings with equal time stamps one by one"
            )
        return self.folder / f"{stem}.png"
