"""Train a model: ``python tools/train.py configs/kd/segformer_b0_kd_pe001.py``."""

import argparse

from mmengine.config import DictAction

from mmseg_splashkd.engine.training import train


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a model.")
    parser.add_argument("config", help="config file")
    parser.add_argument("--work-dir", help="where the run writes (work_dirs/<run>)")
    parser.add_argument("--resume", action="store_true", help="continue this run")
    parser.add_argument("--amp", action="store_true", help="mixed precision, GPU only")
    parser.add_argument(
        "--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override config keys, such as model.distill_loss.teacher_ratio=0.25",
    )
    return parser.parse_args()


def main() -> None:
    """Train what the command line asks for."""
    args = parse_args()
    work_dir = train(
        args.config,
        work_dir=args.work_dir,
        resume=args.resume,
        amp=args.amp,
        launcher=args.launcher,
        cfg_options=args.cfg_options,
    )
    print(f"Checkpoints, weights and log: {work_dir}")


if __name__ == "__main__":
    main()
