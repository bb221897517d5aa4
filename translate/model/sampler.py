"""The sampler: makes images from seeds or latents with a trained GAN's generator, reproducibly."""

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

    latent: length of a latent. classes: names of the classes, empty for an unconditional GAN. size: (height, width).
    channels: 1 or 3. description: the generator file's: mode, images seen, licences, scores.
    """

    def __init__(self, network: nn.Module, description: dict[str, Any], *, device: str = "cpu"):
        entry, device = description["directions"][generator_file.NOISE], choose(device)
        self.network, self.description, self.device = network.eval().to(device), description, device
        self.latent: int = description["latent"]
        self.classes: list[str] = list(description.get("classes", []))
        self.size: tuple[int, int] = tuple(description["size"])
        self.channels: int = entry["arguments"]["out_channels"]
        self.name: str = entry.get("to", "a")  # of the training data

    @classmethod
    def load(cls, model: str | Path, *, device: str = "cpu") -> "Sampler":
        """model: a run folder (its best generator), a generator file, or a name in pretrained/.

        UserError when there is no such model, it is damaged, or its generator translates images.
        """
        if str(model).lower().endswith(".onnx"):
            raise UserError(f"{model} is an ONNX file; give the run folder or generator file that it was made from.")
        network, description, _ = generator_file.load(model, generator_file.NOISE)
        return cls(network, description, device=device)

    def latents(self, seeds: Sequence[int]) -> Tensor:
        """The latents of the seeds: float32 (N, latent)."""
        return latents(seeds, self.latent)

    def __call__(self, z: Tensor, classes: Sequence[int] | None = None) -> np.ndarray:
        """Latents (N, latent) → uint8 (N, H, W, C). classes: N class indices, for a class-conditional GAN.

        An image depends only on its own latent: batches are padded to one size, because torch's rounding depends on the
        batch size. ValueError when shapes or classes don't fit; FloatingPointError when the output contains NaN or
        infinity.
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
    """Latents (N, latent) → batches of images (up to BATCH, C, H, W) in [-1, 1].

    classes: N class indices below `count`, or None. The network always gets BATCH rows, the last batch padded, because
    torch's rounding depends on the batch size.
    """
    for start in range(0, len(z), BATCH):
        rows = z[start : start + BATCH].float()
        if classes is not None:
            rows = torch.cat([rows, one_hot(classes[start : start + BATCH], count)], 1)
        padded = F.pad(rows, (0, 0, 0, BATCH - len(rows)))
        # On CUDA the fastest transposed convolution sums in no fixed order.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            y = network(padded.to(device))
        yield y[: len(rows)]


def latents(seeds: Sequence[int], length: int) -> Tensor:
    """float32 (N, length) from N(0, 1); row i depends only on seeds[i]."""
    rows = [torch.randn(length, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows) if rows else torch.zeros(0, length)


def one_hot(classes: Sequence[int], count: int) -> Tensor:
    """Class indices (N) → float32 (N, count), one-hot."""
    return F.one_hot(torch.as_tensor(classes, dtype=torch.int64), count).float()


def on_sphere(z: Tensor) -> Tensor:
    """Latents (…, length) scaled to the norm √length, near which nearly all samples of N(0, 1) lie."""
    return z * (math.sqrt(z.shape[-1]) / z.norm(dim=-1, keepdim=True))


def slerp(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
    """Spherical interpolation: latents (steps, length) from z0 to z1, each (length), both included.

    The direction moves along the great circle (Shoemake 1985), the norm linearly. Linear interpolation would pass
    through latents with norms that N(0, 1) practically never has (White 2016).
    """
    a, b = z0.double(), z1.double()
    angle = torch.arccos(F.cosine_similarity(a, b, dim=0).clamp(-1, 1))
    t = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    if torch.sin(angle) < 1e-6:  # equal or opposite directions: no unique great circle
        path = (1 - t) * a + t * b
    else:
        lengths = (1 - t) * a.norm() + t * b.norm()
        directions = torch.sin((1 - t) * angle) * a / a.norm() + torch.sin(t * angle) * b / b.norm()
        path = lengths * directions / torch.sin(angle)
    path[0], path[-1] = a, b  # exactly
    return path.float()
