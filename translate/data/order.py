"""In which order training images are seen: one seeded permutation after the other, as a function of (seed, n)."""

from functools import lru_cache

import numpy as np


def nth(seed: int, domain: int, count: int, n: int) -> int:
    """Which of `count` images of a domain is the n-th that is seen (n from 0)."""
    epoch, place = divmod(n, count)
    return int(_permutation(seed, domain, count, epoch)[place])


@lru_cache(maxsize=8)
def _permutation(seed: int, domain: int, count: int, epoch: int) -> np.ndarray:
    # From raw numbers: NumPy promises these for ever, while Generator.permutation may change between versions.
    numbers = np.random.PCG64(np.random.SeedSequence([abs(seed), domain, epoch])).random_raw(count)
    return np.argsort(numbers, kind="stable")
