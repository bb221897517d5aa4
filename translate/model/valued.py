"""Measured values as a network's inputs and outputs. Pixels without a value are FILL in tensors, NaN in arrays."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from translate.model.torch_engine import to_image, to_input
from translate.values.domain import FILL, DomainType


def keep_absent(network: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """A forward hook of a generator: where its input (B, C, H, W) has no value, its output has none either, so that
    losses and discriminators find nothing to compare there."""
    return torch.where(absent(inputs[0]), FILL, output)


def absent(x: Tensor) -> Tensor:
    """bool (B, 1, H, W): the pixels of (B, C, H, W) that have no value."""
    return (x == FILL).any(1, keepdim=True)


def values_input(images: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 (N, H, W, C), or float32 in [-1, 1] with NaN → float32 (N, C, H, W) on `device`."""
    if images.dtype == np.uint8:
        return to_input(images, device)
    x = torch.as_tensor(images).to(device).permute(0, 3, 1, 2)
    return torch.where(x.isnan().any(1, keepdim=True), FILL, x).contiguous()


def values_output(y: Tensor, x: Tensor, target: DomainType | None) -> np.ndarray:
    """The network's output y (N, C', H, W) of its input x → uint8 (N, H, W, C'), or of measured values of the type
    `target` float32 in [-1, 1] with NaN where the input has no value, rounded as in a written file."""
    if target is None:
        return to_image(y)
    y = torch.where(absent(x), torch.nan, y.float().clamp(-1, 1))
    return target.rounded(y.permute(0, 2, 3, 1).cpu().numpy())


@torch.inference_mode()
def translate_values(
    generator: nn.Module, images: np.ndarray, target: DomainType | None, device: torch.device | str, batch: int = 16
) -> np.ndarray:
    """Images as of `values_input` → as of `values_output`, in evaluation mode; restores the generator's mode after."""
    training = generator.training
    generator.eval()
    parts = []
    for start in range(0, len(images), batch):
        x = values_input(images[start : start + batch], device)
        parts.append(values_output(generator(x), x, target))
    generator.train(training)
    return np.concatenate(parts)
