"""KID and the Frechet distance against their formulas, written out."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm  # a dependency of albumentations

from translate.metrics.distance import frechet, kid, kid_subsets


def normal(n: int, d: int, seed: int, mean: float = 0.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(mean, 1, (n, d)))


def test_kid_is_the_unbiased_estimator_written_out():
    x, y = normal(7, 5, 0), normal(4, 5, 1, 0.5)

    def k(a, b):
        return (sum(float(p) * float(q) for p, q in zip(a, b, strict=True)) / 5 + 1) ** 3

    xx = sum(k(x[i], x[j]) for i in range(7) for j in range(7) if i != j) / (7 * 6)
    yy = sum(k(y[i], y[j]) for i in range(4) for j in range(4) if i != j) / (4 * 3)
    xy = sum(k(a, b) for a in x for b in y) / (7 * 4)
    assert kid(x, y) == pytest.approx(xx + yy - 2 * xy, abs=1e-12)


def test_kid_is_zero_on_average_for_one_distribution_even_with_few_images():
    values = np.array([kid(normal(6, 8, 2 * i), normal(9, 8, 2 * i + 1)) for i in range(800)])
    error = values.std() / len(values) ** 0.5
    assert abs(values.mean()) < 3 * error
    assert values.min() < 0  # what an unbiased estimator of 0 has to do
    assert error < 0.05  # so that the first line can fail: the biased estimator gives about 2


def test_kid_grows_with_the_distance_and_needs_two_images():
    near, far = (kid(normal(50, 8, 0), normal(60, 8, 1, mean)) for mean in (0.2, 0.6))
    assert 0 < near < far
    with pytest.raises(ValueError, match="at least two"):
        kid(normal(1, 8, 0), normal(5, 8, 0))


def test_kid_over_subsets_surrounds_kid_over_all_pairs_and_can_be_repeated():
    x, y = normal(300, 16, 0), normal(400, 16, 1, 0.3)
    mean, deviation = kid_subsets(x, y, subsets=60, size=100)
    assert mean == pytest.approx(kid(x, y), abs=3 * deviation / 60**0.5)
    assert 0 < deviation < mean
    assert kid_subsets(x, y, subsets=60, size=100) == (mean, deviation)
    whole, none = kid_subsets(x, y[:300], subsets=3, size=1000)  # lowered to 300: the same set in another order
    assert whole == pytest.approx(kid(x, y[:300]), abs=1e-12)
    assert none == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "m"), [(200, 150), (200, 9), (8, 9)], ids=["N > d", "one N < d", "both N < d"])
def test_frechet_equals_the_definition(n, m):
    d = 20
    x, y = normal(n, d, 0) * torch.linspace(0.1, 3, d), normal(m, d, 1, 0.4)
    a, b = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    root = sqrtm(sqrtm(a) @ b @ sqrtm(a)).real  # symmetric: stays accurate when a is singular
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum().item() + np.trace(a + b - 2 * root)
    assert frechet(x, y) == pytest.approx(expected, rel=1e-5)


def test_frechet_of_a_set_with_itself_and_with_its_shift():
    x = normal(10, 30, 0)
    assert frechet(x, x) == pytest.approx(0, abs=1e-10)
    assert frechet(x, x + 2.0) == pytest.approx(30 * 4.0, rel=1e-9)
