"""Exported weights and mmengine's checkpoints are read; files with code are refused."""

import builtins
import io
import os
import pickle
import pickletools
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file
from torch import Tensor, nn

from mmseg_splashkd import checkpoint
from mmseg_splashkd.checkpoint import (
    find_checkpoint,
    load_strict,
    read_checkpoint,
    write_weights,
)
from tests.models.builders import build, mmengine_checkpoint, segformer


def weights() -> dict[str, Tensor]:
    """Tensors of every kind that a model saves."""
    return {
        "conv.weight": torch.arange(6.0).reshape(2, 3),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
        "bn.num_batches_tracked": torch.tensor(7),
        "half": torch.tensor([0.5, 1.5], dtype=torch.bfloat16),
    }


def assert_equal_weights(ours: dict, its: dict) -> None:
    assert list(ours) == list(its)
    for name, value in its.items():
        assert ours[name].dtype == value.dtype
        assert torch.equal(ours[name], value)


# Files of this package.


@pytest.mark.parametrize("kind", [str, Path])
def test_weights_and_metadata_are_read_back(tmp_path, kind):
    path = kind(tmp_path / "w.safetensors")
    meta = {"iter": 7, "dataset_meta": {"classes": ["background", "splash"]}}

    write_weights(weights(), path, meta)
    read = read_checkpoint(path)
    assert_equal_weights(
        dict(sorted(read["state_dict"].items())), dict(sorted(weights().items()))
    )
    assert read["meta"] == meta


def test_foreign_weights_have_no_metadata(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors")
    assert read_checkpoint(tmp_path / "w.safetensors")["meta"] == {}


def test_tensors_are_loaded_to_map_location(tmp_path):
    write_weights({"a": torch.ones(2)}, tmp_path / "w.safetensors", {})
    torch.save({"state_dict": {"a": torch.ones(2)}}, tmp_path / "w.pth")

    for name in ("w.safetensors", "w.pth"):
        assert read_checkpoint(tmp_path / name, "meta")["state_dict"]["a"].is_meta


class Tied(nn.Module):
    """Two parameters of one storage, a view of a buffer and a transposed view."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3, bias=False)
        self.second.weight = self.first.weight
        self.register_buffer("whole", torch.rand(4, 3))
        self.register_buffer("part", self.get_buffer("whole")[1:3])
        self.register_buffer("turned", self.get_buffer("whole").T)
        self.register_buffer("empty", torch.empty(0))


def test_tied_weights_are_written_under_each_name(tmp_path):
    path = tmp_path / "w.safetensors"
    model, other = Tied(0), Tied(1)
    write_weights(model.state_dict(), path, {})
    load_strict(other, read_checkpoint(path)["state_dict"], path.name)
    assert_equal_weights(other.state_dict(), model.state_dict())
    assert other.second.weight is other.first.weight
    torch.save(model.state_dict(), tmp_path / "w.pth")  # tensors of one storage again
    write_weights(read_checkpoint(tmp_path / "w.pth")["state_dict"], path, {})
    load_strict(another := Tied(2), read_checkpoint(path)["state_dict"], path.name)
    assert_equal_weights(another.state_dict(), model.state_dict())


def test_a_file_is_written_atomically(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    write_weights({"a": torch.ones(1)}, path, {})
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]
    whole = path.read_bytes()

    def disk_full(tensors: Any, partial: Path, metadata: Any) -> None:
        assert partial.parent == tmp_path, "a rename is atomic on one disk alone"
        partial.write_bytes(b"half")
        assert path.read_bytes() == whole
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save_file", disk_full)
    with pytest.raises(OSError, match="no space left"):
        write_weights({"a": torch.zeros(1)}, path, {})
    assert [file.name for file in tmp_path.iterdir()] == ["w.safetensors"]
    assert path.read_bytes() == whole


# Checkpoints of mmengine.


@pytest.fixture
def written(tmp_path) -> tuple[Path, dict]:
    """A checkpoint as mmengine writes it, and its content."""
    content = mmengine_checkpoint(build(segformer()))
    torch.save(content, tmp_path / "iter_7.pth")
    return tmp_path / "iter_7.pth", content


def test_a_checkpoint_of_mmengine_is_read_completely(written):
    path, content = written

    read = read_checkpoint(path)
    assert read.keys() == content.keys()
    assert_equal_weights(read["state_dict"], content["state_dict"])
    assert read["state_dict"]._metadata == content["state_dict"]._metadata
    for index, state in content["optimizer"]["state"].items():
        assert_equal_weights(read["optimizer"]["state"][index], state)
    assert read["optimizer"]["param_groups"] == content["optimizer"]["param_groups"]


def test_log_buffers_and_numbers_stay_usable(written):
    path, _ = written

    hub = read_checkpoint(path)["message_hub"]
    buffer = hub["log_scalars"]["train/loss"]
    assert isinstance(buffer, HistoryBuffer)
    np.testing.assert_array_equal(buffer.data[0], [0.5, 0.25])
    assert buffer.statistics("mean") == 0.375
    buffer.update(0.125)
    assert buffer.current() == 0.125
    best, last = hub["runtime_info"]["best_score"], hub["runtime_info"]["last"]
    assert isinstance(best, np.float64)
    assert best == 0.5
    assert last.dtype == np.int64
    np.testing.assert_array_equal(last, [0, 1, 2])


def test_a_checkpoint_can_be_saved_and_read_again(written, tmp_path):
    path, content = written

    torch.save(read_checkpoint(path), tmp_path / "again.pth")
    again = read_checkpoint(tmp_path / "again.pth")
    assert_equal_weights(again["state_dict"], content["state_dict"])


def test_the_config_that_mmengine_would_run_is_left_out(written):
    path, content = written

    meta = read_checkpoint(path)["meta"]
    assert "config" in content["meta"]
    assert meta == {k: v for k, v in content["meta"].items() if k != "config"}


def test_a_bare_state_dict_is_a_checkpoint(tmp_path):
    torch.save(weights(), tmp_path / "bare.pth")

    read = read_checkpoint(tmp_path / "bare.pth")
    assert_equal_weights(read["state_dict"], weights())
    assert read["meta"] == {}


# Files that run code.


class Calls:
    """Is pickled as a call of ``function``."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple:
        return self.call


class Given:
    """Pickles like ``target``, with a chosen state."""

    def __init__(self, target: Any, *state: Any) -> None:
        self.target, self.state = target, state

    def __reduce__(self) -> tuple:
        return (*self.target, *self.state)


def with_pickle(path: Path, program: bytes) -> None:
    """Write an archive of torch whose pickle is ``program``."""
    writer = torch._C.PyTorchFileWriter(str(path))
    writer.write_record("data.pkl", program, len(program))
    writer.write_record("byteorder", b"little", 6)
    writer.write_end_of_file()


@pytest.fixture
def marker(tmp_path) -> Path:
    """A file that exists once code from a checkpoint has run."""
    return tmp_path / "marker"


@pytest.mark.parametrize(
    "call",
    [
        lambda marker: Calls(os.system, f"touch {marker}"),
        lambda marker: Calls(builtins.eval, f"open({str(marker)!r}, 'w').close()"),
        lambda marker: Calls(builtins.exec, f"open({str(marker)!r}, 'w').close()"),
        lambda marker: Calls(Path.touch, marker),
        lambda marker: Calls(np.save, str(marker), 1),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_calls_are_refused_before_they_run(tmp_path, marker, call, protocol):
    path = tmp_path / "evil.pth"
    content = {"state_dict": {"a": torch.ones(1)}, "meta": call(marker)}
    torch.save(content, path, pickle_protocol=protocol)

    with pytest.raises(ValueError, match=r"evil\.pth was refused.* it needs ") as error:
        read_checkpoint(path)
    assert not marker.exists()
    assert "as .safetensors, or convert it" in str(error.value)


def text(value: str) -> bytes:
    """Push a string (BINUNICODE)."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def of_global(module: str, name: str) -> bytes:
    """Push a global by the older opcode, which splits no dots."""
    return f"c{module}\n{name}\n".encode()


def of_stack(module: str, name: str) -> bytes:
    """Push a global by STACK_GLOBAL, which follows dots."""
    return text(module) + text(name) + b"\x93"


def called(function: bytes, *args: bytes) -> bytes:
    """Call what ``function`` pushes."""
    return function + b"(" + b"".join(args) + b"tR"


BUFFER = of_global("mmengine.logging.history_buffer", "HistoryBuffer")
GETATTR = of_global("builtins", "getattr")
PROGRAMS = {
    "getattr of globals": (
        called(
            GETATTR,
            called(GETATTR, BUFFER, text("mean")),
            text("__globals__"),
        ),
        "it needs getattr of '__globals__'",
    ),
    "getattr of another object": (
        called(GETATTR, of_global("torch", "Size"), text("mean")),
        "it needs getattr of 'mean'",
    ),
    "old getattr": (
        called(of_global("__builtin__", "getattr"), BUFFER, text("__init__")),
        "it needs getattr of '__init__'",
    ),
    "dotted name": (
        of_stack(
            "mmengine.logging.history_buffer", "HistoryBuffer.__init__.__globals__"
        ),
        r"HistoryBuffer\.__init__\.__globals__",
    ),
    "dotted module": (
        of_stack("mmengine.logging.history_buffer", "np.save"),
        r"np\.save",
    ),
    "module of an allowed name": (of_stack("torch._utils", "torch.hub.load"), "hub"),
    "storage by a dotted name": (of_stack("torch", "hub.Storage.load"), "hub"),
    "state of a class": (
        BUFFER + b"N}" + text("mean") + of_global("torch", "Size") + b"s\x86b",
        "it sets the state of <class",
    ),
    "state of a function": (
        of_global("torch._utils", "_rebuild_parameter") + b"N}\x86b",
        "it sets the state of <function",
    ),
}


@pytest.mark.parametrize(("program", "reason"), PROGRAMS.values(), ids=PROGRAMS)
def test_hand_written_pickles_are_refused(tmp_path, program, reason):
    path = tmp_path / "evil.pth"
    with_pickle(path, b"\x80\x04" + program + b".")

    with pytest.raises(ValueError, match=rf"evil\.pth was refused.*{reason}"):
        read_checkpoint(path)


F8 = (np.dtype, ("f8", False, True))


@pytest.mark.parametrize(
    ("number_type", "reason"),
    [
        # Flags that call the eight bytes of a number a pointer to an object.
        (Given(F8, (3, "<", None, None, None, -1, -1, 63)), "number type"),
        (Given(F8, (4, "<", None, None, None, -1, -1, 63, None)), "number type"),
        # And an object that is not called one.
        (
            Given(
                (np.dtype, ("O8", False, True)), (3, "|", None, None, None, -1, -1, 0)
            ),
            "number type",
        ),
    ],
)
def test_forged_number_types_are_refused(tmp_path, number_type, reason):
    path = tmp_path / "evil.pth"
    torch.save({"meta": number_type}, path)

    with pytest.raises(ValueError, match=rf"evil\.pth was refused.*{reason}"):
        read_checkpoint(path)


def test_an_array_cannot_alias_foreign_memory(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"meta": Calls(np.ndarray, (4,), "f8", np.zeros(4))}, path)

    with pytest.raises(ValueError, match=r"evil\.pth is damaged.*not callable"):
        read_checkpoint(path)


def torchscript() -> bytes:
    """A program of torch, saved."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(nn.Linear(1, 1)), stream)
    return stream.getvalue()


def disguised(program: bytes) -> bytes:
    """Add a second directory, harmless and the one that Python's zipfile reads.

    zipfile reads the directory just before the end of the archive, torch at the offset
    stored in its end record.
    """
    end = program.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<II", program[end + 12 : end + 20])
    directory = program[start : start + size]
    harmless = directory.replace(b"constants.pkl", b"innocent_.pkl")
    return program[: start + size] + harmless + program[end:]


@pytest.mark.parametrize("disguise", [bytes, disguised])
def test_torchscript_is_refused(tmp_path, disguise):
    path = tmp_path / "program.pth"
    path.write_bytes(disguise(torchscript()))

    with pytest.raises(ValueError, match=r"program\.pth was refused.*TorchScript"):
        read_checkpoint(path)


# Files that are damaged.


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_an_error(tmp_path, name, kept):
    path = tmp_path / name
    write_weights(weights(), tmp_path / "w.safetensors", {})
    torch.save(mmengine_checkpoint(build(segformer())), tmp_path / "w.pth")
    whole = path.read_bytes()

    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match=rf"checkpoint .*{name} is damaged"):
        read_checkpoint(path)


def test_a_file_with_a_prefix_is_damaged(tmp_path):
    path = tmp_path / "w.pth"
    torch.save(weights(), path)
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())

    with pytest.raises(ValueError, match=r"w\.pth is damaged"):
        read_checkpoint(path)


def test_a_file_of_old_torch_is_refused(tmp_path, marker):
    path = tmp_path / "old.pth"
    evil = Calls(os.system, f"touch {marker}")
    torch.save(evil, path, _use_new_zipfile_serialization=False)

    with pytest.raises(ValueError, match=r"may run code: it needs \w+\.system"):
        read_checkpoint(path)
    path.write_bytes(pickle.dumps(evil))
    with pytest.raises(ValueError, match="not written by torch"):
        read_checkpoint(path)
    assert not marker.exists()


def pickle_end(file: io.BytesIO) -> int:
    """Skip one pickle of a file, and return where the next one begins."""
    for _ in pickletools.genops(file):
        pass
    return file.tell()


def old_file(path: Path, content: Any) -> bytes:
    """Write the format before torch 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


def test_weights_of_old_torch_are_read(tmp_path):
    path = tmp_path / "old.pth"
    old_file(path, {"state_dict": weights(), "meta": {"epoch": 3}})
    read = read_checkpoint(path)
    assert_equal_weights(read["state_dict"], weights())
    assert read["meta"] == {"epoch": 3}
    assert_equal_weights(torch.load(path)["state_dict"], weights())


def test_old_files_hold_all_they_name(tmp_path):
    path = tmp_path / "old.pth"
    content = old_file(path, {"w": torch.ones(3), "x": torch.zeros(3)})
    file = io.BytesIO(content)
    for _ in range(4):  # magic number, version, system, tensors
        end = pickle_end(file)
    keys = pickle.load(file)
    path.write_bytes(content[:end] + pickle.dumps(keys[:1], 2) + content[file.tell() :])
    with pytest.raises(ValueError, match="names storages that it does not hold"):
        read_checkpoint(path)
    larger = content.replace(b"K\x03Nt", b"J\xff\xff\xff\x7fNt")
    path.write_bytes(larger)
    with pytest.raises(ValueError, match="names a storage of 2147483647 values"):
        read_checkpoint(path)
    path.write_bytes(content[:-4])
    with pytest.raises(ValueError, match="damaged"):
        read_checkpoint(path)


def test_a_file_that_is_no_mapping_is_an_error(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")

    with pytest.raises(ValueError, match=r"list\.pth holds a list"):
        read_checkpoint(tmp_path / "list.pth")


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors", "."])
def test_a_missing_file_is_an_error(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_checkpoint(tmp_path / name)


# Finding a file.


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """A folder with two runs, entered."""
    for name in (
        "teacher_0520/a_best.pth",
        "teacher_0520/a_last.pth",
        "kd_0627/b[1].pth",
    ):
        path = tmp_path / "work_dirs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("work_dirs/teacher_0520/a_best.pth", "teacher_0520/a_best.pth"),
        ("work_dirs/teacher_*/*_best.pth", "teacher_0520/a_best.pth"),
        ("work_dirs/teacher_[0-9]*/a_bes?.pth", "teacher_0520/a_best.pth"),
        ("work_dirs/kd_0627/b[1].pth", "kd_0627/b[1].pth"),  # exact comes first
        ("work_dirs/*/b*", "kd_0627/b[1].pth"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_finds_the_only_match(runs, pattern, found, absolute):
    root = runs if absolute else Path()
    assert find_checkpoint(str(root / pattern)) == root / "work_dirs" / found


@pytest.mark.parametrize("pattern", ["none.pth", "work_dirs/none_*/*"])
def test_no_match_is_an_error(runs, pattern):
    with pytest.raises(FileNotFoundError) as error:
        find_checkpoint(pattern, "teacher_checkpoint")
    assert f"teacher_checkpoint={pattern!r} does not exist" in str(error.value)
    assert str(runs) in str(error.value)


def test_several_matches_are_listed(runs):
    with pytest.raises(ValueError, match="several files, name one") as error:
        find_checkpoint("work_dirs/teacher_*/*.pth")
    listed = [line.strip() for line in str(error.value).splitlines()[1:]]
    assert listed == [
        "work_dirs/teacher_0520/a_best.pth",
        "work_dirs/teacher_0520/a_last.pth",
    ]


@pytest.mark.parametrize("pattern", [None, "", ".", "/", "work_dirs/kd_0627"])
def test_an_empty_pattern_is_an_error(runs, pattern):
    with pytest.raises(
        ValueError, match=f"teacher_checkpoint={pattern!r} names no file"
    ):
        find_checkpoint(pattern, "teacher_checkpoint")


# Loading.


def test_loads_with_and_without_the_prefix_of_a_wrapper():
    expected = nn.Linear(2, 3).state_dict()

    for prefix in ("", "module."):
        model = nn.Linear(2, 3)
        load_strict(model, {prefix + k: v for k, v in expected.items()}, "w.pth")
        assert_equal_weights(model.state_dict(), dict(expected))


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"weight": torch.ones(3, 2)}, "Missing key.*bias"),
        (
            {"weight": torch.ones(3, 2), "bias": torch.ones(3), "a": torch.ones(1)},
            "Unexpected key.*a",
        ),
        ({"weight": torch.ones(3, 5), "bias": torch.ones(3)}, "size mismatch"),
    ],
)
def test_keys_or_shapes_that_differ_are_an_error(state, reason):
    with pytest.raises(RuntimeError, match=rf"(?s)^w\.pth does not fit.*{reason}"):
        load_strict(nn.Linear(2, 3), state, "w.pth")


@pytest.mark.parametrize(
    "url", ["https://host.example/weights.pth", "open-mmlab://resnet50_v1c"]
)
def test_a_url_is_refused_with_its_remedy(url):
    with pytest.raises(ValueError, match=r"is a URL, and nothing is downloaded here"):
        find_checkpoint(url, "teacher_checkpoint")


def test_record_that_one_bit_marks_as_a_folder_is_refused(tmp_path):
    """torch would return memory that nobody has written."""
    path = tmp_path / "w.pth"
    torch.save({"state_dict": {"w": torch.ones(8)}, "meta": {}}, path)
    content = bytearray(path.read_bytes())
    entry = content.rfind(b"w/data/0") - 46  # in the directory at the end
    assert content[entry : entry + 4] == b"PK\1\2"
    content[entry + 38] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"w\.pth is damaged .*marked as a folder"):
        read_checkpoint(path)
