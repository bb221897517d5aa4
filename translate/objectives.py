"""What the players minimise: pairs of pure functions of a discriminator's logits, always in float32.

Every function takes logits of any shape and returns a scalar, the mean over all patches. With y = 1 for real and 0 for
fake, D(x) the logits and σ the sigmoid:

    vanilla   D: -E log σ(D(x)) - E log(1 - σ(D(G)))   G: -E log σ(D(G))          Goodfellow et al. 2014, section 3
    lsgan     D: E (D(x) - 1)² + E D(G)²                G: E (D(G) - 1)²            Mao et al. 2017, Eq. 9 (times 2)
    hinge     D: E max(0, 1 - D(x)) + E max(0, 1 + D(G)) G: -E D(G)                 Lim & Ye 2017, Miyato et al. 2018

The Wasserstein objectives belong in this table too: critics whose two functions are plain means.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Objective(NamedTuple):
    """discriminator(real_logits, fake_logits, real_label) and generator(fake_logits), each to be minimised.

    labels: whether `real_label` means anything, that is whether one-sided label smoothing applies.
    """

    discriminator: Callable[[Tensor, Tensor, float], Tensor]
    generator: Callable[[Tensor], Tensor]
    labels: bool


def vanilla_discriminator(real: Tensor, fake: Tensor, real_label: float = 1.0) -> Tensor:
    return _cross_entropy(real, real_label) + _cross_entropy(fake, 0.0)


def vanilla_generator(fake: Tensor) -> Tensor:
    """The non-saturating form: log(1 - σ(D(G))) has no slope where the fakes are bad."""
    return _cross_entropy(fake, 1.0)


def _cross_entropy(logits: Tensor, label: float) -> Tensor:
    """-y log σ(D) - (1 - y) log(1 - σ(D)), which stays finite for logits of any size."""
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def lsgan_discriminator(real: Tensor, fake: Tensor, real_label: float = 1.0) -> Tensor:
    return (real.float() - real_label).square().mean() + fake.float().square().mean()


def lsgan_generator(fake: Tensor) -> Tensor:
    return (fake.float() - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor, real_label: float = 1.0) -> Tensor:
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    return -fake.float().mean()


OBJECTIVES: dict[str, Objective] = {
    "vanilla": Objective(vanilla_discriminator, vanilla_generator, labels=True),
    "lsgan": Objective(lsgan_discriminator, lsgan_generator, labels=True),
    "hinge": Objective(hinge_discriminator, hinge_generator, labels=False),
}


def r1(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """½ E‖∇D(x)‖² on real images (B, C, H, W), D(x) the mean of an image's logits (Mescheder et al. 2018, Eq. 9).

    It keeps a discriminator from growing steep around the data. Always in float32, outside autocast: half precision
    has too few digits for a gradient of a gradient.
    """
    with torch.autocast(real.device.type, enabled=False):
        x = real.detach().float().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(x).mean((1, 2, 3)).sum(), x, create_graph=True)
        return 0.5 * slope.square().sum((1, 2, 3)).mean()


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, in float32: the reconstruction loss of both papers."""
    return F.l1_loss(prediction.float(), target.float())
