"""A small generator for CPUs: most of its work at a quarter of the pixels, skips that are added, and a global residual.

Not a paper's: found by search for what trains to something worth seeing in minutes (docs/log.md says what was tried).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.networks.layers import NORMS, pad_to, upsample


class LightBlock(nn.Module):
    """x + f(x), f = two 3×3 convolutions."""

    def __init__(self, channels: int, norm: str):
        super().__init__()
        self.block = nn.Sequential(*convolution(channels, channels, norm), *convolution(channels, channels, norm)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Light(nn.Module):
    """(B, C, H, W) in [-1, 1] → (B, C, H, W) in [-1, 1], G(x) = clamp(x + f(x), -1, 1), any H and W ≥ 1.

    stem: side of the pixel blocks that become channels before the first convolution and pixels again after the last
    one (1 = none). filters: channels at that level; each of the `downs` stride-2 convolutions doubles them up to twice.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        filters: int = 32,
        stem: int = 2,
        downs: int = 2,
        blocks: int = 2,
        norm: str = "instance",
        upsampling: str = "resize",
    ):
        super().__init__()
        if in_channels != out_channels:
            raise ValueError("the light generator computes a change and needs as many channels out as in")
        self.stem = stem
        self.multiple = stem * 2**downs
        width = [min(filters * 2**level, 2 * filters) for level in range(downs + 1)]
        self.first = nn.Sequential(*convolution(in_channels * stem**2, filters, norm))
        self.down = nn.ModuleList(
            nn.Sequential(*convolution(width[level], width[level + 1], norm, stride=2)) for level in range(downs)
        )
        self.middle = nn.Sequential(*(LightBlock(width[-1], norm) for _ in range(blocks)))
        self.up = nn.ModuleList(
            nn.Sequential(
                upsample(upsampling, width[level + 1], width[level], 4, True), NORMS[norm](width[level]), nn.ReLU(True)
            )
            for level in reversed(range(downs))
        )
        self.last = nn.Conv2d(filters, out_channels * stem**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        h = self.first(F.pixel_unshuffle(pad_to(x, self.multiple, 2 * self.multiple), self.stem))
        skips = []
        for down in self.down:
            skips.append(h)
            h = down(h)
        h = self.middle(h)
        for up in self.up:
            h = up(h) + skips.pop()
        change = F.pixel_shuffle(self.last(h), self.stem)[..., :height, :width]
        return torch.clamp(x + change, -1, 1)


def convolution(before: int, after: int, norm: str, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, stride, 1), NORMS[norm](after), nn.ReLU(True)]
