"""The residual generator of CycleGAN (Zhu et al. 2017, after Johnson et al. 2016): 6 or 9 blocks in the paper."""

from collections.abc import Iterator
from itertools import groupby

from torch import Tensor, nn

from translate.networks.layers import NORMS, Downsample, Dropout, Padding, blur_pool, has_bias, pad, pad_to, upsample
from translate.networks.segments import Segmented, Step, sqrt_segments


class ResNetBlock(nn.Module):
    """x + f(x), f = two padded 3×3 convolutions; no ReLU after the sum."""

    per_sample = True

    def __init__(self, channels: int, norm: str, dropout: bool, padding: Padding):
        super().__init__()
        layers: list[nn.Module] = [
            pad(padding, 1),
            nn.Conv2d(channels, channels, 3, bias=has_bias(norm)),
            NORMS[norm](channels),
            nn.ReLU(inplace=True),
        ]
        if dropout:
            layers.append(Dropout(0.5))
        layers += [pad(padding, 1), nn.Conv2d(channels, channels, 3, bias=has_bias(norm)), NORMS[norm](channels)]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class ResNet(Segmented):
    """(B, in, H, W) in [-1, 1] → (B, out, H, W) in [-1, 1], any H and W ≥ 1.

    c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1-3 in the paper's notation. State-dict keys and parameter counts
    are those of the reference implementation: 11,378,179 with 9 blocks, 7,837,699 with 6.

    filters: channels after the first convolution; each of the `downs` stride-2 convolutions doubles them.
    kernel: of the first and the last convolution (7 in the paper).
    downsampling: blur is anti-aliased, as CUT's: the convolution at full size, then `blur_pool`.
    residual: G(x) = clamp(x + f(x), -1, 1) instead of tanh(f(x)).
    targets: see Segmented; the input then has as many more channels.
    """

    per_sample = True

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        filters: int = 64,
        blocks: int = 9,
        downs: int = 2,
        kernel: int = 7,
        norm: str = "instance",
        dropout: bool = False,
        padding: Padding = "reflect",
        downsampling: Downsample = "stride",
        upsampling: str = "deconv",
        residual: bool = False,
        targets: int = 0,
    ):
        super().__init__()
        if residual and in_channels != out_channels:
            raise ValueError("residual generators need as many output as input channels")
        bias = has_bias(norm)
        self.multiple = 2**downs
        # Reflection needs more pixels than it pads by, and instance norm more than one: 2×2 at the lowest level.
        self.least = max(2 * self.multiple, kernel // 2 + 1)
        self.residual, self.targets = residual, targets

        layers = [pad(padding, kernel // 2), nn.Conv2d(in_channels + targets, filters, kernel, bias=bias)]
        layers += [NORMS[norm](filters), nn.ReLU(inplace=True)]
        for level in range(downs):
            width = filters * 2**level
            stride = 2 if downsampling == "stride" else 1
            layers += [nn.Conv2d(width, 2 * width, 3, stride, 1, bias=bias), NORMS[norm](2 * width)]
            layers += [nn.ReLU(inplace=True), *([] if downsampling == "stride" else [blur_pool()])]
        layers += [ResNetBlock(filters * self.multiple, norm, dropout, padding) for _ in range(blocks)]
        for level in reversed(range(downs)):
            width = filters * 2**level
            layers += [
                upsample(upsampling, 2 * width, width, 3, bias, padding),
                NORMS[norm](width),
                nn.ReLU(inplace=True),
            ]
        layers += [pad(padding, kernel // 2), nn.Conv2d(filters, out_channels, kernel)]
        if not residual:
            layers.append(nn.Tanh())
        self.model = nn.Sequential(*layers)

    def segments(self) -> Iterator[list[Step]]:
        """The encoder, the residual blocks, in groups, and the decoder; on padded input."""
        for residual, layers in groupby(self.model, lambda layer: isinstance(layer, ResNetBlock)):
            if residual:
                blocks = (layer for layer in layers if isinstance(layer, ResNetBlock))
                yield from sqrt_segments([["push", *block.conv_block, "add"] for block in blocks])
            else:
                yield list(layers)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        y = self.run(self.model, pad_to(x, self.multiple, self.least))[..., :height, :width]
        return self.summed(x, y)
