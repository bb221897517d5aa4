"""Confidence intervals of scores, and of differences of scores of the same images, by the jackknife.

A bootstrap that draws images with replacement pairs images with their own copies, which biases KID and FID; where the
copies are left out, its interval of a small KID is too wide (99 % instead of 95 %), since it overestimates the
variance of a U-statistic's second-order part threefold. The jackknife overestimates it twofold (Efron and Stein 1981,
"The jackknife estimate of variance"): its intervals hold, and are a little wide where a KID is near 0. For
U-statistics such as KID: Arvesen 1969, "Jackknifing U-statistics". For a mean it is the ordinary t interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf

import torch
from scipy.special import stdtrit
from torch import Tensor

from translate.metrics.distance import frechet, kernel, kid

LEVEL = 0.95
GROUPS = 20  # of images that are left out together, where leaving out each image would take too long
POWER = 0.8416  # quantile of the normal distribution for a power of 80 %


@dataclass(frozen=True)
class Estimate:
    """A score and how it depends on what was sampled.

    influence: for each sample ("images", "references", …) how much each of its N members moves the score, float64 (N),
    of mean 0; the variance due to that sample is the sum of squares / (N (N - 1)).
    """

    value: float
    influence: dict[str, Tensor] = field(default_factory=dict)

    def __sub__(self, other: "Estimate") -> "Estimate":
        """The difference of two scores. Samples of one name are the same images, in the same order; ValueError where
        they aren't equally many."""
        influence = dict(self.influence)
        for name, theirs in other.influence.items():
            own = influence.get(name)
            if own is not None and len(own) != len(theirs):
                raise ValueError(f"{len(own)} and {len(theirs)} {name} are not the same ones")
            influence[name] = -theirs if own is None else own - theirs
        return Estimate(self.value - other.value, influence)

    @property
    def error(self) -> float:
        """The standard error; infinite where a sample has one member only."""
        return sum(self._variances().values()) ** 0.5

    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval; None where it is unknown. Degrees of freedom: Welch 1947, Satterthwaite 1946."""
        variances = self._variances()
        total = sum(variances.values())
        if not variances or total == inf:
            return None
        if total == 0:
            return self.value, self.value
        freedom = total**2 / sum(own**2 / (len(self.influence[name]) - 1) for name, own in variances.items())
        reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * total**0.5
        return self.value - reach, self.value + reach

    def enough(self, n: int) -> int | None:
        """How many images instead of n, with proportionally more of all else, show this difference from 0 in 80 % of
        cases; None where there is no difference."""
        if not self.value or self.error == inf:
            return None
        return max(n, ceil(n * ((1.96 + POWER) * self.error / self.value) ** 2))

    def _variances(self) -> dict[str, float]:
        return {
            name: float(own.square().sum()) / (len(own) * (len(own) - 1)) if len(own) > 1 else inf
            for name, own in self.influence.items()
        }


def of_mean(values: Tensor, sample: str = "images") -> Estimate:
    """The mean of one value for each image (N,)."""
    values = values.double()
    return Estimate(float(values.mean()), {sample: values - values.mean()})


def of_kid(x: Tensor, y: Tensor) -> Estimate:
    """`kid` of features x (N, d) of the images and y (M, d) of the references. O((N + M)² d)."""
    x, y = x.double(), y.double()
    across = kernel(x, y)
    parts = {"images": _left_out(kernel(x, x), across), "references": _left_out(kernel(y, y), across.T)}
    return Estimate(kid(x, y), parts)


def _left_out(within: Tensor, across: Tensor) -> Tensor:
    """(N,) influence of each of the images whose kernels are `within` (N, N) and, with the others, `across` (N, M)."""
    n, m = across.shape
    if n < 3:
        return torch.zeros(1, dtype=torch.float64)
    rows = within.sum(1) - within.diagonal()
    without = (rows.sum() - 2 * rows) / ((n - 1) * (n - 2)) - 2 * (across.sum() - across.sum(1)) / ((n - 1) * m)
    return (n - 1) * (without.mean() - without)


def of_frechet(x: Tensor, y: Tensor) -> Estimate:
    """`frechet` of features x (N, d) and y (M, d), jackknifed in 20 groups. The interval is of its expectation for so
    many images, not of its limit for many, which is smaller."""
    parts = {"images": _grouped(lambda some: frechet(some, y), x), "references": _grouped(lambda s: frechet(x, s), y)}
    return Estimate(frechet(x, y), parts)


def _grouped(measure: Callable[[Tensor], float], x: Tensor) -> Tensor:
    """(G,) influence of G groups of the rows of x on `measure`."""
    groups = min(GROUPS, len(x) // 2)
    kept = [torch.arange(len(x)) % groups != group for group in range(groups)]
    without = torch.tensor([measure(x[rows]) for rows in kept], dtype=torch.float64)
    return (groups - 1) * (without.mean() - without)


def pooled(seeds: Sequence[Estimate], name: str) -> Estimate:
    """The mean score of several trainings that differ only in their seed, on the same images; their spread is part of
    the interval. name: of what was trained, so that its seeds aren't taken for those of another."""
    if len(seeds) == 1:
        return seeds[0]
    values = torch.tensor([one.value for one in seeds], dtype=torch.float64)
    shared = {part: torch.stack([one.influence[part] for one in seeds]).mean(0) for part in seeds[0].influence}
    return Estimate(float(values.mean()), {**shared, f"seeds of {name}": values - values.mean()})
