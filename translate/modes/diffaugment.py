"""Differentiable augmentation of a discriminator's input, real and fake images alike (Zhao et al. 2020, "Differentiable
Augmentation for Data-Efficient GAN Training"). It keeps D from overfitting small data sets.

Sums and products only: the augmentations of libraries clamp their results, which stops the gradient.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from translate.system import image_rng

Policy = Literal["color", "translation", "cutout"]  # the paper's names


def diffaugment(images: Tensor, policy: Sequence[Policy], channels: Sequence[int] = ()) -> Tensor:
    """(B, C, H, W) in [-1, 1] → the same shape, each image augmented with random numbers of its own (`image_rng`).

    color: brightness + U(-0.5, 0.5), saturation × U(0, 2) (of three channels), contrast × U(0.5, 1.5). translation: by
    whole pixels, up to an eighth of the side. cutout: a square of half the side, its centre anywhere. Uncovered and cut
    out pixels are 0, a middle grey. channels: of each image concatenated along C; all are augmented alike; () = one.
    """
    for name in policy:
        if name == "color":
            images = _color(images, list(channels or [images.shape[1]]))
        else:
            images = _translation(images) if name == "translation" else _cutout(images)
    return images


def _color(images: Tensor, channels: list[int]) -> Tensor:
    brightness, saturation, contrast = (image_rng.uniform(len(images), 1, 1, 1, device=images.device) for _ in range(3))
    augmented = []
    for x in images.split(channels, 1):
        x = x + (brightness - 0.5)
        if x.shape[1] == 3:
            grey = x.mean(1, keepdim=True)
            x = grey + 2 * saturation * (x - grey)
        mean = x.mean((1, 2, 3), keepdim=True)
        augmented.append(mean + (contrast + 0.5) * (x - mean))
    return torch.cat(augmented, 1).to(images.dtype)


def _translation(images: Tensor) -> Tensor:
    sources = []  # of each axis (B, side): the padded image's row or column that an output's is taken from
    for side in images.shape[2:]:
        furthest = max(1, round(side / 8))
        shift = image_rng.integers(-furthest, furthest + 1, len(images), 1, device=images.device)
        sources.append((torch.arange(side, device=images.device) + shift + 1).clamp(0, side + 1))
    padded = F.pad(images, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    index = torch.arange(len(images), device=images.device)[:, None, None]
    return padded[index, sources[0][:, :, None], sources[1][:, None, :]].permute(0, 3, 1, 2)


def _cutout(images: Tensor) -> Tensor:
    inside = []
    for side in images.shape[2:]:
        centre = image_rng.integers(0, side + 1, len(images), 1, device=images.device)
        distance = torch.arange(side, device=images.device) - centre
        inside.append((distance >= -(side // 4)) & (distance < side // 4))
    cut = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(cut, 0)
