"""ProGAN's generator and discriminator, which begin at the smallest size and grow (Karras et al. 2018, appendix A)."""

from itertools import pairwise

from torch import Tensor, nn

from translate.networks.dcgan import stages
from translate.networks.embedding import FromNoise
from translate.networks.growth import EqualConv, Growing, MinibatchDeviation, PixelNorm, doubled, faded, halved

WIDEST = 512


class ProGANGenerator(Growing, FromNoise):
    """z (B, in_channels) → (B, out_channels, H, W), made for [-1, 1], with no tanh as in the paper. In training the
    image has the size of the current level; otherwise it is enlarged to the full one.

    filters: channels at full size, doubled at each halving up to 512.
    """

    per_sample, own_init = True, True

    def __init__(
        self,
        in_channels: int = 512,
        out_channels: int = 3,
        *,
        size: tuple[int, int] = (64, 64),
        filters: int = 64,
        classes: int = 0,
        embedding: int = 0,
    ):
        FromNoise.__init__(self, in_channels, classes, embedding)
        widths, self.base = _widths(size, filters)
        self.grows(len(widths) - 1)
        places = self.base[0] * self.base[1]
        # A linear layer, as a convolution of 1×1 pixel; the gain is the authors' program's.
        self.first = EqualConv(self.inputs, widths[0] * places, 1, gain=2**0.5 / 4)
        self.blocks = nn.ModuleList([_block(widths[0], widths[0], norm=True, layers=1)])
        self.blocks.extend(_block(before, after, norm=True) for before, after in pairwise(widths))
        self.colours = nn.ModuleList(EqualConv(width, out_channels, 1, gain=1.0) for width in widths)
        self.norm, self.act = PixelNorm(), nn.LeakyReLU(0.2)

    def forward(self, z: Tensor) -> Tensor:
        level = self.growth.level
        x = self.first(self.norm(self.embed(z))[:, :, None, None])
        x = before = self.blocks[0](self.norm(self.act(x.reshape(len(z), -1, *self.base))))
        for block in list(self.blocks)[1 : level + 1]:
            before = x
            x = block(doubled(x))
        y = self.colours[level](x)
        if self.growth.fading:
            y = faded(doubled(self.colours[level - 1](before)), y, self.alpha())
        return y if self.training else doubled(y, len(self.blocks) - 1 - level)


class ProGANDiscriminator(Growing):
    """(B, C, h, w) of the current level's size → (B, outputs, 1, 1) logits: the generator mirrored, with the deviation
    of the batch as a channel before the last layers and without pixel norm."""

    own_init = True

    def __init__(self, in_channels: int = 3, outputs: int = 1, *, size: tuple[int, int] = (64, 64), filters: int = 64):
        super().__init__()
        widths, base = _widths(size, filters)
        self.grows(len(widths) - 1)
        self.colours = nn.ModuleList(
            nn.Sequential(EqualConv(in_channels, width, 1), nn.LeakyReLU(0.2)) for width in widths
        )
        self.blocks = nn.ModuleList(_block(after, before, norm=False) for before, after in pairwise(widths))
        self.last = nn.Sequential(
            MinibatchDeviation(),
            *(EqualConv(widths[0] + 1, widths[0], 3, padding=1), nn.LeakyReLU(0.2)),
            *(nn.Flatten(), nn.Unflatten(1, (-1, 1, 1))),
            *(EqualConv(widths[0] * base[0] * base[1], widths[0], 1), nn.LeakyReLU(0.2)),
            EqualConv(widths[0], outputs, 1, gain=1.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        level = self.growth.level
        h = self.colours[level](x)
        for at in reversed(range(level)):
            h = halved(self.blocks[at](h))
            if self.growth.fading and at == level - 1:
                h = faded(self.colours[at](halved(x)), h, self.alpha())
        return self.last(h)


def _widths(size: tuple[int, int], filters: int) -> tuple[list[int], tuple[int, int]]:
    """(channels from the smallest maps to the largest, size of the smallest maps)."""
    doublings, base = stages(size)
    return [min(filters * 2**level, WIDEST) for level in reversed(range(doublings + 1))], base


def _block(before: int, after: int, norm: bool, layers: int = 2) -> nn.Sequential:
    """3×3 convolutions with LeakyReLU 0.2, each followed by pixel norm in G. In D the second one changes the width."""
    first = (after if norm else before) if layers == 2 else after
    steps: list[nn.Module] = []
    for inside, outside in ((before, first), (first, after))[:layers]:
        steps += [EqualConv(inside, outside, 3, padding=1), nn.LeakyReLU(0.2), *([PixelNorm()] if norm else [])]
    return nn.Sequential(*steps)
