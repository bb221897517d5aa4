"""How D gets the class c of an image, beside channels of its input (Mirza & Osindero 2014).

projection  D(x, c) = cᵀVφ(x) + ψ(φ(x)), φ all layers but the last, V and ψ linear   Miyato & Koyama 2018, section 3
classifier  D(x) and P(C | x); with L_C = E log P(C = c | x) + E log P(C = c | G(z, c)) and the GAN's L_S,
            D maximises L_S + L_C and G maximises L_C - L_S                     AC-GAN, Odena et al. 2017, section 3

In both D has 1 + K outputs for K classes, of one last linear layer: ψ(φ(x)) or D(x), then Vφ(x) or the logits of P.
"""

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, Literal

import torch
import torch.nn.functional as nnf
from torch import Tensor

from translate.modes.objectives import in_float32

How = Literal["channels", "projection", "classifier"]


def append_class(x: Tensor, c: Tensor, classes: int) -> Tensor:
    """x (B, C) or (B, C, H, W) with its class c (B,) appended as one-hot channels (Mirza & Osindero 2014)."""
    code = (c[:, None] == torch.arange(classes, device=c.device)).to(x.dtype)
    return torch.cat([x, code[..., None, None].expand(-1, -1, *x.shape[2:]) if x.ndim == 4 else code], 1)


class Conditional:
    """D as the losses call it, given the classes c (B,) of its images: D(images) → logits (B, 1, h, w), of several
    batches a tuple. c: of each batch in turn, or of all of them. outputs: the last call's of D itself, (B, 1 + K, h, w)
    of each batch."""

    def __init__(self, D: Callable[..., Any], how: How, *c: Tensor | None):
        self.D, self.how, self.c = D, how if None not in c else "channels", c
        self.outputs: tuple[Tensor, ...] = ()

    def __call__(self, *batches: Tensor) -> Any:
        outputs = self.D(*batches)
        self.outputs = outputs if len(batches) > 1 else (outputs,)
        logits = tuple(self._logits(output, c) for output, c in zip(self.outputs, self._classes(), strict=False))
        return logits if len(batches) > 1 else logits[0]

    def _classes(self) -> Iterable[Tensor | None]:
        """Of each batch."""
        return self.c if len(self.c) > 1 else repeat(self.c[0])

    def _logits(self, output: Tensor, c: Tensor | None) -> Tensor:
        if self.how == "channels" or c is None:
            return output
        logits, classes = output[:, :1], output[:, 1:]
        if self.how == "classifier":
            return logits
        at = c[:, None, None, None].expand(-1, 1, *classes.shape[2:])
        return logits + classes.gather(1, at)

    def class_losses(self, weight: float, batches: int) -> dict[str, Tensor]:
        """-weight · L_C over the first `batches` of the last call, P from an image's mean logits; {} without a
        classifier."""
        if self.how != "classifier":
            return {}
        both = zip(self.outputs[:batches], self._classes(), strict=False)
        losses = [nnf.cross_entropy(in_float32(output[:, 1:]).mean((2, 3)), c) for output, c in both if c is not None]
        return {"class": weight * torch.stack(losses).sum()}
