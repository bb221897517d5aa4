"""The losses of G and D: pairs of pure functions of a discriminator's logits, computed in float32 at least.

Every function takes logits of any shape and returns a scalar, the mean over all patches. With y = 1 for real and 0 for
fake, D(x) the logits, D(G) those of the fakes and σ the sigmoid:

    minimax   D: -E log σ(D(x)) - E log(1 - σ(D(G)))    G: E log(1 - σ(D(G)))       Goodfellow et al. 2014, Eq. 1
    vanilla   D: the same                               G: -E log σ(D(G))           the same, section 3
    lsgan     D: E (D(x) - 1)² + E D(G)²                G: E (D(G) - 1)²            Mao et al. 2017, Eq. 9 (times 2)
    hinge     D: E max(0, 1 - D(x)) + E max(0, 1 + D(G)) G: -E D(G)                 Lim & Ye 2017, Miyato et al. 2018
    wgan      D: -E D(x) + E D(G)                       G: -E D(G)                  Arjovsky et al. 2017, Eqs. 2 and 3
    relativistic  D: E log(1 + exp(D(G) - D(x)))        G: E log(1 + exp(D(x) - D(G)))
                                   Jolicoeur-Martineau 2019; with R1 and R2: R3GAN (Huang et al. 2024)

and the f-divergences of fgan.py (Nowozin et al. 2016).

A Wasserstein critic must be 1-Lipschitz: wgan clips its weights, wgan-gp has a gradient penalty (penalties.py).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from translate.modes.fgan import DIVERGENCES, Divergence

Label = float | Tensor  # a tensor broadcasts against the logits: (B, 1, 1, 1)


class Objective(NamedTuple):
    """discriminator(real_logits, fake_logits, real_label, fake_label) and generator(fake_logits, real_logits), both to
    be minimised. real_logits of the generator are None unless `relativistic`.

    labels: whether the discriminator's loss depends on the labels. boundary: the logit of probability ½; None for a
    critic, whose logits are not probabilities. relativistic: the losses depend on differences of real and fake logits
    only. divergence: an f-divergence, with a loss of 0 where D is undecided. clip, penalty: the paper's bound of the
    critic's weights and weight of the gradient penalty (0: none).
    """

    discriminator: Callable[[Tensor, Tensor, Label, Label], Tensor]
    generator: Callable[[Tensor, Tensor | None], Tensor]
    labels: bool = False
    boundary: float | None = None
    relativistic: bool = False
    divergence: bool = False
    clip: float = 0.0
    penalty: float = 0.0


def in_float32(logits: Tensor) -> Tensor:
    """Half precision as float32; wider types unchanged."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def vanilla_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return _cross_entropy(real, real_label) + _cross_entropy(fake, fake_label)


def vanilla_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    """The non-saturating form: the gradient of log(1 - σ(D(G))) vanishes where D rejects the fakes with certainty."""
    return _cross_entropy(fake, 1.0)


def minimax_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return F.logsigmoid(-in_float32(fake)).mean()  # 1 - σ(D) = σ(-D)


def _cross_entropy(logits: Tensor, label: Label) -> Tensor:
    """-y log σ(D) - (1 - y) log(1 - σ(D)), which stays finite for logits of any size."""
    logits = in_float32(logits)
    # The tensor is filled on the device: copying a number there would synchronise.
    labels = label.to(logits.dtype) if isinstance(label, Tensor) else torch.full_like(logits, label)
    return F.binary_cross_entropy_with_logits(logits, labels.expand_as(logits))


def lsgan_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return (in_float32(real) - real_label).square().mean() + (in_float32(fake) - fake_label).square().mean()


def lsgan_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return (in_float32(fake) - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return F.relu(1 - in_float32(real)).mean() + F.relu(1 + in_float32(fake)).mean()


def critic(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    """Minus the critic's estimate of the Wasserstein-1 distance."""
    return in_float32(fake).mean() - in_float32(real).mean()


def critic_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    return -in_float32(fake).mean()


def relativistic_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    """Each real logit is paired with the fake one at the same index of the batch."""
    return F.softplus(in_float32(fake) - in_float32(real)).mean()


def relativistic_generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
    assert real is not None
    return F.softplus(in_float32(real) - in_float32(fake)).mean()


def f_gan(f: Divergence) -> Objective:
    """D: -E g_f(V(x)) + E f*(g_f(V(G))). G: -E g_f(V(G)). The labels are not used."""

    def discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
        return f.conjugate(in_float32(fake)).mean() - f.activation(in_float32(real)).mean()

    def generator(fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -f.activation(in_float32(fake)).mean()

    return Objective(discriminator, generator, boundary=f.boundary, divergence=True)


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(vanilla_discriminator, minimax_generator, labels=True, boundary=0.0),
    "vanilla": Objective(vanilla_discriminator, vanilla_generator, labels=True, boundary=0.0),
    "lsgan": Objective(lsgan_discriminator, lsgan_generator, labels=True, boundary=0.5),
    "hinge": Objective(hinge_discriminator, critic_generator, boundary=0.0),
    "wgan": Objective(critic, critic_generator, clip=0.01),
    "wgan-gp": Objective(critic, critic_generator, penalty=10.0),
    "relativistic": Objective(relativistic_discriminator, relativistic_generator, relativistic=True),
    **{name: f_gan(f) for name, f in DIVERGENCES.items()},
}
# The description of a mode's setting `objective`.
DESCRIPTION = "{first} (paper); one of " + ", ".join(OBJECTIVES)


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, in float32: the reconstruction loss of pix2pix and CycleGAN."""
    return F.l1_loss(prediction.float(), target.float())


def l2(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, in float32: the reconstruction loss of DiscoGAN."""
    return F.mse_loss(prediction.float(), target.float())
