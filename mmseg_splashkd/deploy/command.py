"""Exports and quantisation from the command line."""

from pathlib import Path
from typing import Any

from mmseg_splashkd.config.reading import read_config
from mmseg_splashkd.deploy.deployed_file import size_of
from mmseg_splashkd.deploy.engines import open_engine
from mmseg_splashkd.deploy.export import export_onnx
from mmseg_splashkd.deploy.onnx_file import read_meta
from mmseg_splashkd.deploy.quantise import FRAMES, MAX_DROP, quantise
from mmseg_splashkd.deploy.spread_frames import spread_frames
from mmseg_splashkd.evaluation.interleaved import ratios, spread, time_in_turn

ROUNDS = 15


def export_and_tell(
    config: str,
    checkpoint: str,
    out: str | Path,
    cfg_options: dict[str, Any] | None = None,
    frames: int = 16,
) -> None:
    """Export, and print what the file holds.

    Arguments and errors are those of ``export_onnx``.
    """
    parity = export_onnx(config, checkpoint, out, cfg_options, frames)
    meta = read_meta(out)
    height, width = meta.size
    decided = ", ".join(f"{k} from p >= {v:.3f}" for k, v in meta.thresholds.items())
    print(f"{out}: {Path(out).stat().st_size / 2**20:.2f} MiB")
    print(f"  frames of any size, resized to {width}x{height} inside")
    print(f"  {', '.join(meta.classes)}; {decided or 'the most likely class'}")
    print(
        f"  on {parity.frames} validation frames, ONNX Runtime and PyTorch differ by "
        f"at most {parity.probability:.2g} in a probability, and in the class of "
        f"{parity.changed:.3%} of the pixels"
    )


def quantise_and_tell(
    config: str,
    file: str | Path,
    out: str | Path,
    frames: int = FRAMES,
    max_drop: float = MAX_DROP,
    cfg_options: dict[str, Any] | None = None,
) -> None:
    """Quantise, and print size and speed before and after.

    Arguments and errors are those of ``quantise``.
    """
    found = quantise(config, file, out, frames, max_drop, cfg_options)
    sizes = [size_of(each) / 2**20 for each in (file, out)]
    cfg = read_config(config, cfg_options)
    (frame,) = spread_frames(cfg, "val_dataloader", 1)
    engines = {name: open_engine("openvino", name) for name in map(str, (file, out))}
    passes = {
        name: (lambda engine=engine: engine.run(frame[None]))
        for name, engine in engines.items()
    }
    seconds = time_in_turn(passes, ROUNDS)
    before, after = (1000 * spread(each).median for each in seconds.values())
    faster = ratios(*seconds.values()).median
    for note in found.notes:
        print(f"note: {note}")
    print(f"{out}: {sizes[0]:.2f} MiB became {sizes[1]:.2f} MiB")
    print(
        f"  a frame in OpenVINO: {before:.1f} ms became {after:.1f} ms, "
        f"{faster:.2f} times as fast"
    )
    print(
        f"  {found.integers} layers in 8 bits, {len(found.floats)} in float; ranges of "
        f"{found.frames} frames of the training part"
    )
    decided = "" if found.threshold is None else f", from p >= {found.threshold:.3f}"
    print(
        f"  on {found.validated} validation frames: {found.before:.2f} became "
        f"{found.after:.2f}{decided}. tools/verify.py says whether it is as good"
    )
