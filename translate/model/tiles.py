"""Tiled inference for images larger than the device's memory: layer by layer in tiles, equal to the untiled result.

Running a whole network on tiles gives seams, and instance or group norm computed per tile gives each tile different
colours and contrast. Here each layer is computed for the whole image before the next: its input and output are in main
memory (or in a temporary file when they are larger), and only one tile at a time is on the device. So norms use the
statistics of the whole image, tiles overlap only by the kernel of one convolution, and nothing has to be blended.
"""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from translate.errors import UserError
from translate.model.torch_engine import TorchEngine, to_channels_first, to_image, to_input
from translate.networks.layers import GroupNorm, InstanceNorm, pad_to
from translate.networks.segments import Segmented
from translate.networks.traits import RESIZING, reach
from translate.system.memory import free_memory

HALO = 8  # input pixels around a tile: at least every layer's reach, and a multiple of every stride (2)
SUMMED = 1 << 21  # values that are summed at once in double precision
PROBE = 128  # side of the square image for measuring the memory, in pixels
PICTURE = 40  # bytes per pixel of the image itself, input and output
NORMS = {layer.forward for layer in (InstanceNorm, GroupNorm, nn.InstanceNorm2d, nn.GroupNorm)}


def translate_tiled(engine: TorchEngine, levels: np.ndarray, tile: int) -> np.ndarray:
    """levels (H, W, C) → levels (H, W, C') of the same dtype; equals the untiled result up to float rounding.

    tile: height and width of a tile, in pixels of each layer; even. UserError when a layer can't be tiled.
    """
    with torch.inference_mode():
        return to_image(run_tiled(engine, to_input(levels[None]), tile), levels.dtype.name)[0]


def exact_tiled(engine: TorchEngine, x: np.ndarray, tile: int) -> np.ndarray:
    """float32 (H, W, C) in [-1, 1] → float32 (H, W, C') in [-1, 1]; otherwise as `translate_tiled`."""
    with torch.inference_mode():
        y = run_tiled(engine, to_channels_first(x[None]), tile)
        return y.float().clamp(-1, 1).permute(0, 2, 3, 1).numpy()[0]


def run_tiled(engine: TorchEngine, x: Tensor, tile: int) -> Tensor:
    """(1, C, H, W) in [-1, 1] → (1, C', H, W), both in main memory. UserError when a layer can't be tiled."""
    network: Any = engine.network
    check_tileable(network)
    height, width = x.shape[-2:]
    with torch.inference_mode(), engine.autocast():
        x = pad_to(x, network.multiple, network.least)[0]
        y = Tiled(engine.device, tile)(x, network.steps())
        if network.residual:
            y = torch.clamp(x + y, -1, 1)
        return y[None, :, :height, :width]


def check_tileable(network: nn.Module) -> None:
    """UserError that names the layer, unless every layer is a norm or has a reach of at most HALO pixels."""
    listed = isinstance(network, Segmented) and type(network).segments is not Segmented.segments
    for layer in network.steps() if listed else [network]:  # type: ignore[operator]
        if isinstance(layer, str) or is_norm(layer):
            continue
        pixels = reach(layer)
        if pixels is None or pixels > HALO:
            raise UserError(
                f"--tile: the layer {type(layer).__name__} of this model may depend on more than {HALO} pixels around "
                "each, so tiles would come out wrong; leave --tile out, or let --size make the images small enough."
            )


def is_norm(layer: nn.Module) -> bool:
    """Whether the layer normalises with the mean and variance of its input."""
    return type(layer).forward in NORMS and not getattr(layer, "track_running_stats", False)


def bytes_per_pixel(engine: TorchEngine) -> float:
    """An estimate of the memory per input pixel that the untiled network needs, in bytes.

    Three times the largest sum of one layer's input and output (measured: 2.3 to 2.6 times), and the image itself.
    """
    network: Any = engine.network
    largest = 0

    def note(layer: nn.Module, given: tuple, result: Any) -> None:
        nonlocal largest
        sizes = [part.numel() * 4 for part in (*given, result) if isinstance(part, Tensor)]
        largest = max(largest, sum(sizes))

    leaves = [layer for layer in network.modules() if not any(True for _ in layer.children())]
    hooks = [layer.register_forward_hook(note) for layer in leaves]
    side = max(PROBE, -(-network.least // network.multiple) * network.multiple)
    channels = engine.description["directions"][engine.direction]["arguments"]["in_channels"]
    state = torch.get_rng_state()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, channels, side, side, device=engine.device))
    finally:
        torch.set_rng_state(state)  # dropout used it
        for hook in hooks:
            hook.remove()
    return 3 * largest / side**2 + PICTURE


def room(device: str) -> float:
    """Free memory of the device in bytes."""
    if not device.startswith("cuda"):
        return free_memory()
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


class Tiled:
    """Runs a network's steps: layers, and 'push', 'add' and 'cat' for skip connections. See ResNet.steps."""

    def __init__(self, device: str, tile: int):
        self.device, self.tile = device, tile

    def __call__(self, x: Tensor, steps: Iterable[nn.Module | str]) -> Tensor:
        """(C, H, W) → (C', H', W'), both in main memory."""
        sources, stack = [x], []
        local: list[Callable[[Tensor], Tensor]] = []  # steps to run next, all with a reach of at most HALO

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
            elif is_norm(step):
                flush()
                local.append(self._norm(sources[0], step))
            else:
                local.append(step)
                if reach(step) or isinstance(step, RESIZING):
                    flush()
        flush()
        return sources[0]

    def _layer(self, sources: list[Tensor], local: list[Callable[[Tensor], Tensor]]) -> Tensor:
        """The steps `local` applied tile by tile to the sources, which are concatenated as channels."""
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
        """A function that normalises a tile as the layer does, with the mean and variance of the whole x, (C, H, W)."""
        groups = getattr(layer, "num_groups", x.shape[0])
        total, square = sums(x, groups)
        return normalised(layer, total, square, x.numel() / groups, x.shape[0], self.device)


def sums(x: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """The sum and the sum of squares of (C, H, W), by group of channels, in double precision and on the CPU."""
    total, square = torch.zeros(groups, dtype=torch.float64), torch.zeros(groups, dtype=torch.float64)
    rows = max(1, SUMMED // max(1, x[:, 0].numel()))
    for top in range(0, x.shape[1], rows):
        values = x[:, top : top + rows].double().reshape(groups, -1)
        total, square = total + values.sum(1).cpu(), square + values.square().sum(1).cpu()
    return total, square


def normalised(
    layer: Any, total: Tensor, square: Tensor, count: float, channels: int, device: str
) -> Callable[[Tensor], Tensor]:
    """A function that normalises (N, C, H, W) as the layer does with these sums, by group, over `count` values."""
    mean = total / count
    variance = (square / count - mean**2).clamp_min(0)
    each = channels // len(total)
    scale = (variance + layer.eps).rsqrt().repeat_interleave(each)
    shift = -mean.repeat_interleave(each) * scale
    if layer.weight is not None:
        weight = layer.weight.double().cpu()
        scale, shift = scale * weight, shift * weight + layer.bias.double().cpu()
    scale, shift = (value.float().to(device)[:, None, None] for value in (scale, shift))
    return lambda y: (y.float() * scale + shift).to(y.dtype)


def _scale(size: Sequence[int], result: Sequence[int]) -> float:
    """The factor by which the steps change a tile's sides: 1/2 or a whole number. UserError for other factors."""
    scale = result[0] / size[0]
    if result[1] != size[1] * scale or (scale != 0.5 and scale % 1):
        raise UserError(
            f"--tile: a layer of this model makes {result[0]} x {result[1]} of {size[0]} x {size[1]} pixels, so tiles "
            "would not fit together; leave --tile out, or let --size make the images small enough."
        )
    return scale


def storage(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """An uninitialised tensor in main memory, or in a temporary file when it needs over half of the free memory.

    The file's space is freed together with the tensor.
    """
    size = int(np.prod(shape))
    if size * dtype.itemsize <= free_memory() / 2:
        return torch.empty(shape, dtype=dtype)
    with tempfile.NamedTemporaryFile(prefix="translate-") as file:
        return torch.from_file(file.name, shared=True, size=size, dtype=dtype).reshape(shape)
