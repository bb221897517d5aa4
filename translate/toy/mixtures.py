"""Mixtures of Gaussians in the plane with known centres, so that the modes that a GAN covers can be counted."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Mixture(NamedTuple):
    """Equally likely Gaussians in [-1, 1]²: centres (K, 2), all of one standard deviation."""

    centres: Tensor
    sigma: float

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """(count, 2) points, from torch's random numbers or `generator`'s."""
        component = torch.randint(len(self.centres), (count,), generator=generator)
        return self.centres[component] + self.sigma * torch.randn(count, 2, generator=generator)

    def measure(self, points: Tensor) -> "Count":
        """The coverage by points (N, 2), as Srivastava et al. (2017, section 5.1) count it: a point is good within 3
        standard deviations of the nearest centre; a mode is covered if it is the nearest one of a good point."""
        nearest, good = self.nearest(points)
        return Count(len(nearest[good].unique()), float(good.float().mean()))

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """For each of points (N, 2) the index of the nearest centre (N,), and whether it is good (N,)."""
        distance, nearest = torch.cdist(points, self.centres).min(1)
        return nearest, distance <= 3 * self.sigma


class Count(NamedTuple):
    """modes: how many are covered. good: fraction of the points that are good."""

    modes: int
    good: float


def ring(modes: int = 8, radius: float = 0.7) -> Mixture:
    """Gaussians on a circle; σ is 1/50 of the radius, as in Metz et al. (2017) and the papers after it."""
    angles = 2 * math.pi * torch.arange(modes) / modes
    return Mixture(radius * torch.stack([angles.cos(), angles.sin()], 1), radius / 50)


def grid(side: int = 5, reach: float = 0.8) -> Mixture:
    """side × side Gaussians; σ is 1/40 of the step, as in Srivastava et al. (2017): 0.05 where the step is 2."""
    places = torch.linspace(-reach, reach, side)
    return Mixture(torch.cartesian_prod(places, places), 2 * reach / (side - 1) / 40)


MIXTURES = {"ring": ring, "grid": grid}
