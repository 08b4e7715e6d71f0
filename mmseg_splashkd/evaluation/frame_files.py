"""Files named after frames."""

from pathlib import Path


class FrameFiles:
    """One PNG path per frame in a folder, unique by the stem of the frame.

    Args:
        folder: Folder of the files; created if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._frames: dict[str, str] = {}

    def path_of(self, frame: str) -> Path:
        """Path of the file of the frame at path ``frame``: ``<folder>/<stem>.png``.

        Raises:
            ValueError: Another frame has the same stem.
        """
        stem = Path(frame).stem
        if self._frames.setdefault(stem, frame) != frame:
            raise ValueError(
                f"{frame} and {self._frames[stem]} would both be written to "
                f"{stem}.png: test recordings with equal time stamps separately"
            )
        return self.folder / f"{stem}.png"
