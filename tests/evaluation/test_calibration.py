import math
import threading

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torchmetrics.functional.classification import multiclass_calibration_error

from mmseg_splashkd.evaluation.calibration import (
    HIGHEST,
    LOWEST,
    CalibrationBins,
    fit_temperature,
    is_at_end,
    join_samples,
    sample_pixels,
)


def batch(num_classes: int, seed: int = 0, frames: int = 3):
    """Overconfident logits (B, C, 11, 17) and weakly correlated labels."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(frames, num_classes, 11, 17, generator=generator)
    noise = 6 * torch.randn(logits.shape, generator=generator)
    labels = (logits + noise).argmax(1)
    labels[:, :2, seed:] = 255
    return logits, labels


def bins_of(*batches, **kwargs) -> CalibrationBins:
    bins = CalibrationBins(**kwargs)
    for logits, labels in batches:
        bins.add(logits, labels)
    return bins


def ece_of(*batches, **kwargs) -> float:
    return bins_of(*batches, **kwargs).expected_calibration_error()


def drawn(temperature: float, count: int = 50_000, num_classes: int = 4):
    """Logits whose softmax at ``temperature`` is the law of their labels."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (count, num_classes))
    # Gumbel: the largest of z / T + noise is a draw from softmax(z / T).
    noise = rng.gumbel(size=logits.shape)
    labels = (logits / temperature + noise).argmax(1)
    return torch.from_numpy(logits), torch.from_numpy(labels)


def fitted_by_scipy(logits, labels, weights=None) -> float:
    logits, labels = logits.double().numpy(), labels.numpy()

    def nll(log_temperature):
        log_p = log_softmax(logits / math.exp(log_temperature), axis=1)
        return -np.average(log_p[np.arange(len(labels)), labels], weights=weights)

    ends = math.log(LOWEST), math.log(HIGHEST)
    found = minimize_scalar(nll, bounds=ends, method="bounded", options={"xatol": 1e-9})
    return math.exp(found.x)


# Expected calibration error.


@pytest.mark.parametrize("num_classes", [2, 15])
@pytest.mark.parametrize("bins", [15, 7])
def test_error_agrees_with_torchmetrics(num_classes, bins):
    batches = [batch(num_classes, seed) for seed in (0, 1)]
    logits, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    expected = multiclass_calibration_error(
        logits.softmax(1), labels, num_classes, bins, norm="l1", ignore_index=255
    )
    assert 0.05 < expected < 0.6
    actual = ece_of(*batches, bins=bins)
    assert type(actual) is float
    assert actual == pytest.approx(expected.item(), abs=1e-6)


def test_other_ignore_index_agrees_with_torchmetrics():
    logits, labels = batch(3)
    labels[labels == 255] = 1
    expected = multiclass_calibration_error(
        logits.softmax(1), labels, 3, 15, norm="l1", ignore_index=0
    )
    assert ece_of((logits, labels), ignore_index=0) == pytest.approx(
        expected.item(), abs=1e-6
    )


def test_error_by_hand():
    # Confidence 0.75 in one bin, right once of three; 0.5, a tie, is wrong.
    margin = math.log(3)
    logits = torch.tensor([[margin, margin, margin, 0.0, 9.0], [0.0] * 5])
    labels = torch.tensor([0, 1, 1, 1, 255])
    expected = (3 * abs(1 / 3 - 0.75) + abs(0 - 0.5)) / 4
    bins = bins_of((logits[None, :, None], labels[None, None]))
    assert bins.expected_calibration_error() == pytest.approx(expected, abs=1e-7)
    assert bins.count == 4


def test_a_bin_holds_its_upper_end():
    # Confidences 0.5 and 1 are the ends of (0, 0.5] and (0.5, 1].
    bins = CalibrationBins(bins=2)
    bins.add(torch.tensor([[0.0, 0.0], [200.0, 0.0]]), torch.zeros(2))
    assert bins.sums.tolist() == [[1, 1], [0.5, 1], [1, 1]]


def test_right_and_sure_is_no_error_and_wrong_and_sure_is_all():
    logits = torch.tensor([[[50.0]], [[-50.0]]])[None]
    assert ece_of((logits, torch.zeros(1, 1, 1))) == 0
    assert ece_of((logits, torch.ones(1, 1, 1))) == 1


def test_half_precision_logits_are_not_softmaxed_in_half():
    bins = bins_of(
        (torch.tensor([[[1.0]], [[0.0]]])[None].half(), torch.zeros(1, 1, 1))
    )
    expected = 1 / (1 + math.exp(-1))
    assert bins.sums[1].sum().item() == pytest.approx(expected, abs=1e-7)


def test_several_processes_are_one():
    first, second = batch(3, 0), batch(3, 1)
    merged = bins_of(first)
    merged.merge(bins_of(second))
    reduced = bins_of(first)
    reduced.reduce(lambda sums: sums.add_(bins_of(second).sums))
    whole = ece_of(first, second)
    assert whole != pytest.approx(ece_of(first), abs=1e-3)
    for bins in (merged, reduced):
        assert bins.expected_calibration_error() == pytest.approx(whole, abs=1e-14)


def test_weights_are_numbers_of_pixels():
    logits, labels = batch(3, frames=1)
    flat, truth = logits.flatten(2)[0].T, labels.flatten()
    weights = torch.arange(len(truth)).double() % 4
    weighted = CalibrationBins()
    weighted.add(flat, truth, weights)
    repeated = CalibrationBins()
    times = weights.long()
    repeated.add(flat.repeat_interleave(times, 0), truth.repeat_interleave(times))
    assert torch.allclose(weighted.sums, repeated.sums, rtol=0, atol=1e-9)
    assert weighted.count > 100


def test_error_without_valid_pixels_is_nan():
    logits = torch.zeros(1, 2, 2, 2)
    bins = bins_of((logits, torch.full((1, 2, 2), 255)))
    assert bins.count == 0
    assert math.isnan(bins.expected_calibration_error())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(1, 3, 2), r"label has shape \(1, 3, 2\), the pred.* \(1, 2, 2\)"),
        (torch.full((1, 2, 2), 2), r"label holds \[2\], outside \[0, 2\)"),
    ],
)
def test_wrong_frames_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        CalibrationBins().add(torch.zeros(1, 2, 2, 2), labels)


# Temperature.


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_planted_temperature_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.02)


@pytest.mark.parametrize("num_classes", [2, 15])
def test_temperature_agrees_with_scipy(num_classes):
    logits, labels = drawn(1.7, 3000, num_classes)
    logits = logits.float()
    expected = fitted_by_scipy(logits, labels)
    actual = fit_temperature(logits, labels)
    assert type(actual) is float
    assert actual == pytest.approx(expected, rel=1e-6)


def test_temperature_agrees_with_a_dense_grid():
    logits, labels = drawn(0.5, 2000)
    grid = torch.logspace(-1, 0, 2001, dtype=torch.float64)
    nll = [torch.nn.functional.cross_entropy(logits / t, labels) for t in grid]
    best = grid[torch.stack(nll).argmin()]
    assert fit_temperature(logits, labels) == pytest.approx(best.item(), rel=2e-3)


def test_weights_of_the_temperature_agree_with_scipy():
    logits, labels = drawn(1.7, 3000)
    weights = torch.from_numpy(np.random.default_rng(1).uniform(0, 5, 3000))
    weights[labels == 0] *= 9
    expected = fitted_by_scipy(logits, labels, weights.numpy())
    assert fit_temperature(logits, labels, weights) == pytest.approx(expected, rel=1e-6)
    assert fit_temperature(logits, labels) != pytest.approx(expected, rel=1e-3)


def test_temperature_by_hand():
    # Margin 2, right three times of four: sigmoid(2 / T) = 3/4, so T = 2 / ln 3.
    logits = torch.tensor([[2.0, 0.0]]).repeat(4, 1)
    expected = 2 / math.log(3)
    actual = fit_temperature(logits, torch.tensor([0, 0, 0, 1]))
    assert actual == pytest.approx(expected, rel=1e-8)
    assert not is_at_end(actual)


def test_a_number_added_to_a_pixel_s_logits_changes_nothing():
    logits, labels = drawn(1.7, 3000)
    shifted = logits + 1e4 * torch.randn(3000, 1, dtype=torch.float64)
    expected = fit_temperature(logits, labels)
    assert fit_temperature(shifted, labels) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("label", "end"),
    [(0, LOWEST), (1, HIGHEST)],  # never wrong, always wrong
)
def test_ends_of_the_interval(label, end):
    logits = torch.tensor([[3.0, 0.0], [0.5, 0.0]])
    temperature = fit_temperature(logits, torch.tensor([label, label]))
    assert temperature == end
    assert is_at_end(temperature)


def test_equal_logits_have_temperature_one():
    logits = torch.full((7, 3), 0.1)
    assert fit_temperature(logits, torch.arange(7) % 3) == 1


def fitted_by_ranks(*shares) -> list[float]:
    """Fit each share in a separate thread; the sums are exchanged."""
    barrier, held, found = threading.Barrier(len(shares), timeout=20), {}, {}

    def work(rank):
        def reduce(total):
            held[rank] = total.clone()
            barrier.wait()
            total.copy_(sum(held.values()))
            barrier.wait()

        found[rank] = fit_temperature(*shares[rank], reduce=reduce)

    threads = [
        threading.Thread(target=work, args=(rank,)) for rank in range(len(shares))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [found[rank] for rank in range(len(shares))]


def test_two_processes_get_the_temperature_of_one():
    logits, labels = drawn(1.7, 3000)
    first, second = fitted_by_ranks(
        (logits[:500], labels[:500]), (logits[500:], labels[500:])
    )
    assert first == second
    assert first == pytest.approx(fit_temperature(logits, labels), rel=1e-9)
    assert first != pytest.approx(fit_temperature(logits[:500], labels[:500]), rel=1e-3)


def test_a_process_may_hold_no_pixel():
    logits, labels = drawn(1.7, 100)
    found = fitted_by_ranks((logits, labels), (logits[:0], labels[:0]))
    assert found == [fit_temperature(logits, labels)] * 2


def test_no_pixels_have_no_temperature():
    with pytest.raises(ValueError, match="labels hold no valid pixel"):
        fit_temperature(torch.zeros(0, 2), torch.zeros(0).long())


def test_broken_logits_have_no_temperature():
    with pytest.raises(ValueError, match="not finite"):
        fit_temperature(torch.tensor([[math.nan, 0.0]]), torch.tensor([0]))


# Samples.


def numbered(height: int, width: int):
    """A frame whose logits of class 0 number its pixels, and a label half valid."""
    logits = torch.zeros(2, height, width)
    logits[0] = torch.arange(height * width).view(height, width)
    label = torch.arange(height * width).view(height, width) % 2
    label[height // 2 :] = 255
    return logits, label


def test_sample_is_even_over_the_valid_pixels_and_of_one_piece():
    logits, label = numbered(40, 50)
    sample = sample_pixels(logits, label, limit=30)
    places = sample.logits[:, 0].long()
    assert torch.equal(sample.labels, places % 2)
    # 1000 valid pixels in 30 runs, one of each.
    runs = [(place * 30 + 29) // 1000 for place in places.tolist()]
    assert all(abs(run - index) <= 1 for index, run in enumerate(runs))
    assert places.diff().min() > 0
    assert sample.weights.tolist() == [1000 / 30] * 30


def test_sample_covers_all_columns():
    # A stride of the frame's width would select one column.
    logits, label = numbered(100, 40)
    columns = sample_pixels(logits, label, limit=50).logits[:, 0].long() % 40
    assert len(columns.unique()) > 15


def test_sample_of_fewer_pixels_is_all_of_them():
    logits, label = numbered(4, 5)
    sample = sample_pixels(logits, label, limit=10)
    assert sample.logits[:, 0].tolist() == list(range(10))
    assert sample_pixels(logits, label, 99).weights.tolist() == [1] * 10


def test_sample_is_a_function_of_its_seed_without_side_effects():
    logits, label = numbered(40, 50)
    before = torch.get_rng_state()
    first, again, other = (sample_pixels(logits, label, 30, seed) for seed in (4, 4, 5))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.logits, again.logits)
    assert not torch.equal(first.logits, other.logits)


def test_sample_of_an_ignored_frame_is_empty():
    sample = sample_pixels(torch.zeros(3, 2, 2), torch.full((2, 2), 255), 10)
    assert [tuple(part.shape) for part in sample] == [(0, 3), (0,), (0,)]


def test_samples_are_joined():
    samples = [sample_pixels(*numbered(4, 5), limit) for limit in (3, 4)]
    joined = join_samples(samples, 2)
    assert torch.equal(joined.logits[3:], samples[1].logits)
    assert joined.weights.sum() == 20
    assert [len(part) for part in join_samples([], 2)] == [0, 0, 0]


def test_sample_of_wrong_frames_is_refused():
    with pytest.raises(ValueError, match="label has shape"):
        sample_pixels(torch.zeros(2, 2, 2), torch.zeros(3, 2), 10)
