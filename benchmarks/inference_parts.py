"""What of a frame's time benchmarks/inference.py gives to which part, and variants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from inference_networks import PURPOSE, onnx_of, random_frames
from PIL import Image

from mmseg_splashkd.datasets.image_file import read_as_training
from mmseg_splashkd.deploy.engines.fixed_shape import of_shape
from mmseg_splashkd.deploy.engines.open_vino import PRECISIONS
from mmseg_splashkd.deploy.engines.open_vino_core import open_vino_core
from mmseg_splashkd.evaluation.interleaved import time_in_turn
from mmseg_splashkd.extras import import_extra

Pass = Callable[[], object]
LARGE = (720, 1280)  # frames of another size than the trained one
BATCH = 4
PICTURES = {"JPEG": "jpg", "PNG": "png"}
PARTS = ("resize, normalisation", "network", "upsampling, decision")
RESIZE = "Interpolate"


def seconds_of_parts(
    engine: str,
    side: int,
    frame: tuple[int, int],
    threads: int,
    folder: Path,
    rounds: int,
) -> dict[str, list[float]]:
    """Seconds of each part in each round, by the profile of OpenVINO.

    Layers run one after the other. Those before the first convolution resize and
    normalise; those from the upsampling of the logits on decide.

    Args:
        engine: ``'openvino'`` or ``'openvino_bf16'``.
        side: Height and width to which frames are resized, in px.
        frame: (H, W) of the frame.
        threads: Number of threads.
        folder: Where ``write_files`` has written.
        rounds: Number of frames, after one of warm-up.
    """
    model = open_vino_core().read_model(str(onnx_of(folder, side)))
    resizes = [op for op in model.get_ordered_ops() if op.get_type_name() == RESIZE]
    last = resizes[-2].get_friendly_name()  # to the trained size; one to the frame
    frames = random_frames(1, *frame)
    settings = {**_settings(engine, threads), "PERF_COUNT": True}
    fixed = of_shape(model, frames.shape)
    compiled = open_vino_core().compile_model(fixed, "CPU", settings)
    request = compiled.create_infer_request()
    found = time_in_turn(_decoders(frames[0], folder), rounds)
    for number in range(1 + rounds):
        request.infer({"frames": frames})
        if number:
            for name, seconds in _by_part(request.profiling_info, last).items():
                found.setdefault(name, []).append(seconds)
    return found


def _by_part(layers: Any, last: str) -> dict[str, float]:
    """Seconds of each part.

    Args:
        layers: The profile, in the order in which layers run.
        last: Name of the first layer behind the network.
    """
    found: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    part = 0
    for each in layers:
        if each.node_name == last:
            part = 2
        elif part == 0 and each.node_type == "Convolution":
            part = 1
        found[PARTS[part]] += each.real_time.total_seconds()
    return found


def _decoders(frame: np.ndarray, folder: Path) -> dict[str, Pass]:
    passes: dict[str, Pass] = {}
    for kind, suffix in PICTURES.items():
        file = folder / f"{frame.shape[0]}x{frame.shape[1]}.{suffix}"
        Image.fromarray(frame).save(file, kind)
        passes[f"decoding {kind}"] = lambda file=file: read_as_training(file)
    return passes


def passes_of_variants(side: int, threads: int, folder: Path) -> dict[str, Pass]:
    """The exported graph as it is run, and with one thing changed at a time.

    Those of several frames are timed for all of them, see ``frames_of_variant``.

    Args:
        side: Height and width to which frames are resized, in px.
        threads: Number of threads.
        folder: Where ``write_files`` has written.
    """
    passes: dict[str, Pass] = {}
    for engine in _engines():
        for name, each in _variants(engine, side, threads, folder).items():
            passes[f"{engine}: {name}"] = each
    return passes


def _engines() -> list[str]:
    capable = open_vino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    usable = {"f32", *(each.lower() for each in capable)}
    return [name for name, each in PRECISIONS.items() if each in usable]


def frames_of_variant(name: str) -> int:
    """How many frames a pass of ``passes_of_variants`` predicts."""
    return BATCH if name.endswith(f"{BATCH} frames") else 1


def _variants(engine: str, side: int, threads: int, folder: Path) -> dict[str, Pass]:
    core = open_vino_core()
    model = core.read_model(str(onnx_of(folder, side)))
    late = core.read_model(str(onnx_of(folder, side, late=True)))
    frames, settings = random_frames(1, side, side), _settings(engine, threads)
    several = random_frames(BATCH, side, side)
    resizing = model.clone()
    resizing.reshape({"frames": list(frames.shape)})
    fixed = of_shape(model, frames.shape)
    classes = _openvino().Model([model.output("classes")], model.get_parameters())
    throughput = {**settings, "PERFORMANCE_HINT": "THROUGHPUT"}
    return {
        "as it is": _running(fixed, settings, frames),
        "late fusion": _running(of_shape(late, frames.shape), settings, frames),
        "resizes to the same size": _running(resizing, settings, frames),
        "any shape": _running(model, settings, frames),
        "late fusion, any shape": _running(late, settings, frames),
        "classes only": _running(of_shape(classes, frames.shape), settings, frames),
        f"batch of {BATCH} frames": _running(
            of_shape(model, several.shape), settings, several
        ),
        f"streams, {BATCH} frames": _streaming(fixed, throughput, frames),
    }


def _settings(engine: str, threads: int) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": PRECISIONS[engine],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
    }


def _running(model: Any, settings: dict[str, Any], frames: np.ndarray) -> Pass:
    compiled = open_vino_core().compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: request.infer({"frames": frames})


def _streaming(model: Any, settings: dict[str, Any], frames: np.ndarray) -> Pass:
    """Frames as fast as they can be taken, several at a time."""
    queue = _openvino().AsyncInferQueue(
        open_vino_core().compile_model(model, "CPU", settings)
    )

    def run() -> None:
        for _ in range(BATCH):
            queue.start_async({"frames": frames})
        queue.wait_all()

    return run


def _openvino() -> Any:
    return import_extra("openvino", PURPOSE, "deploy")
