"""Images larger than the device's memory: every layer on its own, tile by tile, exactly as if it had all been there.

Tiling a whole network gives seams, and instance or group norm, measured tile by tile, gives every tile its own colours
and contrast. Here a layer is finished for the whole image before the next begins: its input and output wait in main
memory (or in a temporary file, where they are larger than that), only a tile of them is on the device. So the norms
see the whole image, a tile needs no more overlap than one convolution's kernel, and there is nothing to blend.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.model.torch_engine import TorchEngine, to_image, to_input
from translate.networks.layers import GroupNorm, InstanceNorm, pad_to
from translate.networks.segments import Segmented
from translate.networks.traits import RESIZING, reach
from translate.system.memory import free_memory

HALO = 8  # input pixels around a tile: no less than any layer's reach, and a multiple of every stride (2)
NORMS = {layer.forward for layer in (InstanceNorm, GroupNorm, nn.InstanceNorm2d, nn.GroupNorm)}


def translate_tiled(engine: TorchEngine, levels: np.ndarray, tile: int) -> np.ndarray:
    """levels (H, W, C) → levels (H, W, C') of the same kind, as the network gives them untiled, but for float rounding.

    tile: height and width of what is on the device at once, in pixels of each layer; even.
    """
    network: Any = engine.network
    check_tileable(network)
    with torch.inference_mode(), engine.autocast():
        x = pad_to(to_input(levels[None]), network.multiple, network.least)[0]
        y = Tiled(engine.device, tile)(x, network.steps())
        if network.residual:
            y = torch.clamp(x + y, -1, 1)
        return to_image(y[None, :, : levels.shape[0], : levels.shape[1]], levels.dtype.name)[0]


def check_tileable(network: nn.Module) -> None:
    """UserError that names the layer, unless all of them are known to see few pixels around each, or are norms."""
    listed = isinstance(network, Segmented) and type(network).segments is not Segmented.segments
    for layer in network.steps() if listed else [network]:  # type: ignore[operator]
        if isinstance(layer, str) or _is_norm(layer):
            continue
        pixels = reach(layer)
        if pixels is None or pixels > HALO:
            raise UserError(
                f"--tile: the layer {type(layer).__name__} of this model may depend on more than {HALO} pixels around "
                "each, so tiles would come out wrong; leave --tile out, or let --size make the images small enough."
            )


def _is_norm(layer: nn.Module) -> bool:
    """Whether it normalises with the image's own mean and variance."""
    return type(layer).forward in NORMS and not getattr(layer, "track_running_stats", False)


class Tiled:
    """Runs a network's steps: layers, and 'push', 'add' and 'cat' for what skips ahead. See ResNet.steps."""

    def __init__(self, device: str, tile: int):
        self.device, self.tile = device, tile

    def __call__(self, x: Tensor, steps: Iterable[nn.Module | str]) -> Tensor:
        """(C, H, W) → (C', H', W'), both in main memory."""
        sources, stack = [x], []
        local: list[Callable[[Tensor], Tensor]] = []  # steps to come, that look at few pixels around each

        def flush() -> None:
            nonlocal sources
            if local or len(sources) > 1:
                sources = [self._layer(sources, local)]
                local.clear()

        for step in steps:
            if step == "push":
                flush()
                stack.append(sources[0])
            elif isinstance(step, str):  # 'add' or 'cat'
                flush()
                sources = [stack.pop(), *sources]
                if step == "add":
                    local.append(lambda both: both[:, : both.shape[1] // 2] + both[:, both.shape[1] // 2 :])
            elif _is_norm(step):
                flush()
                local.append(self._norm(sources[0], step))
            else:
                local.append(step)
                if reach(step) or isinstance(step, RESIZING):
                    flush()
        flush()
        return sources[0]

    def _layer(self, sources: list[Tensor], local: list[Callable[[Tensor], Tensor]]) -> Tensor:
        """The sources, one behind the other as channels, through `local`, tile by tile."""
        height, width = sources[0].shape[-2:]
        result: Tensor | None = None
        for top in range(0, height, self.tile):
            for left in range(0, width, self.tile):
                above, before = min(HALO, top), min(HALO, left)
                bottom, right = min(top + self.tile, height), min(left + self.tile, width)
                window = (..., slice(top - above, bottom + HALO), slice(left - before, right + HALO))
                x = y = torch.cat([source[window] for source in sources])[None].to(self.device)
                for step in local:
                    y = step(y)
                scale = _scale(x.shape[-2:], y.shape[-2:])
                if result is None:
                    shape = (y.shape[1], round(height * scale), round(width * scale))
                    result = storage(shape, y.dtype)
                into = [slice(round(edge * scale), round(end * scale)) for edge, end in ((top, bottom), (left, right))]
                down, along = round(above * scale), round(before * scale)
                inside = y[0, :, down:, along:][:, : into[0].stop - into[0].start, : into[1].stop - into[1].start]
                result[:, into[0], into[1]] = inside.cpu()
        assert result is not None
        return result

    def _norm(self, x: Tensor, layer: Any) -> Callable[[Tensor], Tensor]:
        """The layer's normalisation with the mean and variance of all of x, (C, H, W)."""
        groups = getattr(layer, "num_groups", x.shape[0])
        total, square = torch.zeros(groups, dtype=torch.float64), torch.zeros(groups, dtype=torch.float64)
        for top in range(0, x.shape[1], self.tile):
            values = x[:, top : top + self.tile].double().reshape(groups, -1)
            total, square = total + values.sum(1), square + values.square().sum(1)
        mean = total / (x.numel() / groups)
        variance = (square / (x.numel() / groups) - mean**2).clamp_min(0)
        each = x.shape[0] // groups
        scale = (variance + layer.eps).rsqrt().repeat_interleave(each)
        shift = -mean.repeat_interleave(each) * scale
        if layer.weight is not None:
            weight = layer.weight.double().cpu()
            scale, shift = scale * weight, shift * weight + layer.bias.double().cpu()
        scale, shift = (value.float().to(self.device)[:, None, None] for value in (scale, shift))
        return lambda y: (y.float() * scale + shift).to(y.dtype)


def _scale(size: Sequence[int], result: Sequence[int]) -> float:
    """1, 2 or another whole number, or 1/2: how many times as large a tile becomes."""
    scale = result[0] / size[0]
    if result[1] != size[1] * scale or (scale != 0.5 and scale % 1):
        raise UserError(
            f"--tile: a layer of this model makes {result[0]} x {result[1]} of {size[0]} x {size[1]} pixels, so tiles "
            "would not fit together; leave --tile out, or let --size make the images small enough."
        )
    return scale


def storage(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor in main memory, or in a temporary file that vanishes with it where half of the free memory is less."""
    size = int(np.prod(shape))
    if size * dtype.itemsize <= free_memory() / 2:
        return torch.empty(shape, dtype=dtype)
    with tempfile.NamedTemporaryFile(prefix="translate-") as file:
        return torch.from_file(file.name, shared=True, size=size, dtype=dtype).reshape(shape)
