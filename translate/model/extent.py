"""Which input pixels an output pixel of a network's steps depends on, when the statistics of its norms are given."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from torch import nn

from translate.errors import UserError
from translate.model.tiles import is_norm
from translate.networks.segments import Step
from translate.networks.traits import CONVOLUTIONS, PADDING, reach, stated


@dataclass(frozen=True)
class Extent:
    """An output pixel at place j depends on the input pixels from scale·j + low to scale·j + high."""

    scale: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    def wider(self, before: Any, after: Any) -> "Extent":
        """With so many more pixels, of the present resolution, before and after."""
        return replace(self, low=self.low - self.scale * before, high=self.high + self.scale * after)

    def joined(self, other: "Extent") -> "Extent":
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high))

    @property
    def halo(self) -> tuple[int, int]:
        """Input pixels around a tile, before and after it, on which the tile's output depends."""
        return max(0, math.ceil(-self.low)), max(0, math.ceil(self.high))


def extents(steps: Sequence[Step]) -> tuple[list[Extent], Extent, int]:
    """(the extent of the input of each norm, the extent of the output, the smallest multiple that sides of tiles need).

    steps: see Segmented.steps. UserError that names the layer whose extent is not known.
    """
    now, stack, norms = Extent(), [], []
    coarsest = Fraction(1)
    for step in steps:
        if step == "push":
            stack.append(now)
        elif isinstance(step, str):
            now = now.joined(stack.pop())
        elif is_norm(step):
            norms.append(now)
        else:
            now = _after(now, step)
        coarsest = max(coarsest, now.scale)
    return norms, now, math.ceil(coarsest)


def _after(before: Extent, layer: nn.Module) -> Extent:
    kind: Any = type(layer).forward
    known: Any = layer  # each kind has other attributes
    if kind is nn.Sequential.forward:
        for part in layer.children():
            before = _after(before, part)
        return before
    if stated(layer, "reach") is None and kind in {one.forward for one in PADDING}:
        left, _, top, _ = known.padding
        return before.wider(max(left, top), 0 - min(left, top))
    pixels = reach(layer)
    if pixels is None:
        raise UserError(
            f"--tile: the layer {type(layer).__name__} of this model may depend on the whole picture, so one that is "
            "larger than the memory can't be translated by it."
        )
    if isinstance(layer, CONVOLUTIONS) and kind in {one.forward for one in CONVOLUTIONS}:
        return _convolved(before, layer)
    if isinstance(layer, nn.PixelShuffle):
        return _finer(before, layer.upscale_factor)
    if isinstance(layer, nn.PixelUnshuffle):
        factor = layer.downscale_factor
        return replace(before.wider(0, factor - 1), scale=before.scale * factor)
    if isinstance(layer, nn.Upsample):
        factors = {Fraction(value) for value in _pair(layer.scale_factor)}
        if len(factors) == 1:
            return _finer(before.wider(pixels, pixels), factors.pop())
        raise UserError("--tile: a layer of this model resizes height and width by different factors.")
    return before.wider(pixels, pixels)


def _convolved(before: Extent, layer: Any) -> Extent:
    sizes = [(size - 1) * step for size, step in zip(layer.kernel_size, layer.dilation, strict=True)]
    pads = _pair(layer.padding) if not isinstance(layer.padding, str) else sizes  # 'same' pads by less
    strides = set(layer.stride)
    if len(strides) > 1:
        raise UserError("--tile: a layer of this model resizes height and width by different factors.")
    stride = strides.pop()
    after = max(size - pad for size, pad in zip(sizes, pads, strict=True)) if pads != sizes else max(sizes)
    if isinstance(layer, nn.ConvTranspose2d):
        return _finer(before.wider(Fraction(max(0, after), stride), Fraction(max(pads), stride)), stride)
    return replace(before.wider(max(pads), after), scale=before.scale * stride)


def _finer(before: Extent, factor: Any) -> Extent:
    """After an enlargement: place j comes from j / factor, rounded down."""
    return replace(before.wider(Fraction(factor - 1) / factor, 0), scale=before.scale / factor)


def _pair(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, Sequence) else (value, value)
