"""An export from the command line."""

from pathlib import Path
from typing import Any

from mmseg_splashkd.deploy.export import export_onnx
from mmseg_splashkd.deploy.onnx_file import read_meta


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
