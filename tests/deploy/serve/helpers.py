"""A model that ONNX Runtime runs, clients of the application, and drawn uploads."""

import io
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from mmseg_splashkd.deploy import SplashModel
from mmseg_splashkd.deploy.serve.app import create_app
from mmseg_splashkd.deploy.serve.bounds import Bounds
from mmseg_splashkd.deploy.serve.guard import LOOPBACK
from mmseg_splashkd.deploy.serve.service import Service
from mmseg_splashkd.deploy.serve.turns import Turns
from mmseg_splashkd.evaluation.events import EventSettings
from tests.deploy.predict.fakes import META, red_model

BASE = "http://127.0.0.1:8000"


def red_file(path: Path) -> Path:
    """A deployed file: the probability of splash is the red channel."""
    shape = ["N", "H", "W", 3]
    frames = helper.make_tensor_value_info("frames", TensorProto.UINT8, shape)
    outputs = [
        helper.make_tensor_value_info(
            "probabilities", TensorProto.FLOAT, ["N", 2, "H", "W"]
        ),
        helper.make_tensor_value_info("classes", TensorProto.UINT8, ["N", "H", "W"]),
    ]
    constants = {
        "first": np.int64(0),
        "most": np.float32(255),
        "one": np.float32(1),
        "half": np.float32(0.5),
        "axis": np.array([1]),
    }
    nodes = [
        ("Cast", ["frames"], "floats", {"to": TensorProto.FLOAT}),
        ("Gather", ["floats", "first"], "channel", {"axis": 3}),
        ("Div", ["channel", "most"], "red", {}),
        ("Sub", ["one", "red"], "other", {}),
        ("Unsqueeze", ["other", "axis"], "p0", {}),
        ("Unsqueeze", ["red", "axis"], "p1", {}),
        ("Concat", ["p0", "p1"], "probabilities", {"axis": 1}),
        ("GreaterOrEqual", ["red", "half"], "found", {}),
        ("Cast", ["found"], "classes", {"to": TensorProto.UINT8}),
    ]
    graph = helper.make_graph(
        [
            helper.make_node(kind, given, [out], **more)
            for kind, given, out, more in nodes
        ],
        "red",
        [frames],
        outputs,
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    for key, value in META.entries().items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, str(path))
    return path


def service_of(model: SplashModel | None = None, **bounds: Any) -> Service:
    return Service(model or red_model(), "red", None, EventSettings(), Bounds(**bounds))


def client_of(
    root: Path,
    service: Service | None = None,
    turns: Turns | None = None,
    **options: Any,
) -> TestClient:
    """A client of an application whose uploads lie in ``root``."""
    service = service or service_of()
    turns = turns or Turns(service.bounds.waiting)
    return TestClient(
        create_app(service, turns, LOOPBACK, root), base_url=BASE, **options
    )


def png_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG file that promises many pixels and has hardly any."""
    content = zlib.compress(bytes(100))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def form_of(fields: Mapping[str, str], file: bytes | None) -> tuple[bytes, str]:
    """Body and content type of a form, as a browser writes it."""
    head = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = [head.format(name, value).encode() for name, value in fields.items()]
    if file is not None:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
        parts.append(head + b"Content-Type: image/png\r\n\r\n" + file + b"\r\n")
    return b"".join(parts) + b"--b--\r\n", "multipart/form-data; boundary=b"


def error_of(answer: Any, status: int) -> str:
    """The text of a refusal, which tells nothing of the machine."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    for private in ("/tmp", "/dev/shm", "upload_", "Traceback", ".py"):
        assert private not in answer.text
    return answer.json()["error"]


def columns(cells: Mapping[str, str]) -> dict[str, Any]:
    """A row of ``events.csv`` with numbers as numbers."""
    words = {"true": True, "false": False}
    texts = ("recording", "start", "end", "peak")
    return {
        name: cell
        if name in texts
        else words.get(cell)
        if cell in words
        else json.loads(cell)
        for name, cell in cells.items()
    }
