"""Points of a plane from Gaussians whose centres are known, so that what a GAN makes of them can be counted."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Mixture(NamedTuple):
    """Equally likely Gaussians in [-1, 1]²: centres (K, 2), all of one standard deviation."""

    centres: Tensor
    sigma: float

    def draw(self, count: int, random: torch.Generator | None = None) -> Tensor:
        """(count, 2) points, from torch's own random numbers or those given."""
        which = torch.randint(len(self.centres), (count,), generator=random)
        return self.centres[which] + self.sigma * torch.randn(count, 2, generator=random)

    def measure(self, points: Tensor) -> "Count":
        """What points (N, 2) cover, as Srivastava et al. (2017, section 5.1) count it: a point is good within three
        standard deviations of the nearest centre, and a mode is covered when a good point is nearest to it."""
        nearest, good = self.nearest(points)
        return Count(len(nearest[good].unique()), float(good.float().mean()))

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """For each of points (N, 2) the number of the nearest centre, and whether it is good."""
        distance, nearest = torch.cdist(points, self.centres).min(1)
        return nearest, distance <= 3 * self.sigma


class Count(NamedTuple):
    """modes: how many are covered. good: part of the points that lie near one."""

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
