"""What the players minimise: pairs of pure functions of a discriminator's logits, in float32 at least.

Every function takes logits of any shape and returns a scalar, the mean over all patches. With y = 1 for real and 0 for
fake, D(x) the logits, D(G) those of the fakes and σ the sigmoid:

    minimax   D: -E log σ(D(x)) - E log(1 - σ(D(G)))    G: E log(1 - σ(D(G)))       Goodfellow et al. 2014, Eq. 1
    vanilla   D: the same                               G: -E log σ(D(G))           the same, section 3
    lsgan     D: E (D(x) - 1)² + E D(G)²                G: E (D(G) - 1)²            Mao et al. 2017, Eq. 9 (times 2)
    hinge     D: E max(0, 1 - D(x)) + E max(0, 1 + D(G)) G: -E D(G)                 Lim & Ye 2017, Miyato et al. 2018
    wgan      D: -E D(x) + E D(G)                       G: -E D(G)                  Arjovsky et al. 2017, Eqs. 2 and 3

A Wasserstein critic must not be steep: wgan clips its weights, wgan-gp adds `gradient_penalty`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from translate.system import image_rng

Label = float | Tensor  # a tensor broadcasts against the logits: (B, 1, 1, 1)


class Objective(NamedTuple):
    """discriminator(real_logits, fake_logits, real_label, fake_label) and generator(fake_logits), to be minimised.

    labels: whether the labels mean anything. boundary: the logit at which D is undecided; None for a critic, which
    doesn't decide. clip, penalty: what its paper does to keep the critic from being steep (0: nothing).
    """

    discriminator: Callable[[Tensor, Tensor, Label, Label], Tensor]
    generator: Callable[[Tensor], Tensor]
    labels: bool = False
    boundary: float | None = None
    clip: float = 0.0
    penalty: float = 0.0


def _wide(logits: Tensor) -> Tensor:
    """Half precision as float32."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def vanilla_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return _cross_entropy(real, real_label) + _cross_entropy(fake, fake_label)


def vanilla_generator(fake: Tensor) -> Tensor:
    """The non-saturating form: log(1 - σ(D(G))) has no slope where the fakes are bad."""
    return _cross_entropy(fake, 1.0)


def minimax_generator(fake: Tensor) -> Tensor:
    return F.logsigmoid(-_wide(fake)).mean()  # 1 - σ(D) = σ(-D)


def _cross_entropy(logits: Tensor, label: Label) -> Tensor:
    """-y log σ(D) - (1 - y) log(1 - σ(D)), which stays finite for logits of any size."""
    logits = _wide(logits)
    # A number becomes labels on the device itself: copying it there would wait.
    labels = label.to(logits.dtype) if isinstance(label, Tensor) else torch.full_like(logits, label)
    return F.binary_cross_entropy_with_logits(logits, labels.expand_as(logits))


def lsgan_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return (_wide(real) - real_label).square().mean() + (_wide(fake) - fake_label).square().mean()


def lsgan_generator(fake: Tensor) -> Tensor:
    return (_wide(fake) - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    return F.relu(1 - _wide(real)).mean() + F.relu(1 + _wide(fake)).mean()


def critic(real: Tensor, fake: Tensor, real_label: Label = 1.0, fake_label: Label = 0.0) -> Tensor:
    """Minus the critic's estimate of the earth mover's distance."""
    return _wide(fake).mean() - _wide(real).mean()


def critic_generator(fake: Tensor) -> Tensor:
    return -_wide(fake).mean()


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(vanilla_discriminator, minimax_generator, labels=True, boundary=0.0),
    "vanilla": Objective(vanilla_discriminator, vanilla_generator, labels=True, boundary=0.0),
    "lsgan": Objective(lsgan_discriminator, lsgan_generator, labels=True, boundary=0.5),
    "hinge": Objective(hinge_discriminator, critic_generator, boundary=0.0),
    "wgan": Objective(critic, critic_generator, clip=0.01),
    "wgan-gp": Objective(critic, critic_generator, penalty=10.0),
}


def r1(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E‖∇D(x)‖² on real images (B, C, H, W), D(x) the mean of an image's logits (Mescheder et al. 2018, Eq. 9).

    It keeps a discriminator from growing steep around the data.
    """
    return 0.5 * _slope(discriminator, _wide(real.detach())).square().sum((1, 2, 3)).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """E(‖∇D(x̂)‖₂ - 1)² at x̂ = εx + (1 - ε)x̃, ε uniform for each image, between real x and fake x̃, both (B, C, H, W)
    (Gulrajani et al. 2017, Eq. 3 and Algorithm 1)."""
    real, fake = _wide(real.detach()), _wide(fake.detach())
    epsilon = image_rng.uniform(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = epsilon * real + (1 - epsilon) * fake
    return (_slope(discriminator, between).flatten(1).norm(dim=1) - 1).square().mean()


def _slope(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """∇D(x), which can be differentiated again. Outside autocast: half precision has too few digits for it."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.requires_grad_()
        return torch.autograd.grad(discriminator(x).mean((1, 2, 3)).sum(), x, create_graph=True)[0]


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, in float32: the reconstruction loss of both papers."""
    return F.l1_loss(prediction.float(), target.float())
