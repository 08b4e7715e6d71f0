"""What a folder of an adaptation was made for."""

import json
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.adaptation.target_frames import TargetFrames
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.files import file_sha256, read_text, write_whole

FILE = "asked.json"


def keep_to_one(folder: Path, cfg: Config, weights: Path, target: TargetFrames) -> None:
    """Note what is asked of a folder, whose finished runs are not repeated.

    Args:
        folder: Folder of configs and runs.
        cfg: Config of the segmentor, with the length and rate of the adaptation.
        weights: Its weights before.
        target: Frames of the target.

    Raises:
        ValueError: Something else was asked of it before; the message names what.
    """
    asked = {
        "config, options and length": text_sha256(config_text(cfg)),
        "checkpoint": file_sha256(weights),
        "frames of the target": target.sha256,
    }
    file = folder / FILE
    if file.is_file():
        before = json.loads(read_text(file))
        others = [name for name, each in asked.items() if before.get(name) != each]
        if others:
            raise ValueError(
                f"{folder} holds an adaptation with other {', '.join(others)}: give "
                f"another --work-dir, or remove it"
            )
    write_whole(file, json.dumps(asked, indent=1) + "\n")
