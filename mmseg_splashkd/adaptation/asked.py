"""What a folder of an adaptation was made for."""

import json
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.adaptation.target_frames import TargetFrames
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.files import file_sha256, read_text, write_whole

FILE = "asked.json"


def asked_of(cfg: Config, weights: Path, target: TargetFrames) -> dict[str, str]:
    """What is asked of a folder by an adaptation: name -> digest.

    Args:
        cfg: Config of the segmentor, with the length and rate of the adaptation.
        weights: Its weights before.
        target: Frames of the target.
    """
    return {
        "config, options and length": text_sha256(config_text(cfg)),
        "checkpoint": file_sha256(weights),
        "frames of the target": target.sha256,
    }


def asked_of_student(cfg: Config, weights: Path) -> dict[str, str]:
    """What is asked of a folder by a student: name -> digest.

    Args:
        cfg: Its config.
        weights: Weights of its teacher.
    """
    return {
        "student": text_sha256(config_text(cfg)),
        "method before the student": file_sha256(weights),
    }


def keep_to(folder: Path, asked: Mapping[str, str]) -> None:
    """Note what is asked of a folder, whose finished runs are not repeated.

    Args:
        folder: Folder of configs and runs.
        asked: What is asked: name -> digest. What else was asked before stays.

    Raises:
        ValueError: Something else was asked by one of these names; the message has it.
    """
    file = folder / FILE
    before = json.loads(read_text(file)) if file.is_file() else {}
    others = [name for name, each in asked.items() if before.get(name, each) != each]
    if others:
        raise ValueError(
            f"{folder} holds an adaptation with other {', '.join(others)}: give "
            f"another --work-dir, or remove it"
        )
    write_whole(file, json.dumps({**before, **asked}, indent=1) + "\n")
