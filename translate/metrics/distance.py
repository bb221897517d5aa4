"""Distances between two sets of features: KID (unbiased, right for small sets) and the Frechet distance of FID."""

import torch
from torch import Tensor


def kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x·y/d + 1)^3 for every pair: (N, d), (M, d) -> (N, M). KID's kernel (Binkowski et al. 2018, "Demystifying MMD
    GANs", section 4)."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def kid(x: Tensor, y: Tensor) -> float:
    """Kernel inception distance: the unbiased squared MMD of features x (N, d) and y (M, d) over all pairs.

    Its expectation is 0 for two samples of one distribution, whatever N and M, so it can come out slightly negative;
    needs N, M >= 2. Memory N·M doubles. Binkowski et al. 2018, Eq. 4 (for N != M: Gretton et al. 2012, Eq. 3).
    """
    x, y = x.double(), y.double()
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise ValueError(f"KID needs at least two images on each side, got {n} and {m}")
    xx, yy = kernel(x, x), kernel(y, y)
    within = (xx.sum() - xx.trace()) / (n * (n - 1)) + (yy.sum() - yy.trace()) / (m * (m - 1))
    return float(within - 2 * kernel(x, y).mean())


def equality(x: Tensor, y: Tensor, permutations: int = 200, seed: int = 0) -> float:
    """p-value of "features x (N, d) and y (M, d) are of one distribution", by the two-sample permutation test with KID
    as the statistic (Gretton et al. 2012, section 1): the part of random divisions of all N + M into N and M whose KID
    is at least as large. From 1 / (permutations + 1) to 1."""
    n, both = len(x), torch.cat([x, y]).double()
    kernels = kernel(both, both).fill_diagonal_(0)
    generator = torch.Generator().manual_seed(seed)
    first = torch.zeros(permutations + 1, len(both), dtype=torch.float64)
    first[0, :n] = 1
    for row in first[1:]:
        row[torch.randperm(len(both), generator=generator)[:n]] = 1
    products, second = first @ kernels, 1 - first
    xx, xy = (products * first).sum(1), (products * second).sum(1)
    yy = kernels.sum() - xx - 2 * xy
    m = len(y)
    values = xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)
    return float((values >= values[0]).double().mean())


def kid_subsets(x: Tensor, y: Tensor, subsets: int = 100, size: int = 1000, seed: int = 0) -> tuple[float, float]:
    """(mean, standard deviation) of KID over random subsets, as papers report it; for comparison with them only.

    `size` is lowered to the smaller set. Draws from its own generator: torch's global one is left alone.
    """
    generator = torch.Generator().manual_seed(seed)
    size = min(size, len(x), len(y))

    def some(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:size]]

    values = torch.tensor([kid(some(x), some(y)) for _ in range(subsets)], dtype=torch.float64)
    return float(values.mean()), float(values.std(correction=0))


def cosines(x: Tensor, y: Tensor) -> Tensor:
    """float64 (N,): cosines of the angles between the features of outputs (N, d) and those of their true partners
    (N, d), in their order: 1 is the same. Unlike KID they compare each image with what it should be."""
    return torch.nn.functional.cosine_similarity(x.double(), y.double())


def frechet(x: Tensor, y: Tensor) -> float:
    """|m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x S_y)^(1/2)) for the means and covariances (divided by N - 1) of features
    x (N, d) and y (M, d); FID where the features are Inception's (Heusel et al. 2017, Eq. 6). In float64.

    With centred rows A and B, S_x = A'A and S_y = B'B, the trace of (S_x S_y)^(1/2) is the sum of the singular values
    of A B': no matrix square root, and nothing singular about N < d. Biased upwards for small N.
    """
    x, y = x.double(), y.double()
    if min(len(x), len(y)) < 2:
        raise ValueError(f"the Frechet distance needs at least two images on each side, got {len(x)} and {len(y)}")
    a, b = _centred(x), _centred(y)
    # More rows than columns: R of A = QR has the same A'A and Q drops out of the singular values
    small_a, small_b = (torch.linalg.qr(m, mode="r").R if len(m) > m.shape[1] else m for m in (a, b))
    cross = torch.linalg.svdvals(small_a @ small_b.T).sum()
    means = (x.mean(0) - y.mean(0)).square().sum()
    return float(means + a.square().sum() + b.square().sum() - 2 * cross)


def _centred(features: Tensor) -> Tensor:
    """Rows A with A'A = the covariance of `features`."""
    return (features - features.mean(0)) / (len(features) - 1) ** 0.5
