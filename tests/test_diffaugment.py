"""What a discriminator is shown instead of images: changed as each policy says, and differentiable."""

from typing import get_args

import pytest
import torch

from translate.modes.base import ModeSettings
from translate.modes.diffaugment import Policy, diffaugment
from translate.modes.passes import Critic

POLICIES = list(get_args(Policy))


def pictures(count: int = 4, channels: int = 3, side: int = 32) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.8


def seeded(x: torch.Tensor, policy, channels=(), seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return diffaugment(x, policy, channels)


@pytest.mark.parametrize("policy", [[name] for name in POLICIES] + [POLICIES])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_reach_the_images(policy, channels):
    x = pictures(channels=channels).requires_grad_()
    y = seeded(x, policy)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    y.square().sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad != 0).float().mean((1, 2, 3)).min() > 0.3, "of every image"


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_pictures_of_one_colour_keep_their_gradients(level):
    x = torch.full((8, 3, 8, 8), level, requires_grad=True)
    seeded(x, ["color"]).sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad != 0).all()


@pytest.mark.parametrize("policy", POLICIES)
def test_changes_are_drawn_from_torchs_random_numbers(policy):
    x = pictures()
    assert torch.equal(seeded(x, [policy]), seeded(x, [policy]))
    assert not torch.equal(seeded(x, [policy]), seeded(x, [policy], seed=1))


@pytest.mark.parametrize("policy", POLICIES)
def test_each_image_changes_in_its_own_way(policy):
    x = pictures(1).expand(6, -1, -1, -1).contiguous()
    assert len({image.numpy().tobytes() for image in seeded(x, [policy])}) > 1


def test_no_policy_changes_nothing():
    x = pictures()
    assert torch.equal(diffaugment(x, []), x)
    state = torch.get_rng_state()
    seen = []
    Critic(lambda y: seen.append(y) or y, ModeSettings(objective="vanilla"), 0.5, fuse=False)(x)
    assert seen[0] is x
    assert torch.equal(torch.get_rng_state(), state), "and draws nothing"


@pytest.mark.parametrize("policy", POLICIES)
def test_stacked_images_change_alike(policy):
    x = pictures()
    changed = seeded(torch.cat([x, x], 1), [policy], (3, 3))
    assert torch.equal(changed[:, :3], changed[:, 3:])
    assert not torch.equal(changed[:, :3], x)


def test_a_grey_picture_is_stacked_with_a_coloured_one():
    x = pictures(channels=4)
    for policy in POLICIES:
        assert seeded(x, [policy], (1, 3)).shape == x.shape
    moved = seeded(torch.cat([x[:, :1]] * 4, 1), ["translation"], (1, 3))
    assert torch.equal(moved[:, :1].expand(-1, 3, -1, -1), moved[:, 1:])


def test_brightness_is_moved_by_up_to_a_half():
    """On a picture of one grey, saturation and contrast (about the picture's mean) change nothing."""
    levels = seeded(torch.zeros(4000, 3, 2, 2), ["color"])
    assert (levels - levels[:, :1, :1, :1]).abs().max() < 1e-5
    moved = levels[:, 0, 0, 0]
    assert -0.5 <= moved.min() < -0.49
    assert 0.49 < moved.max() <= 0.5
    assert moved.mean().abs() < 0.03


def test_contrast_is_halved_to_one_and_a_half():
    x = torch.zeros(4000, 1, 2, 2)
    x[:, :, 0], x[:, :, 1] = -0.2, 0.2
    y = seeded(x, ["color"])
    ratio = (y[:, 0, 1, 0] - y[:, 0, 0, 0]) / 0.4
    assert ratio.min().item() == pytest.approx(0.5, abs=0.01)
    assert ratio.max().item() == pytest.approx(1.5, abs=0.01)


def test_translation_moves_by_up_to_an_eighth_and_uncovers_grey():
    x = pictures(400)
    y = seeded(x, ["translation"])
    covered = (y != 0).all(1)
    rows, columns = covered.any(2).sum(1), covered.any(1).sum(1)
    for kept in (rows, columns):
        assert kept.min() == 32 - 4
        assert kept.max() == 32
    flat = seeded(torch.full((50, 3, 32, 32), 0.7), ["translation"])
    assert flat.max() <= 0.7 + 1e-6
    assert flat.min() == 0


def test_cutout_makes_a_square_of_half_the_side_grey():
    x = torch.full((200, 3, 32, 32), 0.7)
    y = seeded(x, ["cutout"])
    assert set(y.unique().tolist()) == set(torch.tensor([0.0, 0.7]).tolist())
    hole = (y == 0).all(1)
    assert hole.any(2).sum(1).max() == hole.any(1).sum(1).max() == 16
    assert torch.equal(hole.sum((1, 2)), hole.any(2).sum(1) * hole.any(1).sum(1)), "one rectangle each"
    assert len({tuple(h.nonzero()[0].tolist()) for h in hole}) > 50
