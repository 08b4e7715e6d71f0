"""Measure memory and time of ``CIRKDLoss`` with its gradient, alone.

    python benchmarks/cirkd.py            # in chunks of rows, as it is in training
    python benchmarks/cirkd.py --whole    # all cosines at once, for comparison

The default is the resolution of its authors: 64x64 features of 4 images. Memory is the
peak of this process (resident) beyond what it had with the features in memory, so that
one process measures one way. Time is that of the CPU, which other work on the machine
changes little. Linux and macOS.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Sequence

MIB = 2**20
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="default: 64")
    parser.add_argument("--batch", type=int, default=4, help="default: 4")
    parser.add_argument("--channels", type=int, default=256, help="default: 256")
    parser.add_argument("--repeats", type=int, default=3, help="default: 3")
    parser.add_argument("--whole", action="store_true")
    return parser.parse_args(argv)


def peak() -> float:
    """Peak resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / MIB


def main() -> None:
    """Measure and print a table."""
    args = parse_args()
    import torch

    from mmseg_splashkd.models.losses.functional import cross_image_relation

    options = {"at_once": (args.batch * args.size**2) ** 2} if args.whole else {}
    torch.manual_seed(0)
    shape = (2, args.batch, args.channels, args.size, args.size)
    student, teacher = torch.randn(shape).unbind()
    student.requires_grad_()

    def step(s: torch.Tensor, t: torch.Tensor) -> float:
        began = time.process_time()
        cross_image_relation(s, t, size=args.size, **options).backward()
        return time.process_time() - began

    step(student[..., :2, :2], teacher[..., :2, :2])  # loads what torch loads late
    student.grad = None
    before = peak()
    times = [step(student, teacher) for _ in range(args.repeats)]
    print(
        f"{args.batch} images, {args.size}x{args.size} features of {args.channels} "
        f"channels, float32, {torch.get_num_threads()} threads\n\n"
        f"| cosines | additional MiB | CPU s per step |\n|---|---|---|\n"
        f"| {'at once' if args.whole else 'in chunks'} | {peak() - before:,.0f} | "
        f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f}) |"
    )


if __name__ == "__main__":
    main()
