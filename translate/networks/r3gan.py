"""R3GAN's generator and discriminator: z → image, image → one logit; residual blocks without norms (Huang et al. 2024,
"The GAN is dead; long live the GAN! A Modern GAN Baseline")."""

import math
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from translate.networks.dcgan import stages
from translate.networks.embedding import FromNoise
from translate.networks.layers import blur_pool
from translate.networks.segments import Segmented

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)

EXPANSION = 2  # the channels inside a block, divided by those outside: an inverted bottleneck
GROUP = 16  # channels of a group of the 3×3 convolution in a block
GAIN = math.sqrt(2 / (1 + 0.2**2))  # keeps the variance through LeakyReLU 0.2


class Block(nn.Module):
    """x + f(x), f = 1×1 to twice the channels, 3×3 in groups of 16, 1×1; LeakyReLU 0.2 in between and no norm.

    count: residual blocks of the network. Initialised as Fix-up (Zhang et al. 2019): the last layer is 0, so that the
    block is the identity, and the others are scaled by count^(-1/4), for 3 layers.
    """

    per_sample = True

    def __init__(self, channels: int, count: int):
        super().__init__()
        inside = EXPANSION * channels
        groups = inside // GROUP if inside % GROUP == 0 else 1
        scaled = GAIN * count**-0.25
        self.layers = nn.Sequential(
            _initial(nn.Conv2d(channels, inside, 1), scaled),
            nn.LeakyReLU(0.2, inplace=True),
            _initial(nn.Conv2d(inside, inside, 3, padding=1, groups=groups), scaled),
            nn.LeakyReLU(0.2, inplace=True),
            _initial(nn.Conv2d(inside, channels, 1, bias=False), 0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Basis(nn.Module):
    """z (B, in) → (B, channels, h, w): learned maps of the smallest size, each multiplied by a linear function of z."""

    per_sample = True

    def __init__(self, in_channels: int, channels: int, size: tuple[int, int]):
        super().__init__()
        self.maps = nn.Parameter(torch.randn(channels, *size))
        self.weights = _initial(nn.Linear(in_channels, channels, bias=False), 1.0)

    def forward(self, z: Tensor) -> Tensor:
        return self.maps * self.weights(z)[:, :, None, None]


class R3GANGenerator(FromNoise):
    """z (B, in_channels) → (B, out_channels, H, W), made for [-1, 1], with no tanh as in the paper.

    filters: channels at full size, doubled at each halving up to eight times. blocks: residual blocks of each
    resolution, 2 in the paper. Upsampling is bilinear.
    """

    per_sample, own_init = True, True

    def __init__(
        self,
        in_channels: int = 64,
        out_channels: int = 3,
        *,
        size: tuple[int, int] = (32, 32),
        filters: int = 64,
        blocks: int = 2,
        classes: int = 0,
        embedding: int = 0,
    ):
        super().__init__(in_channels, classes, embedding)
        widths, base = _widths(size, filters)
        count = blocks * len(widths)
        layers: list[nn.Module] = [Basis(self.inputs, widths[0], base), *_blocks(widths[0], blocks, count)]
        for before, after in pairwise(widths):
            layers += [*_change(before, after), nn.Upsample(scale_factor=2, mode="bilinear")]
            layers += _blocks(after, blocks, count)
        self.net = nn.Sequential(*layers, _initial(nn.Conv2d(widths[-1], out_channels, 1, bias=False), 1.0))

    def forward(self, z: Tensor) -> Tensor:
        return self.run(self.net, self.embed(z))


class R3GANDiscriminator(Segmented):
    """(B, C, H, W) of one size → (B, outputs, 1, 1) logits: the generator mirrored. Downsampling is low-pass filtered.

    layers: residual blocks of each resolution.
    """

    per_sample, own_init = True, True

    def __init__(
        self,
        in_channels: int = 3,
        outputs: int = 1,
        *,
        size: tuple[int, int] = (32, 32),
        filters: int = 64,
        layers: int = 2,
    ):
        super().__init__()
        widths, base = _widths(size, filters)
        widths, count = widths[::-1], layers * len(widths)
        modules: list[nn.Module] = [_initial(nn.Conv2d(in_channels, widths[0], 1, bias=False), 1.0)]
        modules += _blocks(widths[0], layers, count)
        for before, after in pairwise(widths):
            modules += [blur_pool(), *_change(before, after), *_blocks(after, layers, count)]
        last = widths[-1]
        modules.append(_initial(nn.Conv2d(last, last, base, groups=last, bias=False), 1.0))
        self.net = nn.Sequential(*modules, _initial(nn.Conv2d(last, outputs, 1, bias=False), 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.net, x)


def _widths(size: tuple[int, int], filters: int) -> tuple[list[int], tuple[int, int]]:
    """(channels from the smallest maps to the largest, size of the smallest maps)."""
    doublings, base = stages(size)
    return [filters * min(2**level, 8) for level in reversed(range(doublings + 1))], base


def _blocks(channels: int, number: int, count: int) -> list[nn.Module]:
    return [Block(channels, count) for _ in range(number)]


def _change(before: int, after: int) -> list[nn.Module]:
    """A 1×1 convolution where the number of channels changes."""
    return [] if before == after else [_initial(nn.Conv2d(before, after, 1, bias=False), 1.0)]


def _initial(layer: Layer, gain: float) -> Layer:
    """The layer with weights ~ N(0, gain²/inputs) and biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
