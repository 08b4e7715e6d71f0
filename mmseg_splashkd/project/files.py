"""Files of a project: three configs and a README beside its plan."""

import os
from pathlib import Path

from mmseg_splashkd.files import write_whole
from mmseg_splashkd.shipped import CONFIGS

BASES = CONFIGS / "_base_"
STUDENT = "segformer_b0"
TEACHERS = tuple(f"segformer_b{n}" for n in range(1, 6))

PLAIN = """\
# {what}
#   python tools/train.py {folder}/{stem}.py
_base_ = ["{base}/models/{model}.py", "{base}/project.py"]
from mmseg_splashkd.project import settings

size = None  # width, height of the network's input; None: that of plan.json
max_iters = None  # None: that of plan.json
locals().update(settings("{{{{fileDirname}}}}/plan.json", size, max_iters))
{weights}
work_dir = "{{{{fileDirname}}}}/runs/{stem}"
"""
FROM_SCRATCH = (
    'model["backbone"] = dict(init_cfg=None)  # no download; --pretrained keeps'
)
DISTILLED = """\
# The student, taught by labels and by the teacher: train teacher.py first.
#   python tools/train.py {folder}/distilled.py
_base_ = ["./plain.py", "{base}/losses/ce_kl.py"]
from mmengine import Config

distil = dict(_delete_=True, type="DistillSegmentor", student=_base_.model)
distil["teacher"] = Config.fromfile("{{{{fileDirname}}}}/teacher.py").model
weights = "{{{{fileDirname}}}}/runs/teacher/weights_*_best.safetensors"
distil["distill_loss"] = _base_.pop("distill_loss")
model = dict(distil, teacher_checkpoint=weights)
{frames}work_dir = "{{{{fileDirname}}}}/runs/distilled"
"""
ALL_FRAMES = """\
# Half of each batch are frames without a label, on which the teacher alone teaches.
train_dataloader = dict(sampler=dict(unlabelled_share=0.5))
train_dataloader["dataset"] = dict(dataset=dict(unlabelled="include"))
"""
COMMANDS = """\
python tools/train.py {folder}/teacher.py
python tools/train.py {folder}/plain.py
python tools/train.py {folder}/distilled.py
python tools/test.py {folder}/plain.py '{folder}/runs/plain/weights_*_best.safetensors'
python tools/test.py {folder}/distilled.py \
'{folder}/runs/distilled/weights_*_best.safetensors'
python tools/report.py {folder}/runs --out {folder}/report.html
"""


def shown(path: str | Path) -> str:
    """A path as one types it here: relative if it lies below the working directory."""
    relative = Path(os.path.relpath(path))
    return Path(path).as_posix() if ".." in relative.parts else relative.as_posix()


def commands(folder: Path) -> str:
    """Commands that train, test and report the project, one per line."""
    return COMMANDS.format(folder=shown(folder))


def write_configs(
    folder: Path, teacher: str, pretrained: bool, unlabelled: bool
) -> list[Path]:
    """Write teacher.py, plain.py and distilled.py, of at most 14 lines each.

    Bases are named relative to the project inside the checkout of this repository, and
    by their absolute path elsewhere.

    Args:
        folder: Folder of the project.
        teacher: Model of the teacher, one of ``TEACHERS``.
        pretrained: Keep the download of pretrained weights.
        unlabelled: Whether there are training frames with and without a label.
    """
    inside = folder.resolve().is_relative_to(BASES.parents[1])
    base = os.path.relpath(BASES, folder.resolve()) if inside else str(BASES)
    common = {
        "folder": shown(folder),
        "base": Path(base).as_posix(),
        "weights": "# pretrained weights: downloaded once"
        if pretrained
        else FROM_SCRATCH,
    }
    texts = {
        "teacher": PLAIN.format(
            **common, stem="teacher", model=teacher, what=f"The teacher: {teacher}."
        ),
        "plain": PLAIN.format(
            **common,
            stem="plain",
            model=STUDENT,
            what=f"The student, taught by labels alone: {STUDENT}.",
        ),
        "distilled": DISTILLED.format(
            **common, frames=ALL_FRAMES if unlabelled else ""
        ),
    }
    return [write_whole(folder / f"{stem}.py", text) for stem, text in texts.items()]
