"""Images as the metrics take them: checked, three channels, floats in [0, 1], a batch at a time."""

import hashlib
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

Images: TypeAlias = np.ndarray | Tensor
"""uint8 (N, H, W, C) as array or tensor, or a float tensor (N, C, H, W) in [0, 1]; C is 1 or 3."""


def check(images: Images, name: str = "images") -> Images:
    """`images` themselves, or a ValueError that says what is wrong with them."""
    shape, kind = tuple(images.shape), str(images.dtype).removeprefix("torch.")
    if len(shape) != 4 or (kind != "uint8" and not (isinstance(images, Tensor) and images.is_floating_point())):
        raise ValueError(
            f"{name}: {kind} {shape}, but needed is uint8 (N, H, W, C) or a float tensor (N, C, H, W) in [0, 1]"
        )
    if channels(images) not in (1, 3):
        raise ValueError(f"{name}: {channels(images)} channels in {shape}, but 1 or 3 are needed")
    if isinstance(images, Tensor) and kind != "uint8" and len(images) and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"{name}: floats must lie in [0, 1], but these go from {images.min():g} to {images.max():g}")
    return images


def channels(images: Images) -> int:
    return images.shape[-1] if images.dtype in (np.uint8, torch.uint8) else images.shape[1]


def size(images: Images) -> tuple[int, int]:
    """(H, W)"""
    return tuple(images.shape[1:3] if images.dtype in (np.uint8, torch.uint8) else images.shape[2:])


def batches(images: Images, count: int, device: torch.device | str = "cpu") -> Iterator[Tensor]:
    """(B, 3, H, W) float32 in [0, 1] with B <= count; grey is repeated to three channels."""
    for start in range(0, len(images), count):
        some = images[start : start + count]
        # torch.tensor copies: it takes read-only arrays (PIL, memory maps) without a warning
        batch = (some if isinstance(some, Tensor) else torch.tensor(np.ascontiguousarray(some))).to(device)
        batch = batch.permute(0, 3, 1, 2).float() / 255 if batch.dtype == torch.uint8 else batch.float()
        yield batch.expand(-1, 3, -1, -1) if batch.shape[1] == 1 else batch


def fingerprint(*images: Images) -> str:
    """sha256 over shapes and pixels: the same pictures in the same order give the same text."""
    total = hashlib.sha256()
    for some in images:
        array = np.ascontiguousarray(some.cpu().numpy() if isinstance(some, Tensor) else some)
        total.update(f"{array.dtype} {array.shape};".encode())
        total.update(array.data)
    return total.hexdigest()
