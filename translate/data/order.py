"""The order of training images: a sequence of seeded permutations, as a function of (seed, n)."""

from functools import lru_cache

import numpy as np


def nth(seed: int, domain: int, count: int, n: int) -> int:
    """Index, in [0, count), of the n-th image seen of a domain (n from 0)."""
    epoch, place = divmod(n, count)
    return int(_permutation(seed, domain, count, epoch)[place])


def balanced(seed: int, domain: int, classes: list[np.ndarray], n: int) -> int:
    """Index of the n-th image seen of a domain whose classes are seen equally often. classes: the indices of each."""
    chosen = classes[nth(seed, domain, len(classes), n)]
    return int(chosen[nth(seed, domain, len(chosen), n // len(classes))])


@lru_cache(maxsize=64)
def _permutation(seed: int, domain: int, count: int, epoch: int) -> np.ndarray:
    # From raw random numbers: NumPy guarantees these, while Generator.permutation may change between versions.
    numbers = np.random.PCG64(np.random.SeedSequence([abs(seed), domain, epoch])).random_raw(count)
    return np.argsort(numbers, kind="stable")
