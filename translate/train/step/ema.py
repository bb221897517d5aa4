"""The exponential moving average (EMA) of the generators' weights."""

import copy

import torch
from torch import Tensor, nn

from translate.modes import Mode


class EMA:
    """networks: name → the averaged generator, in evaluation mode; empty where decay is 0."""

    def __init__(self, mode: Mode, decay: float):
        self.mode, self.decay = mode, decay
        names = dict.fromkeys(mode.generators.values()) if decay else ()
        self.networks: dict[str, nn.Module] = {
            name: copy.deepcopy(mode.networks[name]).requires_grad_(False).eval() for name in names
        }

    def decay_after(self, rounds: int) -> float:
        """The decay after so many rounds: smaller at first, so that early previews aren't of the initial weights."""
        return min(self.decay, (2 + rounds) / (11 + rounds))

    @torch.no_grad()
    def update(self, decay: float | Tensor) -> None:
        """average ← decay · average + (1 - decay) · weights; buffers (running statistics) are copied."""
        for name, average in self.networks.items():
            network, weight = self.mode.networks[name], 1 - decay
            kept, now = ([p.data for p in part.parameters()] for part in (average, network))
            if isinstance(weight, float):
                torch._foreach_lerp_(kept, now, weight)
            else:  # _foreach_lerp_ takes no tensor weight
                for target, source in zip(kept, now, strict=True):
                    target.lerp_(source, weight)
            for target, source in zip(average.buffers(), network.buffers(), strict=True):
                target.copy_(source)
