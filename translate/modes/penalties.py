"""Gradient penalties of discriminators: R1, R2 (Mescheder et al. 2018) and WGAN-GP's (Gulrajani et al. 2017)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from translate.modes.objectives import in_float32
from translate.system import image_rng

Discriminator = Callable[[Tensor], Tensor]
Penalised = tuple[Callable[..., Any], Tensor, Tensor]  # D, real images, fake images


def zero_centred(D: Discriminator, images: Tensor) -> Tensor:
    """½ E‖∇D(x)‖² at images (B, C, H, W), D(x) the mean of an image's logits: R1 at real images (Mescheder et al. 2018,
    Eq. 9), R2 at generated ones (their Eq. 10)."""
    return 0.5 * _gradient(D, in_float32(images.detach())).square().sum((1, 2, 3)).mean()


def gradient_penalty(D: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
    """E(‖∇D(x̂)‖₂ - 1)² at x̂ = εx + (1 - ε)x̃, ε uniform for each image, between real x and fake x̃, both (B, C, H, W)
    (Gulrajani et al. 2017, Eq. 3 and Algorithm 1)."""
    real, fake = in_float32(real.detach()), in_float32(fake.detach())
    epsilon = image_rng.uniform(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = epsilon * real + (1 - epsilon) * fake
    return (_gradient(D, between).flatten(1).norm(dim=1) - 1).square().mean()


def _gradient(D: Discriminator, x: Tensor) -> Tensor:
    """∇D(x), differentiable again. In float32: half precision is too coarse for it."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.requires_grad_()
        return torch.autograd.grad(D(x).mean((1, 2, 3)).sum(), x, create_graph=True)[0]


def lazy_round(settings: Any) -> bool:
    """Whether the next round has R1 and R2, at random: lazy regularisation (Karras et al. 2020), since each application
    costs a second backward pass."""
    return settings.r1_every == 1 or not (settings.r1 or settings.r2) or image_rng.chance() * settings.r1_every < 1


def penalties(settings: Any, lazy: bool, *critics: Penalised) -> dict[str, Tensor]:
    """The penalties whose weights in the settings are not 0, each summed over critics (D, real images, fake images).
    lazy: whether this is a round with R1 and R2 (`lazy_round`)."""
    losses: dict[str, Tensor] = {}
    zero = critics[0][1].new_zeros(())
    if settings.r1 or settings.r2:
        points = {"r1": [(D, real) for D, real, _ in critics], "r2": [(D, fake) for D, _, fake in critics]}
        for name, gamma in (("r1", settings.r1), ("r2", settings.r2)):
            if gamma:
                values = [zero_centred(D, images) for D, images in points[name]] if lazy else []
                losses[name] = gamma * settings.r1_every * sum(values, zero)
    if settings.penalty:
        losses["gp"] = settings.penalty * sum((gradient_penalty(*critic) for critic in critics), zero)
    return losses
