"""Unpickles files of torch by a closed list of names, so that they run no code.

Checkpoints of mmengine hold log buffers beside the tensors, which torch's own
``weights_only`` refuses.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

# All names in a checkpoint of mmengine: containers, tensors, numbers, log buffers.
# (torch resolves the names of its storages itself.)
ALLOWED = {
    "collections": {"OrderedDict", "defaultdict"},
    "torch": {"Size", "device"},
    "torch._utils": {"_rebuild_tensor_v2", "_rebuild_parameter"},
    "numpy": {"dtype"},
    "numpy.core.multiarray": {"scalar"},
    "numpy._core.multiarray": {"scalar"},
    "_codecs": {"encode"},
    "mmengine.logging.history_buffer": {"HistoryBuffer"},
}

# Types whose state may be set; the state of no other object is.
STATEFUL = (OrderedDict, HistoryBuffer, np.ndarray, np.dtype)
# The number with which files begin that torch < 1.6 wrote, pickled.
OLD_START = pickle.dumps(torch.serialization.MAGIC_NUMBER, protocol=2)
NUMBER_KINDS = "biufc"
FOLDER = 0x10  # attribute of a record of an archive


class RefusedError(pickle.UnpicklingError):
    """The file requires more than the data of a checkpoint."""


def _buffer_method(owner: Any, name: str) -> Any:
    """Replacement for ``getattr``, by which log buffers store their statistics."""
    if owner is HistoryBuffer and name in ("mean", "min", "max", "current"):
        return getattr(owner, name)
    raise RefusedError(f"it needs getattr of {name!r}")


def _empty_array(*_: Any) -> np.ndarray:
    """Replacement for NumPy's ``_reconstruct``: an array whose state is set next."""
    return np.empty(0)


REPLACEMENTS = {
    "builtins.getattr": _buffer_method,
    "__builtin__.getattr": _buffer_method,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.ndarray": None,  # an argument of _reconstruct; called, it can alias memory
}


def _build(unpickler: Any) -> None:
    """Set an object's state, if a checkpoint needs that."""
    target, state = unpickler.stack[-2:]
    if not isinstance(target, STATEFUL):
        raise RefusedError(f"it sets the state of {target!r}")
    if isinstance(target, np.dtype) and (
        target.kind not in NUMBER_KINDS or state[2:] != (None, None, None, -1, -1, 0)
    ):
        raise RefusedError(f"it changes the number type {target!r} by {state!r}")
    pickle._Unpickler.dispatch[pickle.BUILD[0]](unpickler)


class _ClosedUnpickler(pickle._Unpickler):
    """Resolves only the names above, and sets the state of only the types above.

    This is the Python implementation of the unpickler, because the C implementation has
    no hook to check the state: with a forged state of an array's dtype, NumPy reads raw
    bytes as pointers.
    """

    dispatch: ClassVar = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: _build}

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name in REPLACEMENTS:
            return REPLACEMENTS[full_name]
        if name in ALLOWED.get(module, ()):
            return super().find_class(module, name)
        raise RefusedError(f"it needs {full_name}")


class _OldUnpickler(_ClosedUnpickler):
    """Unpickles the format before torch 1.6, where storages lie behind the pickles.

    Each of them must lie in the file: torch returns memory that nobody has written for
    one that does not. A subclass for each file has the two attributes.
    """

    size: ClassVar[int]  # bytes of the file
    named: ClassVar[set[str]]  # storages that its tensors name

    def load(self) -> Any:
        content = super().load()
        if isinstance(content, list) and self.named - set(content):
            raise RefusedError("it names storages that it does not hold")
        return content


def _name_storage(unpickler: Any) -> None:
    """Check what a tensor names as its storage, and note it."""
    kind, *about = unpickler.stack[-1]
    if kind != "storage" or len(about) != 5:
        raise RefusedError(f"it names a {kind}, no storage")
    _, key, _, numel, view = about
    if view is not None or not 0 <= numel <= unpickler.size:
        raise RefusedError(f"it names a storage of {numel} values, or a part of one")
    unpickler.named.add(key)
    pickle._Unpickler.dispatch[pickle.BINPERSID[0]](unpickler)


_OldUnpickler.dispatch = {
    **_ClosedUnpickler.dispatch,
    pickle.BINPERSID[0]: _name_storage,
}


def read_pickled(path: Path, map_location: Any) -> Any:
    """Read a file that ``torch.save`` has written.

    Args:
        path: The file.
        map_location: Device for the tensors, as in ``torch.load``.

    Raises:
        RefusedError: It requires more than the data of a checkpoint.
        Exception: It is damaged, which torch reports in many ways.
    """
    return (_read_old if _is_old(path) else _read_archive)(path, map_location)


def _read_archive(path: Path, map_location: Any) -> Any:
    closed = SimpleNamespace(Unpickler=_ClosedUnpickler, __name__="closed_pickle")
    # torch's reader: a forged archive can contain other files for other readers.
    if "constants.pkl" in torch._C.PyTorchFileReader(str(path)).get_all_records():
        raise RefusedError("it is a TorchScript program")
    _check_records(path)
    return torch.load(path, map_location, pickle_module=closed, weights_only=False)


def _is_old(path: Path) -> bool:
    """Whether a file has the format before torch 1.6, as old weights of ImageNet."""
    with path.open("rb") as file:
        return file.read(len(OLD_START)) == OLD_START


def _read_old(path: Path, map_location: Any) -> Any:
    """Read the format before torch 1.6, from memory: torch looks for archives in files.

    It has no checksums.
    """
    attributes = {"size": path.stat().st_size, "named": set()}
    Unpickler = type("Unpickler", (_OldUnpickler,), attributes)

    def load(file: Any, **kwargs: Any) -> Any:
        return Unpickler(file, **kwargs).load()

    closed = SimpleNamespace(Unpickler=Unpickler, load=load, __name__="closed_pickle")
    content = io.BytesIO(path.read_bytes())
    return torch.load(content, map_location, pickle_module=closed, weights_only=False)


def _check_records(path: Path) -> None:
    """Check the CRC-32 of every record of an archive, which torch writes and ignores.

    One flipped bit in a tensor would pass otherwise. One in the directory of the
    archive can mark a record as a folder, for which torch returns memory that nobody
    has written.
    """
    with zipfile.ZipFile(path) as archive:
        if (broken := archive.testzip()) is not None:
            raise ValueError(f"the checksum of its record {broken} differs")
        for record in archive.infolist():
            if record.is_dir() or record.external_attr & FOLDER:
                raise ValueError(f"its record {record.filename} is marked as a folder")
