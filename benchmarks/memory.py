"""How much memory a round of training takes, and the largest square that trains in 8, 24 and 80 GB, at batch 1 with the
papers' settings, with and without activation checkpointing. docs/memory.md has the results.

usage: python benchmarks/memory.py [--sizes 256 512 1024] [--device cuda] [--json FILE]
       python benchmarks/memory.py --check SIZE | --cost SIZE

On CUDA it is measured: the most that torch has allocated in the second round. Without one it is counted: the same round
is played with tensors that have shapes but no content, and the bytes that live at once are added up; the largest sizes
follow from a line through two counted areas. That leaves out what cuDNN and cuBLAS work with, the context, and the gaps
between the allocator's blocks: a tenth of a card is left to them. --check compares the count with torch's profiler, on
real tensors on the CPU. --cost measures how many times as long a round takes with checkpointing, in alternating rounds.
"""

import argparse
import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import accumulate, product
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from harness import alternate, brief, faster, heading, machine, table, timed, write
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from translate.modes import DOMAINS, MODES
from translate.settings import merge
from translate.train.build import build_mode
from translate.train.settings import RunSettings, mode_defaults, settings_class
from translate.train.step.trainer import DTYPES, Trainer

CASES = {"CycleGAN ResNet-9": "cycle", "pix2pix U-Net": "pix2pix"}
CARDS = (8, 24, 80)
FILLED = 0.9  # of a card
STEPS = {"cycle": 64, "pix2pix": 256}  # a U-Net of depth 8 pads to multiples of 256
LARGEST = 2048
FIT = (1024, 1536)
MB, GB = 2**20, 2**30
POOL = 50


class Live(TorchDispatchMode):
    """Bytes of all tensors that exist, and the most there were at once. Storages that are shared count once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def settings(mode: str, size: int, precision: str, checkpointing: bool, device: str, **more: Any) -> RunSettings:
    """The papers', as training resolves them on a GPU."""
    values = merge({"mode": mode, "a": "x", "b": "y"}, mode_defaults(mode))
    train = {"precision": precision, "device": device, "channels_last": True, "checkpointing": checkpointing}
    values = merge(merge(values, {"data": {"size": [size, size]}, "train": {**train, "fuse_passes": False}}), more)
    s = settings_class(mode).parse(values, "benchmark")
    s.generator, s.discriminator = s.generator.for_size(size, size), s.discriminator.for_size(size, size)
    return s


def play(s: RunSettings) -> Iterator[None]:
    """Training rounds on random images, one per item."""
    trainer, shape = Trainer(build_mode(s), s.train, 100), (s.train.batch, 3, *s.data.size)
    for seen in range(100):
        batch = tuple(torch.rand(shape, device=s.train.device) * 2 - 1 for _ in range(DOMAINS[MODES[s.mode].kind]))
        trainer.play([batch], seen)
        yield


def counted(mode: str, precision: str, checkpointing: bool, size: int) -> int:
    """Bytes that live at once in the second round on a GPU."""
    s = settings(
        mode, size, precision, checkpointing, "cpu", **({"mode_settings": {"pool": 0}} if mode == "cycle" else {})
    )
    with FakeTensorMode(), Live() as live, as_on_cuda():
        rounds = play(s)
        next(rounds)
        live.peak = live.now
        next(rounds)
        peak = live.peak
        rounds.close()
    # The pools decide by numbers, which tensors without content don't have: their store is added.
    item = 4 if precision == "fp32" else DTYPES[precision].itemsize
    return peak + (2 * (POOL + 1) * 3 * size * size * item if mode == "cycle" else 0)


@contextlib.contextmanager
def as_on_cuda() -> Iterator[None]:
    """The CPU's autocast pads in float32, CUDA's in the type that the images have. And weights without content can't be
    brought into another layout, which would be as large."""

    def forward(layer: nn.ReflectionPad2d, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            return nn.functional.pad(x, layer.padding, "reflect")

    with patch.object(nn.ReflectionPad2d, "forward", forward), patch.object(nn.Module, "to", _stay):
        yield


def _stay(network: nn.Module, *place: Any, **layout: Any) -> nn.Module:
    return network


def measured(mode: str, precision: str, checkpointing: bool, size: int) -> int:
    """Bytes that torch has allocated at most in the second round; more than there are where they are not enough."""
    gc.collect()
    torch.cuda.empty_cache()
    try:
        rounds = play(settings(mode, size, precision, checkpointing, "cuda"))
        next(rounds)
        torch.cuda.reset_peak_memory_stats()
        next(rounds)
        return torch.cuda.max_memory_allocated()
    except torch.cuda.OutOfMemoryError:
        return torch.cuda.get_device_properties(0).total_memory + 1


def line(peak: Callable[[int], int]) -> Callable[[int], float]:
    """side -> bytes at large sizes, where activations decide: they grow with the area, through two counted sides."""
    (low, least), (high, most) = ((side, peak(side)) for side in FIT)
    slope = (most - least) / (high**2 - low**2)
    return lambda side: least + slope * (side**2 - low**2)


def largest(peak: Callable[[int], float], limit: float, step: int) -> int:
    """The largest side, of multiples of `step` up to LARGEST, whose peak is within the limit; 0 if none is."""
    low, high = 0, LARGEST // step + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if peak(middle * step) <= limit else (low, middle)
    return low * step


def check(size: int) -> list[list[str]]:
    """Of real rounds on the CPU, what is counted and what torch's profiler saw allocated, above what was there."""
    rows = []
    for name, mode in CASES.items():
        rounds = play(settings(mode, size, "fp32", False, "cpu"))
        with Live() as live:
            next(rounds)
            before = live.peak = live.now
            next(rounds)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as made:
            next(rounds)
        events = [event for event in made.profiler.kineto_results.events() if event.name() == "[memory]"]
        seen = max(accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())))
        rows.append([name, f"{(live.peak - before) / MB:.1f}", f"{seen / MB:.1f}"])
    return rows


def cost(size: int, device: str) -> list[list[str]]:
    """How many times as long a round takes with checkpointing."""
    rows = []
    for name, mode in CASES.items():
        games = {c: play(settings(mode, size, "fp32", c, device)) for c in (False, True)}
        times = alternate({str(c): partial(timed, partial(next, game), device) for c, game in games.items()}, 7)
        rows.append([name, brief(faster(times, "False", "True"))])
    return rows


def sizes(sides: list[int], device: str) -> list[dict[str, Any]]:
    """Prints a row for every mode and precision, without and with checkpointing, and returns them."""
    how = "measured" if device == "cuda" else "counted"
    rows, cells = [], []
    for (name, mode), precision, checkpointing in product(CASES.items(), ("fp32", "bf16"), (False, True)):
        peak = cache(partial(measured if device == "cuda" else counted, mode, precision, checkpointing))
        found = {side: peak(side) for side in sides}
        within = peak if device == "cuda" else line(peak)
        fits = {card: largest(within, FILLED * card * GB, STEPS[mode]) for card in CARDS}
        rows.append({"mode": name, "precision": precision, "checkpointing": checkpointing})
        rows[-1] |= {how: found, "largest": fits}
        cells.append([name, precision, "on" if checkpointing else "off", *(f"{b / GB:.2f}" for b in found.values())])
        cells[-1] += [f"≥ {side}" if side == LARGEST else str(side) for side in fits.values()]
    headings = ["mode", "precision", "checkpointing", *(f"GiB {how} at {side}" for side in sides)]
    print(table([*headings, *(f"largest in {card} GB" for card in CARDS)], cells))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 512, 1024])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--check", type=int, metavar="SIZE")
    parser.add_argument("--cost", type=int, metavar="SIZE")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    about = machine(options.device)
    print(f"{heading(about)}\n")
    if options.check:
        print(table(["mode", "counted, MiB", "profiler, MiB"], check(options.check)))
    elif options.cost:
        print(table(["mode", "time with checkpointing / without"], cost(options.cost, options.device)))
    else:
        write(options.json, {"machine": about, "rows": sizes(options.sizes, options.device)})


if __name__ == "__main__":
    main()
