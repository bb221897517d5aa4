"""DCGAN's generator and discriminator: z → image, image → one logit (Radford et al. 2016, section 3)."""

from itertools import pairwise

from torch import Tensor, nn

from translate.networks.embedding import FromNoise
from translate.networks.layers import NORMS, Upsample, has_bias, upsample
from translate.networks.segments import Segmented

BASE_SIDES = range(4, 8)  # pixels of the smallest feature map: 4 for 32, 64 and 128 px, 7 for 28 px


def stages(size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """(doublings, (height, width) of the smallest map) for images of `size`; ValueError if there are none."""
    height, width = size
    for doublings in range(1, 9):
        step = 2**doublings
        if height % step == width % step == 0 and min(height, width) // step in BASE_SIDES:
            return doublings, (height // step, width // step)
    raise ValueError(
        f"these networks double a map of 4 to 7 pixels, to 28, 32, 48, 64, 96 or 128 for example; they can't make "
        f"{height} x {width}"
    )


class DCGANGenerator(FromNoise):
    """z (B, in_channels) → (B, out_channels, H, W) in [-1, 1]: transposed convolutions that double the image, batch
    norm and ReLU after each but the last, then tanh. At 64 px and 64 filters the layers are 512, 256, 128, 64 wide."""

    per_sample = True

    def __init__(
        self,
        in_channels: int = 100,
        out_channels: int = 3,
        *,
        size: tuple[int, int] = (64, 64),
        filters: int = 64,
        norm: str = "batch",
        upsampling: Upsample = "deconv",
        classes: int = 0,
        embedding: int = 0,
    ):
        super().__init__(in_channels, classes, embedding)
        doublings, base = stages(size)
        bias = has_bias(norm)
        widths = [filters * min(2**level, 8) for level in reversed(range(doublings))]
        layers: list[nn.Module] = [nn.ConvTranspose2d(self.inputs, widths[0], base, bias=bias)]
        for before, after in pairwise(widths):
            layers += [NORMS[norm](before), nn.ReLU(inplace=True), upsample(upsampling, before, after, 4, bias)]
        layers += [NORMS[norm](widths[-1]), nn.ReLU(inplace=True)]
        self.net = nn.Sequential(*layers, upsample(upsampling, widths[-1], out_channels, 4, bias=True), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.run(self.net, self.embed(z)[:, :, None, None])


class DCGANDiscriminator(Segmented):
    """(B, C, H, W) of one size → (B, outputs, 1, 1) logits: the generator mirrored, strided convolutions with LeakyReLU
    0.2 and a norm after each but the first; no sigmoid."""

    per_sample = True

    def __init__(
        self,
        in_channels: int = 3,
        outputs: int = 1,
        *,
        size: tuple[int, int] = (64, 64),
        filters: int = 64,
        norm: str = "batch",
    ):
        super().__init__()
        doublings, base = stages(size)
        widths = [filters * min(2**level, 8) for level in range(doublings)]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, filters, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=has_bias(norm)), NORMS[norm](after)]
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.net = nn.Sequential(*layers, nn.Conv2d(widths[-1], outputs, base))

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.net, x)
