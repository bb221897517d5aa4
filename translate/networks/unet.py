"""The U-Net generator of pix2pix (Isola et al. 2017, appendix 6.1.1), built from the innermost level outwards."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from translate.networks.layers import NORMS, Dropout, has_bias, pad_to, upsample
from translate.networks.segments import Segmented, Step


class UNetBlock(nn.Module):
    """One level: down, the levels inside, up; the result is concatenated to the input (not at the outermost level).

    outer, inner: channels outside and inside of this level. The innermost level (no `inside`) has no norm after its
    down-convolution, so that a 1×1 bottleneck works; the outermost level has none at all and ends in tanh.
    """

    per_sample = True

    def __init__(
        self,
        outer: int,
        inner: int,
        inside: "UNetBlock | None",
        *,
        in_channels: int | None = None,
        norm: str,
        dropout: bool = False,
        upsampling: str = "deconv",
        outermost: bool = False,
        final: nn.Module | None = None,
    ):
        super().__init__()
        self.outermost = outermost
        bias = has_bias(norm)
        down = nn.Conv2d(in_channels or outer, inner, 4, 2, 1, bias=bias)
        before_up = inner if inside is None else 2 * inner
        # The outermost up-convolution has no norm after it, and therefore always a bias.
        up = upsample(upsampling, before_up, outer, 4, bias or outermost)
        # In place: the skip that the parent concatenates is rectified by it, as in the reference implementation.
        layers: list[nn.Module] = [] if outermost else [nn.LeakyReLU(0.2, inplace=True)]
        layers.append(down)
        if inside is not None:
            layers += [inside] if outermost else [NORMS[norm](inner), inside]
        layers += [nn.ReLU(inplace=True), up]
        if not outermost:
            layers.append(NORMS[norm](outer))
        elif final is not None:
            layers.append(final)
        if dropout:
            layers.append(Dropout(0.5))
        self.model = nn.Sequential(*layers)

    def steps(self) -> Iterator[Step]:
        """The level's forward pass as a list, those of the levels inside included."""
        if not self.outermost:
            yield "push"
        for layer in self.model:
            if isinstance(layer, UNetBlock):
                yield from layer.steps()
            else:
                yield layer
        if not self.outermost:
            yield "cat"

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(Segmented):
    """(B, in, H, W) in [-1, 1] → (B, out, H, W) in [-1, 1], any H and W ≥ 1: padded to multiples of 2^depth, cropped.

    depth: stride-2 convolutions; 8 is the paper's (`unet_256`, 54,413,955 parameters with batch norm), 7 its
    `unet_128` (41,828,995). Channels double from `filters` up to 8 × `filters`. With `dropout`, the levels with
    8 × `filters` channels drop half of their outputs, which is pix2pix's only noise.
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
        depth: int = 8,
        norm: str = "batch",
        dropout: bool = False,
        upsampling: str = "deconv",
        residual: bool = False,
        targets: int = 0,
    ):
        super().__init__()
        if residual and in_channels != out_channels:
            raise ValueError("residual generators need as many output as input channels")
        if depth < 2:
            raise ValueError("a U-Net needs a depth of at least 2")
        self.multiple = 2**depth
        # Instance norm needs more than one pixel; the innermost one is of 2×2 where the bottleneck is 1×1.
        self.least = self.multiple
        self.residual, self.targets = residual, targets
        width = [filters * min(2**level, 8) for level in range(depth)]
        block = UNetBlock(width[-2], width[-1], None, norm=norm, upsampling=upsampling)
        for level in reversed(range(1, depth - 1)):
            full = width[level - 1] == width[level] == 8 * filters
            block = UNetBlock(
                width[level - 1], width[level], block, norm=norm, dropout=dropout and full, upsampling=upsampling
            )
        final = None if residual else nn.Tanh()
        self.model = UNetBlock(
            out_channels,
            width[0],
            block,
            in_channels=in_channels + targets,
            norm=norm,
            upsampling=upsampling,
            outermost=True,
            final=final,
        )

    def segments(self) -> Iterator[list[Step]]:
        """Each level's down-convolution, up to its LeakyReLU, and each level's up-convolution; on padded input."""
        segment: list[Step] = []
        for step in self.model.steps():
            if step == "cat":
                yield segment
                segment = []
            segment.append(step)
            if isinstance(step, nn.LeakyReLU):
                yield segment
                segment = []
        yield segment

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        y = self.run(self.model, pad_to(x, self.multiple, self.least))[..., :height, :width]
        return self.summed(x, y)
