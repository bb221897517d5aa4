"""A trained GAN's generator to use: random numbers in, images out, the same image for the same number every time."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.errors import UserError
from translate.model import file as generator_file
from translate.model.torch_engine import to_image
from translate.system.device import choose

BATCH = 64


class Sampler:
    """The generator of a GAN, in evaluation mode.

    latent: how many numbers an image is made from. classes: the names of the classes, or none. size: (height, width).
    channels: 1 or 3. description: what the file says of itself: mode, images seen, licences, scores.
    """

    def __init__(self, network: nn.Module, description: dict[str, Any], *, device: str = "cpu"):
        entry, device = description["directions"][generator_file.NOISE], choose(device)
        self.network, self.description, self.device = network.eval().to(device), description, device
        self.latent: int = description["latent"]
        self.classes: list[str] = list(description.get("classes", []))
        self.size: tuple[int, int] = tuple(description["size"])
        self.channels: int = entry["arguments"]["out_channels"]
        self.name: str = entry.get("to", "a")  # of the images that it was trained on

    @classmethod
    def load(cls, model: str | Path, *, device: str = "cpu") -> "Sampler":
        """model: a run folder (its best generator), a generator file, or a name in pretrained/.

        UserError when there is no such thing, or it is damaged, or it translates images instead.
        """
        if str(model).lower().endswith(".onnx"):
            raise UserError(f"{model} is an ONNX file; give the run folder or generator file that it was made from.")
        network, description, _ = generator_file.load(model, generator_file.NOISE)
        return cls(network, description, device=device)

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """What the pictures of these numbers are made from: float32 (N, latent)."""
        return latents(seeds, self.latent)

    def __call__(self, z: Tensor, classes: Sequence[int] | None = None) -> np.ndarray:
        """Latents (N, latent), and for each the number of its class where there are `classes` → uint8 (N, H, W, C).

        An image depends on its own row alone: all batches are of one size, padded, because how torch rounds depends on
        the batch's size. ValueError for what doesn't fit; FloatingPointError when the network gives NaN or infinity.
        """
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(f"latents should be of shape (N, {self.latent}), not {tuple(z.shape)}")
        if (classes is None) == bool(self.classes) or (classes is not None and len(classes) != len(z)):
            raise ValueError("a class-conditional generator, and no other, needs the class of each latent")
        parts = [np.zeros((0, *self.size, self.channels), np.uint8)]
        for y in draw(self.network, z, classes, len(self.classes), self.device):
            if not torch.isfinite(y).all():
                raise FloatingPointError("the network's output is not a number (NaN or infinity)")
            parts.append(to_image(y))
        return np.concatenate(parts)


@torch.inference_mode()
def draw(
    network: nn.Module, z: Tensor, classes: Sequence[int] | None, count: int, device: torch.device | str
) -> Iterator[Tensor]:
    """Latents (N, latent), and for each its class of `count` where there are any → images (up to BATCH, C, H, W) in
    [-1, 1], batch after batch, each of BATCH rows, padded: how torch rounds depends on that."""
    for start in range(0, len(z), BATCH):
        rows = z[start : start + BATCH].float()
        if classes is not None:
            rows = torch.cat([rows, one_hot(classes[start : start + BATCH], count)], 1)
        padded = F.pad(rows, (0, 0, 0, BATCH - len(rows)))
        # On CUDA the fastest transposed convolution adds in whatever order its threads come.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            y = network(padded.to(device))
        yield y[: len(rows)]


def latents(seeds: Sequence[int], length: int) -> Tensor:
    """float32 (N, length) from N(0, 1); row i comes from seeds[i] alone, so a picture's number is its seed."""
    rows = [torch.randn(length, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows) if rows else torch.zeros(0, length)


def one_hot(classes: Sequence[int], count: int) -> Tensor:
    """float32 (N, count) with a 1 where the class is."""
    return F.one_hot(torch.as_tensor(classes, dtype=torch.int64), count).float()


def on_sphere(z: Tensor) -> Tensor:
    """Latents (…, length) brought to the length √length, near which nearly all of N(0, 1) lies."""
    return z * (math.sqrt(z.shape[-1]) / z.norm(dim=-1, keepdim=True))


def slerp(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
    """`steps` latents (steps, length) from z0 to z1 (length), both included: the direction moves along the great circle
    (Shoemake 1985), the length evenly. A straight line would pass through latents too short to occur (White 2016)."""
    a, b = z0.double(), z1.double()
    angle = torch.arccos(F.cosine_similarity(a, b, dim=0).clamp(-1, 1))
    t = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    if torch.sin(angle) < 1e-6:  # the same direction, or opposite ones, which no single circle joins
        path = (1 - t) * a + t * b
    else:
        lengths = (1 - t) * a.norm() + t * b.norm()
        directions = torch.sin((1 - t) * angle) * a / a.norm() + torch.sin(t * angle) * b / b.norm()
        path = lengths * directions / torch.sin(angle)
    path[0], path[-1] = a, b  # exactly
    return path.float()
