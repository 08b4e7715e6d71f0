"""What needs a GPU is refused without one; what has no effect there is not."""

from datetime import timedelta

import pytest
import torch.distributed
from mmengine.config import Config

from mmseg_splashkd.config.devices import (
    check_devices,
    prepare_distributed,
    slow_precision,
    use_mixed_precision,
)

NCCL = {"env_cfg": {"dist_cfg": {"backend": "nccl"}}}


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("RANK", "0")


def test_cuda_is_refused_without_a_gpu():
    with pytest.raises(ValueError, match="device needs a CUDA GPU"):
        check_devices(Config({"device": "cuda:0"}))


def test_a_device_that_mmengine_does_not_use_is_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("mmseg_splashkd.config.devices.get_device", lambda: "cuda")
    with pytest.raises(ValueError, match=r"device='cpu' has no effect: .* 'cuda'"):
        check_devices(Config({"device": "cpu"}))
    check_devices(Config({"device": "cuda:1"}))
    check_devices(Config())


def test_nccl_has_no_effect_without_a_launcher():
    cfg = Config(NCCL)
    check_devices(cfg)
    prepare_distributed(cfg, "none")
    assert cfg.to_dict() == NCCL
    assert not torch.distributed.is_initialized()


def test_nccl_is_refused_between_cpu_processes():
    with pytest.raises(ValueError, match=r"backend='nccl' needs CUDA.*'gloo'"):
        prepare_distributed(Config(NCCL), "pytorch")
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("launcher", ["slurm", "mpi"])
def test_other_launchers_are_refused(launcher):
    with pytest.raises(ValueError, match=f"--launcher {launcher} needs GPUs"):
        prepare_distributed(Config(), launcher)


def test_pytorch_launcher_needs_torchrun(monkeypatch):
    monkeypatch.delenv("RANK")
    with pytest.raises(ValueError, match="needs torchrun"):
        prepare_distributed(Config(), "pytorch")


@pytest.mark.parametrize(
    ("env_cfg", "limit"),
    [
        ({"dist_cfg": {"timeout": 20}}, timedelta(seconds=20)),
        ({"dist_cfg": None}, None),  # that of torch
    ],
)
def test_processes_on_cpus_follow_the_time_limit(env_cfg, limit, monkeypatch):
    given = {}
    monkeypatch.setattr(
        "torch.distributed.init_process_group",
        lambda backend, **options: given.update(options, backend=backend),
    )
    prepare_distributed(Config({"env_cfg": env_cfg}), "pytorch")
    assert given == {"backend": "gloo", "timeout": limit}


@pytest.mark.parametrize("seconds", [0, -1, 1.5, True, "20"])
def test_a_time_limit_is_whole_seconds(seconds):
    cfg = Config({"env_cfg": {"dist_cfg": {"timeout": seconds}}})
    with pytest.raises(ValueError, match=r"dist_cfg\.timeout=.* whole seconds above 0"):
        prepare_distributed(cfg, "pytorch")


@pytest.mark.parametrize("wrapper", [None, {"broadcast_buffers": False}])
def test_processes_on_cpus_use_no_device_ids(wrapper, monkeypatch):
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    cfg = Config({"model_wrapper_cfg": wrapper})
    prepare_distributed(cfg, "pytorch")
    assert cfg.model_wrapper_cfg == {**(wrapper or {}), "device_ids": None}


AMP = {"type": "AmpOptimWrapper", "loss_scale": "dynamic", "dtype": "float16"}


@pytest.mark.parametrize("wrapper", [{}, {"type": "OptimWrapper"}, AMP])
def test_mixed_precision_fits_the_machine(wrapper, monkeypatch):
    cfg = Config({"optim_wrapper": {**wrapper, "accumulative_counts": 2}})
    use_mixed_precision(cfg)
    expected = {"type": "CPUAmpOptimWrapper", "accumulative_counts": 2}
    assert cfg.optim_wrapper.to_dict() == expected
    check_devices(cfg)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    cfg = Config({"optim_wrapper": dict(wrapper)})
    use_mixed_precision(cfg)
    expected = {**wrapper, "type": "AmpOptimWrapper", "loss_scale": "dynamic"}
    assert cfg.optim_wrapper.to_dict() == expected


def test_mixed_precision_of_a_cpu_is_refused_with_a_gpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("mmseg_splashkd.config.devices.get_device", lambda: "cuda")
    text = "'CPUAmpOptimWrapper' acts on a CPU, and this run uses 'cuda'.*--amp"
    with pytest.raises(ValueError, match=text):
        check_devices(Config({"optim_wrapper": {"type": "CPUAmpOptimWrapper"}}))


@pytest.mark.parametrize(
    ("kind", "type_", "warns"),
    [
        ("AVX2", "CPUAmpOptimWrapper", True),
        ("AVX2", "OptimWrapper", False),
        ("AMX", "CPUAmpOptimWrapper", False),
        ("unknown", "CPUAmpOptimWrapper", False),
    ],
)
def test_a_cpu_without_bfloat16_is_named(kind, type_, warns, monkeypatch):
    monkeypatch.setattr("mmseg_splashkd.config.devices.cpu_kind", lambda: kind)
    lines = slow_precision(Config({"optim_wrapper": {"type": type_}}))
    assert bool(lines) == warns
    assert all("(AVX2) has no instructions for bfloat16" in line for line in lines)
