"""Intervals of scores: they cover the true value, and differences of scores of the same images are told from none."""

import pytest
import torch
from torch import Tensor

from translate.metrics import Score
from translate.metrics.distance import kernel, kid
from translate.metrics.intervals import Estimate, of_frechet, of_kid, of_mean, pooled
from translate.metrics.manifold import precision

WEIGHTS = torch.randn(12, 32, generator=torch.Generator().manual_seed(5), dtype=torch.float64) / 12**0.5
SHIFT = torch.randn(32, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def features(n: int, shift: float, random: torch.Generator) -> Tensor:
    """(n, 32) like those of a network: not negative, correlated, many zeros."""
    z, noise = (torch.randn(n, k, generator=random, dtype=torch.float64) for k in (12, 32))
    return 0.5 * torch.relu(0.3 + 0.7 * z @ WEIGHTS + 0.3 * noise + shift * SHIFT)


def truth(shift: float) -> float:
    """KID of the two distributions, by a large sample."""
    random = torch.Generator().manual_seed(0)
    if not shift:
        return 0.0
    return sum(kid(features(2000, shift, random), features(2000, 0, random)) for _ in range(4)) / 4


def covered(draws: int, shift: float, n: int = 30, m: int = 40) -> tuple[float, float]:
    """Share of the intervals of KID that hold its true value; of intervals of the difference of two equally good sets
    of outputs for the same inputs that hold 0."""
    random, right = torch.Generator().manual_seed(1), truth(shift)
    hits, equal = 0, 0
    for _ in range(draws):
        own, references = features(n, shift, random), features(m, 0, random)
        low, high = of_kid(own, references).interval()
        hits += low <= right <= high
        one, other = (own + 0.1 * torch.randn(own.shape, generator=random, dtype=torch.float64) for _ in range(2))
        low, high = (of_kid(one, references) - of_kid(other, references)).interval()
        equal += low <= 0 <= high
    return hits / draws, equal / draws


def test_intervals_of_kid_hold_the_true_value_in_95_of_100_cases():
    assert covered(1000, 0.8) == (pytest.approx(0.95, abs=0.02), pytest.approx(0.95, abs=0.02))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.15, 0.4])
def test_near_0_the_intervals_of_kid_are_wide_but_not_useless(shift):
    for share in covered(1000, shift):
        assert 0.945 <= share <= 0.999


def test_intervals_of_means_hold_too():
    random = torch.Generator().manual_seed(2)
    values = torch.rand(1000, 30, generator=random).square()  # a skewed one, of mean 1/3
    intervals = [of_mean(row).interval() for row in values]
    assert sum(low <= 1 / 3 <= high for low, high in intervals) / 1000 == pytest.approx(0.95, abs=0.02)


def test_intervals_of_the_frechet_distance_hold_its_expectation():
    random = torch.Generator().manual_seed(3)
    draws = [(features(40, 0.5, random), features(60, 0, random)) for _ in range(60)]
    found = [of_frechet(x[:, :8], y[:, :8]) for x, y in draws]
    mean = sum(one.value for one in found) / len(found)
    assert sum(one.interval()[0] <= mean <= one.interval()[1] for one in found) / len(found) >= 0.9


def test_leaving_one_image_out_is_the_jackknife_written_out():
    random = torch.Generator().manual_seed(4)
    x, y = features(7, 0.3, random), features(5, 0, random)
    found = of_kid(x, y)
    for name, set_ in (("images", x), ("references", y)):
        rows = [[k for k in range(len(set_)) if k != i] for i in range(len(set_))]
        without = torch.tensor([kid(x[r], y) if name == "images" else kid(x, y[r]) for r in rows]).double()
        expected = (len(set_) - 1) * (without.mean() - without)
        torch.testing.assert_close(found.influence[name], expected)
    assert found.value == kid(x, y)
    assert kernel(x, y).shape == (7, 5)


def test_pairing_makes_a_difference_visible():
    random = torch.Generator().manual_seed(5)
    hard = torch.rand(100, generator=random)  # how hard each image is, for both
    one, other = (hard + 0.05 * torch.randn(100, generator=random) + gain for gain in (0.0, 0.03))
    difference = of_mean(other) - of_mean(one)
    assert difference.interval()[0] > 0
    apart = Estimate(difference.value, {"a": of_mean(one).influence["images"], "b": of_mean(other).influence["images"]})
    assert apart.interval()[0] < 0


def test_how_many_images_would_be_enough():
    random = torch.Generator().manual_seed(6)
    few = of_mean(0.2 + torch.randn(50, generator=random))
    needed = few.enough(50)
    assert needed == pytest.approx(((1.96 + 0.84) / few.value) ** 2 * float(few.influence["images"].var()), rel=0.05)
    assert Estimate(0.0, few.influence).enough(50) is None
    assert of_mean(torch.full((9,), 0.5)).interval() == (0.5, 0.5)


def test_seeds_are_pooled_and_their_spread_counts():
    values = torch.rand(60, generator=torch.Generator().manual_seed(7))
    seeds = [of_mean(values + shift) for shift in (0.0, 0.1, 0.2)]
    found = pooled(seeds, "a")
    assert found.value == pytest.approx(float(values.mean()) + 0.1)
    assert found.error > of_mean(values).error
    assert found.error**2 == pytest.approx(of_mean(values).error ** 2 + 0.01 / 3)
    difference = found - pooled(seeds, "b")  # of another's seeds: not paired
    assert set(difference.influence) == {"images", "seeds of a", "seeds of b"}
    assert difference.interval()[0] < -0.1
    assert pooled(seeds[:1], "a") == seeds[0]


def test_too_few_images_have_no_interval_and_other_images_no_difference():
    x = features(2, 0.1, torch.Generator().manual_seed(8))
    assert of_kid(x, x + 1).interval() is None
    assert of_mean(torch.ones(1)).interval() is None
    with pytest.raises(ValueError, match="3 and 4 images are not the same ones"):
        of_mean(torch.rand(3)) - of_mean(torch.rand(4))


def test_precision_and_recall_by_their_definition():
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]])  # the 3rd nearest of the middle one is 2 away
    outputs = torch.tensor([[2.0], [6.9], [7.1], [-3.1]])
    assert precision(outputs, real).tolist() == [1, 1, 0, 0]
    collapsed = torch.full((5, 1), 2.0)  # all on one place: precise, with no recall but of that place
    assert float(precision(collapsed, real).mean()) == 1
    assert float(precision(real, collapsed).mean()) == pytest.approx(0.2)


def test_a_score_reads_as_a_sentence():
    assert str(Score("KID-lite2", 0.0512, 154, 0.0769, True)) == "KID-lite2 0.0512 (n=154; doing nothing 0.0769)"
    assert str(Score("KID-lite2", -0.0001, 154, None, True)) == "KID-lite2 -0.0001 (n=154)"
    assert str(Score("PSNR", 21.456, 9, 8.0, False)) == "PSNR 21.46 (n=9; doing nothing 8.00)"
    assert str(Score("L1", 0.25, 9, None, True, "rewards blur")) == "L1 0.250 (n=9; rewards blur)"
