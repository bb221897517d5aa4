"""Objectives: values and gradients against the papers' formulas, written out."""

import math
from collections.abc import Sequence

import fgan_formulas as fgan
import pytest
import torch

from translate.modes.base import ModeSettings
from translate.modes.objectives import OBJECTIVES, l1
from translate.modes.penalties import gradient_penalty
from translate.modes.penalties import zero_centred as r1

REAL, FAKE = [-3.0, -0.5, 0.0, 0.7, 4.0], [-2.0, -0.1, 0.3, 1.0, 5.0]


def sigma(d: float) -> float:
    return 1 / (1 + math.exp(-d))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def entropy(logits: list[float], labels: Sequence[float]) -> float:
    """-y log σ(d) - (1 - y) log(1 - σ(d))"""
    pairs = zip(logits, labels, strict=True)
    return mean(-y * math.log(sigma(d)) - (1 - y) * math.log(1 - sigma(d)) for d, y in pairs)


def squares(logits: list[float], labels: Sequence[float]) -> float:
    return mean((d - y) ** 2 for d, y in zip(logits, labels, strict=True))


def formulas(real: Sequence[float] = (1.0,) * 5, fake: Sequence[float] = (0.0,) * 5) -> dict[str, tuple[float, float]]:
    """objective -> (discriminator, generator) with the logarithms, squares and maxima of the papers.

    real, fake: the labels of REAL and FAKE, where an objective has any.
    """
    vanilla = entropy(REAL, real) + entropy(FAKE, fake)
    wasserstein = (mean(FAKE) - mean(REAL), -mean(FAKE))
    return {
        "minimax": (vanilla, mean(math.log(1 - sigma(d)) for d in FAKE)),
        "vanilla": (vanilla, -mean(math.log(sigma(d)) for d in FAKE)),
        "lsgan": (squares(REAL, real) + squares(FAKE, fake), mean((d - 1) ** 2 for d in FAKE)),
        "hinge": (mean(max(0, 1 - d) for d in REAL) + mean(max(0, 1 + d) for d in FAKE), -mean(FAKE)),
        "wgan": wasserstein,
        "wgan-gp": wasserstein,
        "relativistic": (
            mean(math.log(1 + math.exp(f - r)) for r, f in zip(REAL, FAKE, strict=True)),
            mean(math.log(1 + math.exp(r - f)) for r, f in zip(REAL, FAKE, strict=True)),
        ),
        **fgan.formulas(REAL, FAKE),
    }


@pytest.mark.parametrize("name", OBJECTIVES)
def test_values(name):
    discriminator, generator = formulas()[name]
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    assert OBJECTIVES[name].discriminator(real, fake, 1.0).item() == pytest.approx(discriminator, rel=1e-5)
    assert OBJECTIVES[name].generator(fake, real).item() == pytest.approx(generator, rel=1e-5)


LABELLED = [name for name, objective in OBJECTIVES.items() if objective.labels]
REALS, FAKES = [0.7, 0.9, 1.0, 1.2, 0.1], [0.3, 0.0, 0.2, 1.0, 0.05]  # soft, and one of each flipped


@pytest.mark.parametrize("name", LABELLED)
def test_smoothed_labels(name):
    value = OBJECTIVES[name].discriminator(torch.tensor(REAL), torch.tensor(FAKE), 0.9).item()
    assert value == pytest.approx(formulas([0.9] * 5)[name][0], rel=1e-5)


@pytest.mark.parametrize("name", LABELLED)
def test_a_label_for_each_image_holds_for_all_its_patches(name):
    """Labels (B, 1, 1, 1) beside logits (B, 1, h, w): the value is that of labels written out for each logit."""

    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values).view(5, 1, 1, 1)

    real, fake = (column(logits).expand(5, 1, 2, 3) for logits in (REAL, FAKE))
    value = OBJECTIVES[name].discriminator(real, fake, column(REALS), column(FAKES)).item()
    assert value == pytest.approx(formulas(REALS, FAKES)[name][0], rel=1e-5)


def test_only_objectives_with_labels_heed_them():
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    for name, objective in OBJECTIVES.items():
        changed = objective.discriminator(real, fake, 0.9, 0.1) != objective.discriminator(real, fake)
        assert changed.item() == (name in LABELLED)


GRADIENTS = {  # d loss / d logit for one real and one fake logit, and for G's
    "minimax": (lambda d: sigma(d) - 1, lambda d: sigma(d), lambda d: -sigma(d)),
    "vanilla": (lambda d: sigma(d) - 1, lambda d: sigma(d), lambda d: sigma(d) - 1),
    "lsgan": (lambda d: 2 * (d - 1), lambda d: 2 * d, lambda d: 2 * (d - 1)),
    "hinge": (lambda d: -1.0 if d < 1 else 0.0, lambda d: 1.0 if d > -1 else 0.0, lambda d: -1.0),
    "wgan": (lambda d: -1.0, lambda d: 1.0, lambda d: -1.0),
    "wgan-gp": (lambda d: -1.0, lambda d: 1.0, lambda d: -1.0),
    "relativistic": (lambda d: -0.5, lambda d: 0.5, lambda d: -0.5),  # of two equal logits
    **fgan.GRADIENTS,
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients(name):
    of_real, of_fake, of_generator = GRADIENTS[name]
    for d in REAL + FAKE:
        if name == "hinge" and abs(d) == 1:
            continue  # the kink
        real, fake, seen = (torch.tensor([d], requires_grad=True) for _ in range(3))
        OBJECTIVES[name].discriminator(real, fake, 1.0).backward()
        OBJECTIVES[name].generator(seen, torch.tensor([d])).backward()
        assert real.grad.item() == pytest.approx(of_real(d), abs=1e-5, rel=1e-5)
        assert fake.grad.item() == pytest.approx(of_fake(d), abs=1e-5, rel=1e-5)
        assert seen.grad.item() == pytest.approx(of_generator(d), abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_large_logits_stay_finite(name):
    for value in (-1e4, 1e4):
        logits = torch.full((4,), value, requires_grad=True)
        loss = OBJECTIVES[name].discriminator(logits, logits, 1.0) + OBJECTIVES[name].generator(logits, logits.detach())
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_half_precision_logits_give_float32_losses(name):
    logits = torch.tensor(REAL, dtype=torch.float16)
    assert OBJECTIVES[name].discriminator(logits, logits, 1.0).dtype == torch.float32
    assert OBJECTIVES[name].generator(logits, logits).dtype == torch.float32
    assert l1(logits, logits).dtype == torch.float32


def test_l1_is_the_mean_absolute_difference():
    a, b = torch.rand(2, 3, 4), torch.rand(2, 3, 4)
    assert l1(a, b).item() == pytest.approx((a - b).abs().sum().item() / 24, rel=1e-6)


def test_unknown_objectives_are_refused():
    with pytest.raises(ValueError, match=f"known objectives are: {', '.join(OBJECTIVES)}"):
        ModeSettings(objective="began")


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name not in LABELLED])
@pytest.mark.parametrize(("setting", "value"), [("label_smoothing", 0.1), ("soft_labels", True), ("flip_labels", 0.1)])
def test_labels_without_meaning_are_refused(name, setting, value):
    with pytest.raises(ValueError, match=f"{name} has no labels to .*; set {setting} to (0.0|false)"):
        ModeSettings(objective=name, **{setting: value})


def test_each_paper_holds_its_critic_back_in_its_own_way():
    held = {name: (ModeSettings(objective=name).clip, ModeSettings(objective=name).penalty) for name in OBJECTIVES}
    assert held.pop("wgan") == (0.01, 0)
    assert held.pop("wgan-gp") == (0, 10)
    assert set(held.values()) == {(0, 0)}
    other = ModeSettings(objective="wgan", clip_weights=0.0, gradient_penalty=5.0)
    assert (other.clip, other.penalty) == (0, 5)


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


def same_draws(penalty, layer: torch.nn.Module, *images: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(0)
    return penalty(layer, *images)


@pytest.mark.parametrize(("penalty", "count"), [(r1, 1), (gradient_penalty, 2)])
def test_penalties_are_float32_under_autocast(penalty, count):
    layer = torch.nn.Conv2d(3, 1, 3)
    images = torch.rand(count, 2, 3, 8, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        inside = same_draws(penalty, layer, *images)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, same_draws(penalty, layer, *images.float()))


@pytest.mark.parametrize(("slope", "value"), [(1.0, 0.0), (3.0, 4.0), (0.25, 0.5625)])
def test_gradient_penalty_of_a_linear_critic(slope, value):
    """D(x) = w · x has the slope ‖w‖ everywhere, whatever lies between: (‖w‖ - 1)²."""
    w = torch.randn(3, 4, 4, dtype=torch.float64)
    w *= slope / w.norm()
    real, fake = torch.rand(2, 5, 3, 4, 4, dtype=torch.float64)
    found = gradient_penalty(lambda x: (x * w).sum((1, 2, 3), keepdim=True), real, fake)
    assert found.item() == pytest.approx(value, abs=1e-12)


def test_gradient_penalty_is_taken_between_real_and_fake():
    """One ε for each image, uniform: Algorithm 1, line 5."""
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.mean((1, 2, 3), keepdim=True)

    gradient_penalty(critic, torch.ones(4000, 1, 2, 2), torch.zeros(4000, 1, 2, 2))
    (between,) = seen
    epsilon = between[:, 0, 0, 0]
    assert torch.equal(between, epsilon.view(-1, 1, 1, 1).expand_as(between))
    assert epsilon.min() < 0.01
    assert epsilon.max() > 0.99
    assert epsilon.mean().item() == pytest.approx(0.5, abs=0.03)
    assert epsilon.var().item() == pytest.approx(1 / 12, abs=0.01)


@pytest.mark.parametrize("penalty", ["r1", "gradient penalty"])
def test_penalties_can_be_differentiated_twice(penalty):
    """Numerically, in float64, with respect to the weights of a small smooth network: what training relies on."""
    torch.manual_seed(0)
    real, fake = torch.randn(2, 3, 1, 4, 4, dtype=torch.float64)
    weights = [torch.randn(2, 1, 3, 3, dtype=torch.float64), torch.randn(1, 2, 2, 2, dtype=torch.float64)]

    def value(first, second):
        def network(x):
            return torch.nn.functional.conv2d(torch.tanh(torch.nn.functional.conv2d(x, first)), second)

        torch.manual_seed(1)
        return r1(network, real) if penalty == "r1" else gradient_penalty(network, real, fake)

    weights = [weight.requires_grad_() for weight in weights]
    assert torch.autograd.gradcheck(value, weights)
    assert torch.autograd.gradgradcheck(value, weights)


@pytest.mark.parametrize("name", fgan.TABLE_2)
def test_the_boundary_is_where_the_activation_is_the_derivative_of_f_at_1(name):
    g, _, derivative = fgan.TABLE_2[name]
    assert g(OBJECTIVES[name].boundary) == pytest.approx(derivative)
