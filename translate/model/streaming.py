"""Translation of images of which neither the pixels nor the layers fit the memory: tiles in, tiles out, a few at once.

An output pixel of a network whose norms keep their training's statistics, or without norms, depends on a limited number
of pixels around it; a tile with so many more pixels on each side gives exactly the output of the whole image. Instance
and group norm use the statistics of the whole image. They are found first: one pass over the image for each such norm,
in order, runs the network up to that norm and sums its input. Or they are estimated from a sample of tiles.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from translate.errors import UserError
from translate.model.extent import extents
from translate.model.tiles import bytes_per_pixel, is_norm, normalised, sums
from translate.model.torch_engine import TorchEngine, to_channels_first
from translate.model.windows import Place, Read, Window, windows

LANE_BYTES = 256 << 20  # memory of the network's layers for one tile; the tile's size follows from it
LEAST_TILE = 128
SAMPLED = 100  # tiles from which statistics are estimated
EXACT_PIXELS = 4_000_000_000  # pixels of all passes together, up to which statistics are exact if nothing is said


@dataclass
class Streamed:
    """One image of (height, width), which `read` gives in windows: float32 (h, w, C) in [-1, 1] and where it is empty.

    tile: side in pixels; 0 chooses it by the network's memory, most: at most. UserError when a layer isn't known to be
    local.
    """

    engine: TorchEngine
    size: tuple[int, int]
    read: Read
    tile: int = 0
    most: int = 4096

    def __post_init__(self) -> None:
        network: Any = self.engine.network
        self.steps = list(network.steps())
        self.norms = [place for place, step in enumerate(self.steps) if not isinstance(step, str) and is_norm(step)]
        self.before, self.whole, coarsest = extents(self.steps)
        if self.whole.scale != 1:
            raise UserError("--tile: this model's output has another size than its input, so tiles don't fit together.")
        self.multiple = int(np.lcm(coarsest, network.multiple))
        self.padded: tuple[int, ...] = tuple(
            max(-(-side // network.multiple) * network.multiple, network.least) for side in self.size
        )
        per_pixel = bytes_per_pixel(self.engine)
        halo = sum(self.whole.halo)
        fitting = int((LANE_BYTES / per_pixel) ** 0.5) - halo
        if self.engine.device != "cpu":
            fitting = int((8 * LANE_BYTES / per_pixel) ** 0.5) - halo
        elif fitting < 2 * halo:  # one larger tile at a time, of which less is halo
            fitting = int((3 * LANE_BYTES / per_pixel) ** 0.5) - halo
        side = self.tile or min(max(fitting, LEAST_TILE, halo // 2), self.most)
        self.side = max(self._up(network.least), side // self.multiple * self.multiple, self.multiple)
        needed = min(self.side + halo, max(self.padded)) ** 2 * per_pixel
        cores = os.cpu_count() or 1
        self.lanes = 1 if self.engine.device != "cpu" or needed > 2 * LANE_BYTES else min(cores, 4)
        self.given: dict[int, Callable[[Tensor], Tensor]] = {}  # normalisation by the step's place

    def _up(self, pixels: int) -> int:
        return -(-pixels // self.multiple) * self.multiple

    # Windows ----------------------------------------------------------------------------------------------------------

    def windows(self, halo: tuple[int, int]) -> list[Window]:
        """All tiles of the padded image, row by row, to be read with `halo` pixels before and after them."""
        return windows(self.padded, self.side, tuple(map(self._up, halo)))

    def _input(self, window: Window, inside: tuple[slice, slice] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What `read` gives; at the right and the bottom of the image its edge is repeated, see pad_to."""
        top, left, height, width = window.read
        there = min(height, self.size[0] - top), min(width, self.size[1] - left)
        # A padded row or column beyond the image repeats the last one, which may lie above the window.
        y, x = (min(start, side - 1) for start, side in zip((top, left), self.size, strict=True))
        levels, absent = self.read((y, x, max(1, there[0]), max(1, there[1])), inside)
        more = height - levels.shape[0], width - levels.shape[1]
        if any(more):
            levels = np.pad(levels, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")
            absent = np.pad(absent, ((0, more[0]), (0, more[1])), mode="edge")
        return levels, absent

    # The network ------------------------------------------------------------------------------------------------------

    def _run(self, levels: np.ndarray, upto: int | None = None) -> Tensor:
        """(1, C, h, w): the output for a window, or the input of the step at `upto`."""
        engine, stack = self.engine, []
        with torch.inference_mode(), engine.autocast():
            first = y = to_channels_first(levels[None], engine.device).contiguous(memory_format=engine.layout)
            for place, step in enumerate(self.steps):
                if place == upto:
                    return y
                if step == "push":
                    stack.append(y)
                elif step == "add":
                    y = stack.pop() + y
                elif step == "cat":
                    y = torch.cat([stack.pop(), y], 1)
                elif place in self.given:
                    y = self.given[place](y)
                else:
                    y = step(y.clone() if y is first else y)  # in-place layers must not change the input
            if engine.network.residual:
                y = torch.clamp(first + y, -1, 1)
            return y.float().clamp(-1, 1)

    # Statistics -------------------------------------------------------------------------------------------------------

    @property
    def passes(self) -> int:
        """Passes over the image that exact statistics need."""
        return len(self.norms)

    def chosen(self, how: str) -> list[int]:
        """The numbers of the tiles that give the statistics: all, or about SAMPLED of them, evenly spaced over the
        image. how: exact, sample or auto."""
        down, across = (-(-side // self.side) for side in self.padded)
        exact = how == "exact" or (how == "auto" and self.passes * self.size[0] * self.size[1] <= EXACT_PIXELS)
        if exact or down * across <= SAMPLED:
            return list(range(down * across))
        rows = min(down, max(1, round((SAMPLED * down / across) ** 0.5)))
        columns = min(across, max(1, round(SAMPLED / rows)))
        at = [
            ((np.arange(count) + 0.5) * sides / count).astype(int) for count, sides in ((rows, down), (columns, across))
        ]
        return [int(row * across + column) for row in at[0] for column in at[1]]

    def find_statistics(self, tiles: list[int], step: Callable[[], object] = lambda: None) -> None:
        """The mean and variance of each norm's input over the tiles of these numbers. step: called after each tile of
        each pass."""
        for number, place in enumerate(self.norms):
            extent, layer = self.before[number], self.steps[place]
            windows = self.windows(extent.halo)
            scale, empty = int(extent.scale), {}  # type: ignore[var-annotated]
            total, square, count, channels = torch.zeros(1), torch.zeros(1), 0, 0
            work = partial(self._summed, place=place, scale=scale, empty=empty)
            for (one, two), (deep, down, across) in self._each(work, [windows[number] for number in tiles]):
                total, square, count, channels = total + one, square + two, count + down * across, deep
                step()
            of_group = count * channels / len(total)
            self.given[place] = normalised(layer, total, square, of_group, channels, self.engine.device)

    def _summed(self, window: Window, place: int, scale: int, empty: dict[Any, Any]) -> Any:
        """((sum, sum of squares) by group, (channels, height, width)) of a norm's input in a tile."""
        levels, absent = self._input(window)
        top, left, height, width = window.tile
        y, x = top - window.read[0], left - window.read[1]
        # Windows of one value, as those without data, have the same sums where the image's borders lie alike.
        ends = tuple(
            start + long == side
            for start, long, side in zip(window.read[:2], window.read[2:], self.padded, strict=True)
        )
        key = (
            levels[0, 0].tobytes(),
            window.read[2:],
            y,
            x,
            height,
            width,
            window.read[0] == 0,
            window.read[1] == 0,
            *ends,
        )
        blank = bool(absent.all())
        if blank and key in empty:
            return empty[key]
        found = self._run(levels, place)[0]
        part = found[:, y // scale : (y + height) // scale, x // scale : (x + width) // scale]
        groups = getattr(self.steps[place], "num_groups", part.shape[0])
        result = sums(part.cpu() if part.device.type == "mps" else part, groups), tuple(part.shape)
        if blank:
            empty[key] = result
        return result

    # The output -------------------------------------------------------------------------------------------------------

    def tiles(self) -> Iterator[tuple[Place, np.ndarray | None, np.ndarray]]:
        """((top, left, height, width), float32 (h, w, C') in [-1, 1], where it is empty) of all tiles, row by row.

        None for a tile without any data, for which the network isn't run. After `find_statistics`. FloatingPointError
        when an output is NaN.
        """
        windows = [window for window in self.windows(self.whole.halo)
                   if window.tile[0] < self.size[0] and window.tile[1] < self.size[1]]  # fmt: skip
        yield from self._each(self._translated, windows)

    def _translated(self, window: Window) -> tuple[Place, np.ndarray | None, np.ndarray]:
        top, left, height, width = window.tile
        y, x = top - window.read[0], left - window.read[1]
        height, width = min(height, self.size[0] - top), min(width, self.size[1] - left)
        part = slice(y, y + height), slice(x, x + width)
        levels, absent = self._input(window, part)
        absent = absent[part]
        tile = (top, left, height, width)
        if absent.all():
            return tile, None, absent
        found = self._run(levels)
        if found.shape[-2:] != levels.shape[:2]:
            raise UserError("--tile: this model's output has another size than its input, so tiles don't fit together.")
        inside = found[0, :, part[0], part[1]]
        if not torch.isfinite(inside.sum(dtype=torch.float32)):
            raise FloatingPointError("the network's output is not a number (NaN or infinity)")
        return tile, inside.permute(1, 2, 0).cpu().numpy(), absent

    def _each(self, work: Callable[[Window], Any], windows: Iterable[Window]) -> Iterator[Any]:
        """The results in order, of as many threads as there are lanes, each of which runs a network on one core."""
        if self.lanes == 1:
            yield from map(work, windows)
            return
        with ThreadPoolExecutor(self.lanes, initializer=lambda: torch.set_num_threads(1)) as threads:
            running: deque[Future] = deque()
            try:
                for window in windows:
                    running.append(threads.submit(work, window))
                    if len(running) > self.lanes:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                for future in running:
                    future.cancel()
