"""The parts of a mean teacher with class mixing, by hand."""

import pytest
import torch

from mmseg_splashkd.models.adaptation.mixing import (
    hidden,
    pasted,
    pseudo_labels,
    teacher_decay,
)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_teacher_starts_as_a_copy_and_slows_down():
    assert [teacher_decay(t) for t in (0, 1, 3)] == [0, 0.5, 0.75]
    assert teacher_decay(999) == pytest.approx(0.999)
    assert teacher_decay(10**6) == 0.999
    assert teacher_decay(10**6, alpha=0.9) == 0.9


def test_images_count_by_their_share_of_sure_pixels():
    p = torch.tensor(
        [[0.97, 0.9, 0.5, 0.01], [0.5, 0.5, 0.5, 0.5]], dtype=torch.float64
    )
    logits = torch.stack([p.log(), (1 - p).log()], dim=1)[:, :, None]
    labels, weights = pseudo_labels(logits)
    assert labels[0, 0].tolist() == [0, 0, 0, 1]
    assert weights.tolist() == [0.5, 0.0]  # 0.97 and 0.99
    assert pseudo_labels(logits, 0.85)[1][0].item() == 0.75


def test_half_of_the_classes_of_each_image_is_pasted():
    labels = torch.tensor([[[0, 1, 2, 2, 255]], [[3, 3, 3, 3, 3]]])
    seen = set()
    for seed in range(30):
        mask = pasted(labels, torch.Generator().manual_seed(seed))
        chosen = labels[0][mask[0]].unique().tolist()
        assert len(chosen) == 2  # of three
        assert mask[0].sum() == sum((labels[0] == k).sum() for k in chosen)
        assert not mask[1].any()  # it would replace the whole target image
        seen.add(tuple(chosen))
    assert seen == {(0, 1), (0, 2), (1, 2)}


def test_an_image_of_ignored_pixels_pastes_nothing():
    assert not pasted(torch.full((1, 2, 2), 255)).any()


def test_whole_patches_are_hidden():
    images = torch.ones(64, 2, 10, 13)
    shown = hidden(images, patch=4, ratio=0.7, generator=seeded())
    assert torch.equal(shown[:, 0], shown[:, 1])
    blocks = shown[:, 0, :8, :12].unfold(1, 4, 4).unfold(2, 4, 4).flatten(3)
    assert torch.equal(blocks.min(3).values, blocks.max(3).values)
    assert 1 - blocks.mean().item() == pytest.approx(0.7, abs=0.05)
    assert torch.equal(hidden(images, 4, 0.0), images)
    assert not hidden(images, 4, 1.0).any()
    again = hidden(images, patch=4, ratio=0.7, generator=seeded())
    assert torch.equal(shown, again)
