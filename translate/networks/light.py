"""A small generator for CPUs: few channels at full size, additive skips, and a global residual.

Of no paper: found by search for a network that trains in minutes (docs/log.md says what was tried).
"""

from collections.abc import Iterator

from torch import Tensor, nn

from translate.networks.layers import NORMS, Padding, pad_to, upsample
from translate.networks.segments import Segmented, Step, sqrt_segments


class LightBlock(nn.Module):
    """x + f(x), f = two 3×3 convolutions."""

    per_sample = True

    def __init__(self, channels: int, norm: str, padding: Padding):
        super().__init__()
        first, second = (convolution(channels, channels, norm, padding) for _ in range(2))
        self.block = nn.Sequential(*first, *second[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Light(Segmented):
    """(B, C, H, W) in [-1, 1] → (B, C', H, W) in [-1, 1], any H and W ≥ 1. G(x) = clamp(x + f(x), -1, 1); where C
    and C' differ, tanh(f(x)).

    filters: channels at full size; each of the `downs` stride-2 convolutions doubles them, up to 8 × filters.
    targets: see Segmented; the input then has as many more channels.
    """

    per_sample = True

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        filters: int = 8,
        downs: int = 3,
        blocks: int = 3,
        norm: str = "group",
        padding: Padding = "reflect",
        upsampling: str = "resize",
        targets: int = 0,
    ):
        super().__init__()
        self.residual, self.targets = in_channels == out_channels, targets
        self.multiple = 2**downs
        self.least = 2 * self.multiple  # reflection needs more pixels than it pads by
        width = [filters * min(2**level, 8) for level in range(downs + 1)]
        self.first = nn.Sequential(*convolution(in_channels + targets, filters, norm, padding))
        self.down = nn.ModuleList(
            nn.Sequential(*convolution(width[level], width[level + 1], norm, padding, 2)) for level in range(downs)
        )
        self.middle = nn.Sequential(*(LightBlock(width[-1], norm, padding) for _ in range(blocks)))
        self.up = nn.ModuleList(
            nn.Sequential(
                upsample(upsampling, width[level + 1], width[level], 4, True, padding),
                NORMS[norm](width[level]),
                nn.ReLU(True),
            )
            for level in reversed(range(downs))
        )
        self.last = nn.Conv2d(filters, out_channels, 3, padding=1, padding_mode=padding)
        self.final = nn.Identity() if self.residual else nn.Tanh()

    def segments(self) -> Iterator[list[Step]]:
        """The encoder, the blocks in groups, and each level of the decoder; on padded input."""
        segment: list[Step] = [*self.first]
        for down in self.down:
            segment += ["push", *down.children()]
        yield segment
        yield from sqrt_segments(
            [["push", *block.block, "add"] for block in self.middle if isinstance(block, LightBlock)]
        )
        segment = []
        for up in self.up:
            if segment:
                yield segment
            segment = [*up.children(), "add"]
        yield [*segment, self.last, *([] if self.residual else [self.final])]

    def layers(self, x: Tensor) -> Tensor:
        h = self.first(x)
        skips = []
        for down in self.down:
            skips.append(h)
            h = down(h)
        h = self.middle(h)
        for up in self.up:
            h = up(h) + skips.pop()
        return self.final(self.last(h))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        y = self.run(self.layers, pad_to(x, self.multiple, self.least))[..., :height, :width]
        return self.summed(x, y)


def convolution(before: int, after: int, norm: str, padding: Padding, stride: int = 1) -> list[nn.Module]:
    """A 3×3 convolution from `before` to `after` channels, its norm and ReLU."""
    return [nn.Conv2d(before, after, 3, stride, 1, padding_mode=padding), NORMS[norm](after), nn.ReLU(True)]
