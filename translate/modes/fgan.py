"""f-GAN: objectives that minimise an f-divergence between data and samples (Nowozin et al. 2016).

With V the logits, g_f the output activation of a divergence and f* its conjugate (Table 2):

    D: -E g_f(V(x)) + E f*(g_f(V(G)))    G: -E g_f(V(G)), the paper's variant of section 3.2, as in vanilla

                        g_f(v)               f*(t)             f*(g_f(v))        g_f(v) > f'(1) where
    kl                  v                    exp(t - 1)        exp(v - 1)        v > 1
    reverse-kl          -exp(-v)             -1 - log(-t)      v - 1             v > 0
    pearson             v                    t²/4 + t          v²/4 + v          v > 0
    hellinger           1 - exp(-v)          t/(1 - t)         exp(v) - 1        v > 0
    jensen-shannon      log 2 - log(1+e⁻ᵛ)   -log(2 - exp t)   log(1+eᵛ) - log 2 v > 0

D decides for "real" where g_f(V) > f'(1) (section 2.3); that boundary is the last column.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as nnf
from torch import Tensor

LINEAR_FROM = 20.0  # e²⁰ is 5e8
LOG2 = math.log(2)


class Divergence(NamedTuple):
    """activation: g_f(v). conjugate: f*(g_f(v)), simplified. boundary: the v with g_f(v) = f'(1)."""

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    boundary: float = 0.0


def _exp(v: Tensor) -> Tensor:
    """eᵛ, continued as a straight line above 20, so that large logits give finite losses and gradients."""
    return v.clamp(max=LINEAR_FROM).exp() * (1 + (v - LINEAR_FROM).clamp(min=0))


DIVERGENCES = {
    "kl": Divergence(lambda v: v, lambda v: _exp(v - 1), boundary=1.0),
    "reverse-kl": Divergence(lambda v: -_exp(-v), lambda v: v - 1),
    "pearson": Divergence(lambda v: v, lambda v: v.square() / 4 + v),
    "hellinger": Divergence(lambda v: 1 - _exp(-v), lambda v: _exp(v) - 1),
    "jensen-shannon": Divergence(lambda v: LOG2 + nnf.logsigmoid(v), lambda v: nnf.softplus(v) - LOG2),
}
