import pytest

from mmseg_splashkd.project.choices import (
    GIB,
    Machine,
    choose_batch,
    choose_iterations,
    choose_size,
    choose_teacher,
)

CPU = Machine(2)
LARGE, SMALL = Machine(8, 80 * GIB), Machine(8, 8 * GIB)


@pytest.mark.parametrize(
    ("median", "machine", "expected"),
    [
        ((512, 512), CPU, (160, 160)),  # sqrt(192 x 128) = 156.8
        ((192, 128), CPU, (192, 128)),
        ((80, 64), CPU, (96, 64)),  # rounded up: nothing is lost
        ((1920, 1080), CPU, (224, 128)),  # 209.0 x 117.6
        ((1920, 1080), SMALL, (672, 384)),  # 682.7 x 384
        ((1920, 1080), LARGE, (1376, 768)),  # 1365.3 x 768
        ((512, 384), LARGE, (512, 384)),
        ((4, 3000), CPU, (32, 3008)),
    ],
    ids=str,
)
def test_size_is_the_median_within_a_budget_of_pixels(median, machine, expected):
    size, why = choose_size(median, machine)
    assert size == expected
    assert f"median of the frames {median[0]}x{median[1]}" in why


@pytest.mark.parametrize(
    ("size", "train", "machine", "expected"),
    [
        ((160, 160), 7, CPU, 3),
        ((160, 160), 1, CPU, 2),
        ((160, 160), 200, CPU, 8),
        ((512, 512), 200, SMALL, 2),  # 6.4 GiB / 2.36 GiB
        ((512, 512), 200, LARGE, 16),
        ((1024, 1024), 200, LARGE, 6),  # 64 GiB / 9.44 GiB
    ],
    ids=str,
)
def test_batch_follows_memory_and_frames(size, train, machine, expected):
    assert choose_batch(size, train, machine)[0] == expected


@pytest.mark.parametrize(
    ("train", "batch", "machine", "expected"),
    [
        (7, 3, CPU, 150),
        (60, 8, CPU, 300),
        (1000, 8, CPU, 600),
        (204, 16, LARGE, 1280),
        (7, 3, LARGE, 1000),
        (100_000, 16, LARGE, 20_000),
    ],
    ids=str,
)
def test_iterations_are_passes_within_bounds(train, batch, machine, expected):
    steps, why = choose_iterations(train, batch, machine)
    assert steps == expected
    assert f"each frame is seen {steps * batch / train:.0f} times" in why


def test_teacher_is_larger_with_a_gpu():
    assert choose_teacher(CPU)[0] == "segformer_b1"
    assert choose_teacher(LARGE)[0] == "segformer_b2"
    assert str(LARGE) == "8 CPU cores, a GPU of 80 GiB"
