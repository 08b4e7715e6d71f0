"""Split CamVid into frames of one camera, and other frames as another one shows them.

    python benchmarks/camera_look.py data/camvid_frames data/camvid_look

The first half of the training frames of each recording and the validation part stay
what they are (first.csv in the first folder). The second half, and the test part, have
another gamma, white balance, contrast, sharpness and noise (second.csv in the new
folder): a shift of the camera alone, over real pictures.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from recordings import halves

from mmseg_splashkd.datasets.split_table import read_table, write_table

GAMMA, CONTRAST, NOISE = 1.6, 0.75, 6.0  # gray levels of the noise
BALANCE = (0.85, 1.0, 1.2)  # of red, green and blue


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of convert_dataset.py")
    parser.add_argument("out", type=Path, help="new folder")
    return parser.parse_args(argv)


def look(picture: Image.Image, seed: int) -> Image.Image:
    """A picture as the other camera shows it."""
    soft = picture.convert("RGB").filter(ImageFilter.GaussianBlur(1.0))
    light = (np.asarray(soft, np.float32) / 255) ** GAMMA * np.float32(BALANCE)
    gray = 255 * (0.5 + CONTRAST * (light - 0.5))
    noise = np.random.default_rng(seed).normal(0, NOISE, gray.shape)
    return Image.fromarray((gray + noise).clip(0, 255).astype(np.uint8))


def main(argv: Sequence[str] | None = None) -> None:
    """Write both tables, and the pictures of the other camera."""
    args = parse_args(argv)
    parts = list(halves(read_table(args.folder / "frames.csv")))
    write_table(
        args.folder / "first.csv", [frame for frame, other in parts if not other]
    )
    second = []
    for number, frame in enumerate(frame for frame, other in parts if other):
        files = [args.out / kind / frame.recording for kind in ("images", "labels")]
        for file in files:
            file.mkdir(parents=True, exist_ok=True)
        image, label = (file / f"{frame.stem}.png" for file in files)
        with Image.open(frame.image) as picture:
            look(picture, number).save(image)
        shutil.copy(frame.label, label)
        second.append(replace(frame, image=str(image), label=str(label)))
    write_table(args.out / "second.csv", second)
    print(f"{len(parts) - len(second)} frames stay, {len(second)} in {args.out}")


if __name__ == "__main__":
    main()
