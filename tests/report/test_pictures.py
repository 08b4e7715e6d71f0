import numpy as np

from mmseg_splashkd.report.pictures import (
    FALSE_ALARM,
    HIT,
    MISSED,
    as_jpeg,
    error_masks,
    paint_classes,
    paint_masks,
)

# Grey frames stay what they are when greyed.
IMAGE = np.repeat(
    np.array([[[10], [20], [30]], [[40], [51], [60]]], np.uint8), 3, axis=2
)


def paint_errors(image, truth, prediction, focus):
    masks = error_masks(truth, prediction, focus)
    return paint_masks(image, zip(masks, (HIT, MISSED, FALSE_ALARM), strict=True))


def test_errors_pixel_by_pixel():
    truth = np.array([[1, 1, 0], [0, 255, 255]], np.uint8)
    prediction = np.array([[1, 0, 1], [0, 1, 0]], np.uint8)
    expected = [
        [HIT, MISSED, FALSE_ALARM],
        [(20, 20, 20), (26, 26, 26), (30, 30, 30)],  # half as bright
    ]
    np.testing.assert_array_equal(paint_errors(IMAGE, truth, prediction, 1), expected)


def test_the_focus_turns_misses_into_false_alarms():
    truth, prediction = np.array([[1, 1, 0]]), np.array([[1, 0, 1]])
    painted = paint_errors(IMAGE[:1], truth, prediction, focus=0)
    np.testing.assert_array_equal(painted, [[(5, 5, 5), FALSE_ALARM, MISSED]])


def test_classes_pixel_by_pixel():
    train_ids = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)
    painted = paint_classes(IMAGE, train_ids, [(0, 0, 100), (200, 100, 0)])
    expected = [  # 0.4 grey + 0.6 colour; the ignored pixel stays grey
        [(4, 4, 64), (128, 68, 8), (30, 30, 30)],
        [(136, 76, 16), (20, 20, 80), (24, 24, 84)],
    ]
    np.testing.assert_array_equal(painted, expected)


def test_colour_is_greyed_by_its_luma():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    painted = paint_classes(image, np.full((1, 3), 255), [(0, 0, 0)])
    np.testing.assert_array_equal(painted[0, :, 0], [76, 150, 29])


def test_noise_is_encoded():
    """Pillow's optimised encoder fails where a pixel takes more than a byte."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    jpeg = as_jpeg(noise)
    assert len(jpeg.content) > 300 * 400
    assert jpeg.size == (400, 300)
