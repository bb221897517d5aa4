"""BEGAN's networks: a generator, and a discriminator that is an autoencoder with the generator's layers as its decoder
(Berthelot et al. 2017, "BEGAN: Boundary Equilibrium Generative Adversarial Networks", section 3.5)."""

from torch import Tensor, nn

from translate.networks.dcgan import stages
from translate.networks.embedding import FromNoise
from translate.networks.layers import NearestUpsample
from translate.networks.segments import Segmented


class BEGANGenerator(FromNoise):
    """z (B, in_channels) → (B, out_channels, H, W), made for [-1, 1], with no tanh: a linear layer, then two 3×3
    convolutions with ELU at each size, doubled by nearest neighbours. filters: channels at every size."""

    per_sample = True

    def __init__(
        self,
        in_channels: int = 64,
        out_channels: int = 3,
        *,
        size: tuple[int, int] = (32, 32),
        filters: int = 64,
        classes: int = 0,
        embedding: int = 0,
    ):
        super().__init__(in_channels, classes, embedding)
        self.net = _decoder(self.inputs, out_channels, size, filters)

    def forward(self, z: Tensor) -> Tensor:
        return self.run(self.net, self.embed(z))


class BEGANDiscriminator(Segmented):
    """(B, C, H, W) of one size → (B, 1, 1, 1): -L(x) = -|x - D(x)|, minus the mean error of an autoencoder, so that
    larger is more real, as with logits. filters: channels at full size, as many more at each halving. The code has as
    many numbers as `filters`."""

    per_sample = True

    def __init__(self, in_channels: int = 3, *, size: tuple[int, int] = (32, 32), filters: int = 64):
        super().__init__()
        doublings, base = stages(size)
        layers: list[nn.Module] = [nn.Conv2d(in_channels, filters, 3, padding=1), nn.ELU(inplace=True)]
        for level in range(1, doublings + 1):
            before, after = level * filters, (level + 1) * filters
            layers += [nn.Conv2d(before, before, 3, padding=1), nn.ELU(inplace=True)]
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ELU(inplace=True)]
        last = (doublings + 1) * filters
        layers += [nn.Conv2d(last, last, 3, padding=1), nn.ELU(inplace=True), nn.Flatten()]
        layers.append(nn.Linear(last * base[0] * base[1], filters))
        self.net = nn.Sequential(*layers, *_decoder(filters, in_channels, size, filters))

    def reconstructed(self, x: Tensor) -> Tensor:
        """D(x), as the paper writes it."""
        return self.run(self.net, x)

    def forward(self, x: Tensor) -> Tensor:
        return -(x.float() - self.reconstructed(x).float()).abs().mean((1, 2, 3), keepdim=True)


def _decoder(inputs: int, channels: int, size: tuple[int, int], filters: int) -> nn.Sequential:
    doublings, base = stages(size)
    layers: list[nn.Module] = [nn.Linear(inputs, filters * base[0] * base[1]), nn.Unflatten(1, (filters, *base))]
    for level in range(doublings + 1):
        layers += [NearestUpsample(scale_factor=2)] if level else []
        for _ in range(2):
            layers += [nn.Conv2d(filters, filters, 3, padding=1), nn.ELU(inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(filters, channels, 3, padding=1))
