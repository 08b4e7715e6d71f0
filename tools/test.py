"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT --show-dir pictures``."""

import argparse

from mmengine.config import DictAction

from mmseg_splashkd.engine.testing import evaluate


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Test a checkpoint.")
    parser.add_argument(
        "config", help="config of the run or of its student"
    )
    parser.add_argument("checkpoint", help=".safetensors or .pth file, * allowed")
    parser.add_argument("--work-dir", help="where logs go (work_dirs/<config>_test)")
    parser.add_argument("--show-dir", help="write frames, truth and prediction painted")
    parser.add_argument("--out", help="write predicted trainIds, a PNG a frame")
    parser.add_argument("--tta", action="store_true", help="average over the flip too")
    parser.add_argument(
        "--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config keys, such as test_dataloader.batch_size=4",
    )
    return parser.parse_args()


def main() -> None:
    """Test what the command line asks for."""
    args = parse_args()
    evaluate(
        args.config,
        args.checkpoint,
        work_dir=args.work_dir,
        show_dir=args.show_dir,
        out=args.out,
        tta=args.tta,
        launcher=args.launcher,
        cfg_options=args.cfg_options,
    )


if __name__ == "__main__":
    main()
