"""Measure distillation in a plain training loop over Hugging Face SegFormers.

B0 from B1, random weights: the teacher under ``torch.no_grad``, cross-entropy on
upsampled logits, KL at the resolution of the logits, AdamW. To be compared with the
pair B1->B0 of ``benchmarks/distill_step.py``, which has the same sizes. The batch is
drawn in advance: loading costs nothing here, so distillation has a larger share of the
step than there.

    python -m venv .venv-hf
    .venv-hf/bin/pip install torch==2.13.0 transformers==5.24.0
    .venv-hf/bin/python benchmarks/peers/hf_segformer_step.py
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence

import torch
import transformers
from torch import Tensor
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

WIDTHS = {"B0": (32, 64, 160, 256), "B1": (64, 128, 320, 512)}
RATIOS = (("floor", "plain"), ("distil", "plain"), ("distil", "floor"))
VARIANTS = ("plain", "floor", "distil")


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--size", type=int, default=256, help="side of the images in px (default: 256)"
    )
    parser.add_argument("--batch", type=int, default=4, help="batch size (default: 4)")
    parser.add_argument(
        "--repeats",
        type=int,
        default=7,
        help="alternating measurements of each variant (default: 7)",
    )
    parser.add_argument(
        "--steps", type=int, default=4, help="steps per measurement (default: 4)"
    )
    return parser.parse_args(argv)


def segformer(name: str, device: str) -> SegformerForSemanticSegmentation:
    """Build a SegFormer of two classes with a head of 256 channels."""
    config = SegformerConfig(
        num_labels=2, hidden_sizes=WIDTHS[name], decoder_hidden_size=256
    )
    return SegformerForSemanticSegmentation(config).to(device)


class Loop:
    """A student, a teacher, an optimizer and one batch."""

    def __init__(self, args: argparse.Namespace) -> None:
        torch.manual_seed(0)
        self.student = segformer("B0", args.device).train()
        self.teacher = segformer("B1", args.device).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=6e-5)
        shape = (args.batch, args.size, args.size)
        self.images = torch.randn(shape[0], 3, *shape[1:], device=args.device)
        self.labels = torch.randint(2, shape, device=args.device)

    def plain(self) -> None:
        """One step on the labels."""
        logits = self.student(pixel_values=self.images).logits
        self._update(self._label_loss(logits))

    def floor(self) -> None:
        """One step on the labels, after a forward pass of the teacher."""
        with torch.inference_mode():
            _ = self.teacher(pixel_values=self.images).logits
        self.plain()

    def distil(self) -> None:
        """One step on labels and teacher, with equal weights."""
        with torch.no_grad():
            teacher = self.teacher(pixel_values=self.images).logits
        logits = self.student(pixel_values=self.images).logits
        pixels = F.kl_div(
            logits.log_softmax(1),
            teacher.log_softmax(1),
            reduction="none",
            log_target=True,
        )
        self._update(0.5 * self._label_loss(logits) + 0.5 * pixels.sum(1).mean())

    def _label_loss(self, logits: Tensor) -> Tensor:
        size = self.labels.shape[-2:]
        upsampled = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return F.cross_entropy(upsampled, self.labels, ignore_index=255)

    def _update(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        loss.item()  # as for a log


def seconds_per_step(step: Callable[[], None], steps: int) -> float:
    """Mean time of ``steps`` steps after one warm-up step."""
    step()
    synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    return (time.perf_counter() - begin) / steps


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def spread(numbers: list[float]) -> str:
    """Median, minimum and maximum."""
    middle = statistics.median(numbers)
    return f"{middle:.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the variants alternately, and print."""
    args = parse_args(argv)
    loop = Loop(args)
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for repeat in range(args.repeats):
        for variant in VARIANTS if repeat % 2 == 0 else reversed(VARIANTS):
            seconds[variant].append(
                seconds_per_step(getattr(loop, variant), args.steps)
            )
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}; torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads; transformers "
        f"{transformers.__version__}; {args.device}, {args.size}x{args.size}, batch "
        f"{args.batch}, {args.repeats} repeats of {args.steps} steps\n"
    )
    heads = ["pair", "plain, s", *(f"{over} / {under}" for over, under in RATIOS)]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    cells = ["B1->B0, transformers", spread(seconds["plain"])]
    for over, under in RATIOS:
        both = zip(seconds[over], seconds[under], strict=True)
        cells.append(spread([one / other for one, other in both]))
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
