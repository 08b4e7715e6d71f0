"""Steps of other distillation libraries, around the models of distill_step.py.

MMRazor, torchdistill and CIRKD are neither dependencies nor copied: put them on the
path and name them.

    pip install --no-deps --target peers mmrazor==1.0.0 torchdistill==1.1.5 ordered-set
    git clone https://github.com/winycg/CIRKD peers/cirkd  # measured: dab64db
    PYTHONPATH=peers:peers/cirkd python benchmarks/distill_step.py --options none \
      --variants floor online mmrazor torchdistill cirkd

MMRazor 1.0.0 needs two changes in its files (benchmarks/README.md, Peers).

Each has a label loss on upsampled logits and KL of temperature 1 at the resolution of
the logits, as its own configs or scripts put them together. MMRazor trains the label
loss of the student's config (focal, as ours), runs its teacher by ``mode="loss"``, and
sets only its batch norms to evaluation; the others have cross-entropy. torchdistill
builds its own AdamW, with one group of weights; the others have that of the config.
"""

from importlib.util import find_spec
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

LOGITS = "decode_head.conv_seg"  # module whose output is the logits, in the models


def mmrazor_step(cfg: Any, device: str) -> tuple[Any, nn.Module]:
    """``SingleTeacherDistill`` with ``KLDivergence``: algorithm and trained part."""
    import mmrazor.models  # noqa: F401  # registers its modules
    from mmrazor.registry import MODELS as ALGORITHMS

    recorder = {"logits": {"type": "ModuleOutputs", "source": LOGITS}}
    mapping = {
        f"preds_{role}": {"from_student": role == "S", "recorder": "logits"}
        for role in "ST"
    }
    config = {
        "type": "SingleTeacherDistill",
        "data_preprocessor": dict(cfg.model.student.data_preprocessor, _scope_="mmseg"),
        "architecture": dict(cfg.model.student, _scope_="mmseg"),
        "teacher": dict(cfg.model.teacher, _scope_="mmseg"),
        "teacher_ckpt": cfg.model.teacher_checkpoint,
        "distiller": {
            "type": "ConfigurableDistiller",
            "student_recorders": recorder,
            "teacher_recorders": recorder,
            "distill_losses": {"loss_kl": {"type": "KLDivergence"}},
            "loss_forward_mappings": {"loss_kl": mapping},
        },
    }
    with DefaultScope.overwrite_default_scope("mmrazor"):
        algorithm = ALGORITHMS.build(config)
    algorithm.train()  # returns nothing
    return algorithm.to(device), algorithm.student


class _Upsampled(nn.Module):
    """A segmentor as torchdistill calls a model: logits (B, C, H, W) of the images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        logits = self.model(images, mode="tensor")
        return F.interpolate(logits, images.shape[2:], mode="bilinear")


def _box_config(lr: float) -> dict[str, Any]:
    """Cross-entropy and KL as a config of torchdistill."""
    path = f"model.{LOGITS}"
    model = {
        "forward_proc": "forward_batch_only",
        "forward_hook": {"output": [path]},
    }
    of_student = {"is_from_teacher": False, "module_path": ".", "io": "output"}
    ce = {
        "criterion": {"key": "CrossEntropyLoss", "kwargs": {"ignore_index": 255}},
        "criterion_wrapper": {
            "key": "SimpleLossWrapper",
            "kwargs": {"input": of_student, "target": {"uses_label": True}},
        },
        "weight": 1.0,
    }
    logits = {
        f"{role}_module_{key}": value
        for role in ("student", "teacher")
        for key, value in (("path", path), ("io", "output"))
    }
    kl = {
        "criterion": {
            "key": "KDLoss",
            "kwargs": {**logits, "temperature": 1.0, "alpha": 0.0},
        },
        "weight": 1.0,
    }
    return {
        "num_epochs": 1,
        "teacher": {**model, "requires_grad": False},
        "student": model,
        "optimizer": {"key": "AdamW", "kwargs": {"lr": lr}},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"ce": ce, "kl": kl}},
        },
    }


class _Boxed(nn.Module):
    """``DistillationBox`` of torchdistill behind ``train_step``."""

    def __init__(self, student: nn.Module, teacher: nn.Module, lr: float) -> None:
        super().__init__()
        from torchdistill.core.distillation import get_distillation_box

        self.student = student
        device = next(student.parameters()).device
        self.box = get_distillation_box(
            _Upsampled(teacher),
            _Upsampled(student),
            dataset_dict={},
            train_config=_box_config(lr),
            device=device,
            device_ids=None,
            distributed=False,
            lr_factor=1,
        )

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> None:
        """A step of the box, with its own optimizer."""
        images, labels = _batch(self.student, data)
        self.box.post_forward_process(self.box.forward_process(images, labels, {}))


def torchdistill_step(cfg: Any, device: str) -> tuple[Any, nn.Module]:
    """A box with ``CrossEntropyLoss`` and ``KDLoss``, and its student."""
    student, teacher = _models(cfg, device)
    return _Boxed(student, teacher, cfg.optim_wrapper.optimizer.lr), student


class _Loop(nn.Module):
    """The loop of ``train_kd.py`` with CIRKD's losses, without its discriminator."""

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        from losses.kd import CriterionKD  # type: ignore[import-not-found]
        from losses.task import SegCrossEntropyLoss  # type: ignore[import-not-found]

        self.student, self.teacher = student, teacher
        self.label_loss = SegCrossEntropyLoss(ignore_index=255)
        self.distill_loss = CriterionKD(temperature=1)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> None:
        """Teacher without gradients, student, both losses, one update."""
        images, labels = _batch(self.student, data)
        with torch.no_grad():
            answers = self.teacher(images, mode="tensor")
        logits = self.student(images, mode="tensor")
        loss = self.label_loss(logits, labels) + self.distill_loss(logits, answers)
        optim_wrapper.update_params(loss)


def cirkd_step(cfg: Any, device: str) -> tuple[Any, nn.Module]:
    """CIRKD's loop, and its student."""
    student, teacher = _models(cfg, device)
    return _Loop(student, teacher), student


def _models(cfg: Any, device: str) -> tuple[nn.Module, nn.Module]:
    """A student in training mode and a frozen teacher."""
    teacher = MODELS.build(cfg.model.teacher).eval().requires_grad_(False)
    return MODELS.build(cfg.model.student).train().to(device), teacher.to(device)


def _batch(student: Any, data: dict) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and labels (B, H, W), by the student's preprocessor."""
    data = student.data_preprocessor(data, True)
    labels = [sample.gt_sem_seg.data.squeeze(0) for sample in data["data_samples"]]
    return data["inputs"], torch.stack(labels)


PEERS = {
    "mmrazor": mmrazor_step,
    "torchdistill": torchdistill_step,
    "cirkd": cirkd_step,
}
PACKAGES = {"mmrazor": "mmrazor", "torchdistill": "torchdistill", "cirkd": "losses"}


def is_at_hand(name: str) -> bool:
    """Whether a step needs nothing from elsewhere, or what it needs is on the path."""
    return name not in PACKAGES or find_spec(PACKAGES[name]) is not None
