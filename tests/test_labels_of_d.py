"""What a discriminator is told: smooth, soft and flipped labels."""

import pytest
import torch

from translate.modes.base import ModeSettings, labels

LOGITS = torch.zeros(20_000, 1, 2, 2)


def told(**settings) -> tuple:
    torch.manual_seed(0)
    return labels(ModeSettings(objective="vanilla", **settings), LOGITS)


def test_labels_are_plain_numbers_unless_they_are_drawn():
    assert told() == (1.0, 0.0)
    assert told(label_smoothing=0.1) == (0.9, 0.0)


def test_soft_labels_are_even_in_their_ranges():
    for label, (low, high) in zip(told(soft_labels=True), ((0.7, 1.2), (0.0, 0.3)), strict=True):
        assert label.shape == (20_000, 1, 1, 1)
        assert low <= label.min() < low + 0.01
        assert high - 0.01 < label.max() <= high
        assert label.mean().item() == pytest.approx((low + high) / 2, abs=0.01)


def test_labels_are_flipped_as_often_as_said():
    for label, usual, other in zip(told(flip_labels=0.05, label_smoothing=0.1), (0.9, 0), (0, 0.9), strict=True):
        flipped = label == other
        assert (flipped | (label == usual)).all()
        assert flipped.float().mean().item() == pytest.approx(0.05, abs=0.01)


def test_real_and_fake_labels_are_flipped_apart():
    real, fake = told(flip_labels=0.4)
    assert ((real == 0) & (fake == 1)).float().mean().item() == pytest.approx(0.16, abs=0.02)


def test_flipped_soft_labels_are_in_the_other_range():
    real, fake = told(soft_labels=True, flip_labels=0.25)
    assert (real < 0.5).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert (fake > 0.5).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert real[real < 0.5].max() <= 0.3
    assert fake[fake > 0.5].min() >= 0.7
