"""Objectives: values and gradients against the papers' formulas, written out."""

import math

import pytest
import torch

from translate.modes.game import GameSettings
from translate.objectives import OBJECTIVES, l1, r1

REAL, FAKE = [-3.0, -0.5, 0.0, 0.7, 4.0], [-2.0, -0.1, 0.3, 1.0, 5.0]


def sigma(d: float) -> float:
    return 1 / (1 + math.exp(-d))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def formulas(real_label: float = 1.0) -> dict[str, tuple[float, float]]:
    """objective -> (discriminator, generator) with the logarithms, squares and maxima of the papers."""
    y = real_label
    vanilla_real = mean(-y * math.log(sigma(d)) - (1 - y) * math.log(1 - sigma(d)) for d in REAL)
    return {
        "vanilla": (
            vanilla_real - mean(math.log(1 - sigma(d)) for d in FAKE),
            -mean(math.log(sigma(d)) for d in FAKE),
        ),
        "lsgan": (mean((d - y) ** 2 for d in REAL) + mean(d**2 for d in FAKE), mean((d - 1) ** 2 for d in FAKE)),
        "hinge": (mean(max(0, 1 - d) for d in REAL) + mean(max(0, 1 + d) for d in FAKE), -mean(FAKE)),
    }


@pytest.mark.parametrize("name", OBJECTIVES)
def test_values(name):
    discriminator, generator = formulas()[name]
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    assert OBJECTIVES[name].discriminator(real, fake, 1.0).item() == pytest.approx(discriminator, rel=1e-5)
    assert OBJECTIVES[name].generator(fake).item() == pytest.approx(generator, rel=1e-5)


@pytest.mark.parametrize("name", [n for n, o in OBJECTIVES.items() if o.labels])
def test_smoothed_labels(name):
    value = OBJECTIVES[name].discriminator(torch.tensor(REAL), torch.tensor(FAKE), 0.9).item()
    assert value == pytest.approx(formulas(0.9)[name][0], rel=1e-5)


GRADIENTS = {  # d loss / d logit for one real and one fake logit
    "vanilla": (lambda d: sigma(d) - 1, lambda d: sigma(d), lambda d: sigma(d) - 1),
    "lsgan": (lambda d: 2 * (d - 1), lambda d: 2 * d, lambda d: 2 * (d - 1)),
    "hinge": (lambda d: -1.0 if d < 1 else 0.0, lambda d: 1.0 if d > -1 else 0.0, lambda d: -1.0),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients(name):
    of_real, of_fake, of_generator = GRADIENTS[name]
    for d in REAL + FAKE:
        if name == "hinge" and abs(d) == 1:
            continue  # the kink
        real, fake, seen = (torch.tensor([d], requires_grad=True) for _ in range(3))
        OBJECTIVES[name].discriminator(real, fake, 1.0).backward()
        OBJECTIVES[name].generator(seen).backward()
        assert real.grad.item() == pytest.approx(of_real(d), abs=1e-5)
        assert fake.grad.item() == pytest.approx(of_fake(d), abs=1e-5)
        assert seen.grad.item() == pytest.approx(of_generator(d), abs=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_large_logits_stay_finite(name):
    for value in (-1e4, 1e4):
        logits = torch.full((4,), value, requires_grad=True)
        loss = OBJECTIVES[name].discriminator(logits, logits, 1.0) + OBJECTIVES[name].generator(logits)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_half_precision_logits_give_float32_losses(name):
    logits = torch.tensor(REAL, dtype=torch.float16)
    assert OBJECTIVES[name].discriminator(logits, logits, 1.0).dtype == torch.float32
    assert OBJECTIVES[name].generator(logits).dtype == torch.float32
    assert l1(logits, logits).dtype == torch.float32


def test_l1_is_the_mean_absolute_difference():
    a, b = torch.rand(2, 3, 4), torch.rand(2, 3, 4)
    assert l1(a, b).item() == pytest.approx((a - b).abs().sum().item() / 24, rel=1e-6)


def test_unknown_objectives_and_labels_without_meaning_are_refused():
    with pytest.raises(ValueError, match="known objectives are: vanilla, lsgan, hinge"):
        GameSettings(objective="wgan")
    with pytest.raises(ValueError, match="hinge has no labels"):
        GameSettings(objective="hinge", label_smoothing=0.1)


def test_r1_is_half_the_squared_slope():
    """For D(x) = mean over patches of w · x the slope is known; and its own gradient passes a double backward."""
    w = torch.rand(3, 4, 4, dtype=torch.float64, requires_grad=True)

    def discriminator(x):
        return (x.double() * w).sum(1, keepdim=True)

    value = r1(discriminator, torch.rand(2, 3, 4, 4))
    slope = w / 16  # of the mean of the 4 × 4 logits
    assert value.item() == pytest.approx(0.5 * slope.square().sum().item(), rel=1e-6)
    value.backward()
    torch.testing.assert_close(w.grad, (w / 256).detach(), rtol=1e-5, atol=1e-8)


def test_r1_is_float32_under_autocast():
    layer = torch.nn.Conv2d(3, 1, 3)
    with torch.autocast("cpu", torch.bfloat16):
        inside = r1(layer, torch.ones(1, 3, 8, 8))
    assert inside.dtype == torch.float32
    assert torch.equal(inside, r1(layer, torch.ones(1, 3, 8, 8)))
