"""A generator of several target domains, as a generator of one of them."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from translate.networks.segments import Segmented, Step


class AppendTarget(nn.Module):
    """(B, C, H, W) → (B, C + targets, H, W), with the maps of one target. No shapes, which exported files avoid."""

    per_sample = True
    reach = 0

    def __init__(self, target: int, targets: int):
        super().__init__()
        code = torch.zeros(1, targets, 1, 1)
        code[:, target] = 1
        self.register_buffer("code", code, persistent=False)
        self.code: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x[:, :1] * 0 + self.code.to(x.dtype)], 1)


class OfTarget(Segmented):
    """network, which takes an image and a target's maps, with a fixed target: (B, C, H, W) → (B, C', H, W)."""

    per_sample = True

    def __init__(self, network: Segmented, target: int):
        super().__init__()
        self.append, self.network = AppendTarget(target, network.targets), network
        self.multiple, self.least, self.residual = network.multiple, network.least, network.residual
        self.train(network.training)

    def segments(self) -> Iterator[list[Step]]:
        """Those of the network, the target first."""
        first, *others = self.network.segments()
        yield [self.append, *first]
        yield from others

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.append(x))


def of_target(network: nn.Module, target: int) -> nn.Module:
    """The network with a fixed target, if it takes targets; else itself."""
    return OfTarget(network, target) if isinstance(network, Segmented) and network.targets else network
