"""The generator of SPADE (Park et al. 2019, "Semantic Image Synthesis with Spatially-Adaptive Normalization"), without
z and its encoder: a small map grows to the image, and the label map scales and shifts every norm on the way."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.networks.layers import NORMS, NearestUpsample, free_of_parameters, pad_to
from translate.networks.segments import Segmented, Step, apply

SLOPE = 0.2  # of LeakyReLU


class Channels(nn.Module):
    """Every `step`-th of the channels from `start` on."""

    per_sample, reach = True, 0

    def __init__(self, start: int, step: int = 1):
        super().__init__()
        self.start, self.step = start, step

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start :: self.step]


class Modulation(nn.Module):
    """γ(m) n + β(m), Eq. 1, with 1 + γ for γ: of normalised activations n (B, C, h, w) and a label map m (B, K, h, w),
    from which a 3×3 convolution, ReLU and one further convolution each make γ and β."""

    per_sample, reach = True, 2

    def __init__(self, labels: int, channels: int, hidden: int):
        super().__init__()
        self.shared = nn.Sequential(nn.Conv2d(labels, hidden, 3, padding=1), nn.ReLU())
        self.gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, n: Tensor, m: Tensor) -> Tensor:
        h = self.shared(m)
        return n * (1 + self.gamma(h)) + self.beta(h)


class FirstHalf(nn.Module):
    """[m, x, norm(x)] → [m, shortcut, d], side by side as channels. Where channels change, the shortcut is learned."""

    per_sample, reach = True, 3

    def __init__(self, labels: int, before: int, after: int, hidden: int):
        super().__init__()
        self.widths, middle = [labels, before, before], min(before, after)
        self.modulation = Modulation(labels, before, hidden)
        self.conv = nn.Conv2d(before, middle, 3, padding=1)
        self.learned = before != after
        if self.learned:
            self.shortcut_modulation = Modulation(labels, before, hidden)
            self.shortcut = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, parts: Tensor) -> Tensor:
        m, x, n = parts.split(self.widths, 1)
        d = self.conv(F.leaky_relu(self.modulation(n, m), SLOPE))
        if self.learned:
            x = self.shortcut(self.shortcut_modulation(n, m))
        return torch.cat([m, x, d], 1)


class SecondHalf(nn.Module):
    """[m, shortcut, d, norm(d)] → [m, the block's output]."""

    per_sample, reach = True, 3

    def __init__(self, labels: int, middle: int, after: int, hidden: int):
        super().__init__()
        self.widths = [labels, after, middle, middle]
        self.modulation = Modulation(labels, middle, hidden)
        self.conv = nn.Conv2d(middle, after, 3, padding=1)

    def forward(self, parts: Tensor) -> Tensor:
        m, x, _, n = parts.split(self.widths, 1)
        return torch.cat([m, x + self.conv(F.leaky_relu(self.modulation(n, m), SLOPE))], 1)


class SPADEBlock(nn.Module):
    """The SPADE residual block: (B, K + before, h, w) → (B, K + after, h, w), with the label map as first channels."""

    def __init__(self, labels: int, before: int, after: int, hidden: int, norm: str):
        super().__init__()
        middle = min(before, after)
        self.activations, self.norm = Channels(labels), free_of_parameters(NORMS[norm](before))
        self.first = FirstHalf(labels, before, after, hidden)
        self.inner, self.inner_norm = Channels(labels + after), free_of_parameters(NORMS[norm](middle))
        self.second = SecondHalf(labels, middle, after, hidden)

    def steps(self) -> list[Step]:
        """Both norms are steps of their own, for the statistics of images that are translated in tiles."""
        halves = (self.activations, self.norm, self.first), (self.inner, self.inner_norm, self.second)
        return [step for take, norm, half in halves for step in ("push", take, norm, "cat", half)]


class SPADE(Segmented):
    """(B, in, H, W) → (B, out, H, W) in [-1, 1], any H and W ≥ 1. The input is a label map, one channel for each class
    (networks/labelled.py), or any other image.

    filters: channels at full size; they double at each halving, up to 16 × filters. depth: how often the smallest map
    is doubled; 5 for 256 px in the paper, 8 × 8. norm: without parameters; batch in the paper, over all processes.
    The label map of each size has every second pixel of the next one, as by nearest-neighbour resizing.
    """

    per_sample = True

    def __init__(
        self, in_channels: int = 3, out_channels: int = 3, *, filters: int = 64, depth: int = 5, norm: str = "batch"
    ):
        super().__init__()
        if depth < 1:
            raise ValueError("a SPADE generator needs a depth of at least 1")
        self.multiple = 2**depth
        self.least = 2 * self.multiple  # instance norm needs more than one pixel
        width = [filters * min(2**level, 16) for level in range(depth + 1)]
        self.halve = nn.Sequential(nn.PixelUnshuffle(2), Channels(0, 4))
        self.conv_in = nn.Conv2d(in_channels, width[depth], 3, padding=1)
        # Channels before and after each block: one at the smallest size, two at the next and one at each other.
        ends = [(width[depth], width[depth])]
        for level in reversed(range(depth)):
            ends.append((ends[-1][1], width[level] if level < depth - 1 else width[depth]))
            if level == depth - 1:
                ends.append((width[depth], width[level]))
        self.blocks = nn.ModuleList(SPADEBlock(in_channels, *pair, 2 * filters, norm) for pair in ends)
        self.larger = nn.Sequential(Channels(in_channels), NearestUpsample(scale_factor=2))
        self.out = nn.Sequential(
            Channels(in_channels), nn.LeakyReLU(SLOPE), nn.Conv2d(filters, out_channels, 3, padding=1), nn.Tanh()
        )

    def segments(self) -> Iterator[list[Step]]:
        """The label map in all sizes, which are saved; then the blocks, each with its size's label map; on padded
        input."""
        smaller: list[Step] = ["push", self.halve] * (len(self.blocks) - 2)
        yield [*smaller, "push", self.conv_in, "cat"]
        for number, block in enumerate(self.blocks):
            assert isinstance(block, SPADEBlock)
            yield [*([*self.larger, "cat"] if number not in (0, 2) else []), *block.steps()]
        yield [*self.out]

    def layers(self, x: Tensor) -> Tensor:
        return apply(list(self.steps()), x)[0]

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return self.run(self.layers, pad_to(x, self.multiple, self.least))[..., :height, :width]
