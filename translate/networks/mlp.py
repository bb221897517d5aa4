"""The fully connected networks of the first GANs (Goodfellow et al. 2014, section 5), with ReLU instead of maxout."""

import math
from itertools import pairwise

from torch import Tensor, nn

from translate.networks.embedding import FromNoise


class MLPGenerator(FromNoise):
    """z (B, in_channels) → (B, out_channels, H, W) in [-1, 1]: `blocks` layers of `filters` units with ReLU, then tanh.
    With size (1, 1) and 2 channels the images are points of a plane."""

    per_sample = True

    def __init__(
        self,
        in_channels: int = 100,
        out_channels: int = 1,
        *,
        size: tuple[int, int] = (28, 28),
        filters: int = 256,
        blocks: int = 2,
        classes: int = 0,
        embedding: int = 0,
    ):
        super().__init__(in_channels, classes, embedding)
        self.shape = (out_channels, *size)
        widths = [self.inputs, *[filters] * blocks]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(inplace=True)]
        self.net = nn.Sequential(*layers, nn.Linear(widths[-1], math.prod(self.shape)), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.run(self.net, self.embed(z)).unflatten(1, self.shape)


class MLPDiscriminator(nn.Module):
    """(B, C, H, W) of one size → (B, outputs, 1, 1) logits: `layers` layers of `filters` units with LeakyReLU 0.2."""

    per_sample = True

    def __init__(
        self,
        in_channels: int = 1,
        outputs: int = 1,
        *,
        size: tuple[int, int] = (28, 28),
        filters: int = 256,
        layers: int = 2,
    ):
        super().__init__()
        widths = [in_channels * size[0] * size[1], *[filters] * layers]
        modules: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(widths):
            modules += [nn.Linear(before, after), nn.LeakyReLU(0.2, inplace=True)]
        self.net = nn.Sequential(*modules, nn.Linear(widths[-1], outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)[:, :, None, None]
