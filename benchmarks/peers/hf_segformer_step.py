"""The price of distillation in a plain loop over Hugging Face SegFormers.

B0 from B1, random weights: the teacher under ``torch.no_grad``, cross-entropy on
upsampled logits, KL at the logits' own resolution, AdamW. Read beside
``benchmarks/distill_step.py``, whose pair B1->B0 has the same sizes. Batches are drawn
in advance, for the peer has no data set of ours: loading costs nothing here, so
distillation weighs rather more than there.

    python -m venv .venv-hf
    .venv-hf/bin/pip install torch==2.13.0 transformers==5.24.0
    .venv-hf/bin/python benchmarks/peers/hf_segformer_step.py
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import torch
import transformers
from torch import Tensor
from torch.nn import functional as F
from transformers import SegformerConfig, SegformerForSemanticSegmentation

WIDTHS = {"B0": (32, 64, 160, 256), "B1": (64, 128, 320, 512)}
RATIOS = (("floor", "plain"), ("distil", "plain"), ("distil", "floor"))
WAYS = ("plain", "floor", "distil")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="in each repeat")
    return parser.parse_args()


def segformer(name: str, device: str) -> SegformerForSemanticSegmentation:
    """Build a SegFormer of two classes, with the head's width that we use."""
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
        """Step on the labels."""
        logits = self.student(pixel_values=self.images).logits
        self._learn(self._label_loss(logits))

    def floor(self) -> None:
        """Step on the labels, with the teacher's bare forward before."""
        with torch.inference_mode():
            _ = self.teacher(pixel_values=self.images).logits
        self.plain()

    def distil(self) -> None:
        """Step on labels and teacher, half and half."""
        with torch.no_grad():
            taught = self.teacher(pixel_values=self.images).logits
        logits = self.student(pixel_values=self.images).logits
        pixels = F.kl_div(
            logits.log_softmax(1),
            taught.log_softmax(1),
            reduction="none",
            log_target=True,
        )
        self._learn(0.5 * self._label_loss(logits) + 0.5 * pixels.sum(1).mean())

    def _label_loss(self, logits: Tensor) -> Tensor:
        size = self.labels.shape[-2:]
        upsampled = F.interpolate(logits, size, mode="bilinear", align_corners=False)
        return F.cross_entropy(upsampled, self.labels, ignore_index=255)

    def _learn(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        loss.item()  # as a log would ask


def seconds_a_step(step: Callable[[], None], steps: int) -> float:
    """Mean time of some steps, after one to warm up."""
    step()
    synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    return (time.perf_counter() - begin) / steps


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def spread(numbers: list[float]) -> str:
    """Median, lowest and highest."""
    middle = statistics.median(numbers)
    return f"{middle:.3f} ({min(numbers):.3f} to {max(numbers):.3f})"


def main() -> None:
    """Measure in turns, whoever begins; print."""
    args = parse_args()
    loop = Loop(args)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for repeat in range(args.repeats):
        for way in WAYS if repeat % 2 == 0 else reversed(WAYS):
            seconds[way].append(seconds_a_step(getattr(loop, way), args.steps))
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
