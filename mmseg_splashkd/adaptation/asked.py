"""What a folder of an adaptation was made for."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_splashkd.adaptation.target_frames import TargetFrames
from mmseg_splashkd.config.text import config_text, text_sha256
from mmseg_splashkd.files import file_sha256, read_text, write_whole

FILE = "asked.json"


def asked_of(
    configs: Sequence[Config], weights: Path, target: TargetFrames, stops: bool
) -> dict[str, str]:
    """What is asked of a folder by an adaptation: name -> digest.

    Args:
        configs: Configs of the segmentor, with the schedule of the adaptation and with
            its own.
        weights: Its weights before.
        target: Frames of the target.
        stops: Whether their labels choose among weights.
    """
    asked = {
        "config, options and length": text_sha256("".join(map(config_text, configs))),
        "checkpoint": file_sha256(weights),
        "frames of the target": target.sha256,
    }
    return asked | ({"labels of the target": target.labels_sha256} if stops else {})


def asked_of_student(cfg: Config, method: str) -> dict[str, str]:
    """What is asked of a folder by a student: name -> digest.

    Args:
        cfg: Its config.
        method: Method by which its teacher is adapted.
    """
    return {f"student of {method}": text_sha256(config_text(cfg))}


def keep_to(folder: Path, asked: Mapping[str, str]) -> None:
    """Note what is asked of a folder, whose finished runs are not repeated.

    Args:
        folder: Folder of configs and runs.
        asked: What is asked: name -> digest. What else was asked before stays.

    Raises:
        ValueError: As of ``check_asked``.
    """
    before = check_asked(folder, asked)
    write_whole(folder / FILE, json.dumps({**before, **asked}, indent=1) + "\n")


def check_asked(folder: Path, asked: Mapping[str, str]) -> dict[str, str]:
    """Compare what is asked of a folder with what was asked before, which it returns.

    Args:
        folder: Folder of configs and runs.
        asked: What is asked: name -> digest.

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
    return before
