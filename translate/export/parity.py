"""How far an exported generator is from the trained one: both are run on the same inputs and compared."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from translate.errors import INEXACT, UserError
from translate.export.graph import Source
from translate.image import rgb8
from translate.model.sampler import latents, one_hot
from translate.model.torch_engine import to_image, to_input

# What an export may differ by, precision -> io: (largest, mean), float in units of [-1, 1], uint8 in levels of 255.
# Half precision and integers put single pixels far off, near-flat ones under instance norm most of all.
TOLERANCE: dict[str, dict[str, tuple[float, float]]] = {
    "fp32": {"float": (1e-4, 1e-4), "uint8": (1, 1)},
    "fp16": {"float": (0.05, 0.005), "uint8": (6, 0.6)},
    "int8": {"float": (1, 0.03), "uint8": (128, 4)},
}
Compared = tuple[list[Any], str]  # what both are run on, pictures or seeds, and what those are


class Trial(NamedTuple):
    """One batch: for the network, and for the exported file in its own kind; `where` a failure would be; `tells`:
    whether a difference means something."""

    x: Tensor
    inputs: tuple[np.ndarray, ...]
    where: str
    tells: bool = True


def sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width)s to compare at: the training size, odd ones below and above it, and two tiny ones."""
    height, width = size
    return [(height, width), (height - 1, width - 3), (height * 5 // 4 | 1, width * 3 // 2 | 1), (5, 3), (1, 1)]


def of_pictures(
    pictures: list[np.ndarray], size: tuple[int, int], io: str, fixed: tuple[int, int] | None = None
) -> Iterator[Trial]:
    """Each picture, uint8 (H, W, C), brought to the training size and to one of the other `sizes`, or only to the
    `fixed` one, alone.

    A picture of one colour is run, but not compared: after instance norm it is rounding noise, in torch as well.
    """
    others = sizes(size)[1:]
    for number, picture in enumerate(pictures):
        for side in (fixed,) if fixed else (size, others[number % len(others)]):
            levels = np.array(rgb8.resize(picture, side))[None]
            x = to_input(levels)
            tells = not (levels == levels[:, :1, :1]).all()
            yield Trial(x, (x.numpy() if io == "float" else levels,), f"at {side[0]} × {side[1]} pixels", tells)


def of_seeds(seeds: list[int], latent: int, classes: int) -> Iterator[Trial]:
    """All seeds together, then each alone; the classes in turn."""
    for part in (seeds, *([seed] for seed in seeds)):
        z = latents(part, latent)
        if not classes:
            yield Trial(z, (z.numpy(),), f"in a batch of {len(part)}")
            continue
        numbers = [seed % classes for seed in part]
        x = torch.cat([z, one_hot(numbers, classes)], 1)
        yield Trial(x, (z.numpy(), np.array(numbers, np.int64)), f"in a batch of {len(part)}")


def measure(source: Source, run: Callable[..., np.ndarray], io: str, compared: Compared) -> dict[str, Any]:
    """{"max", "mean", "unit", "images", "pictures", "sizes"} of the difference between the network and `run`, the
    exported one, which is called with the file's inputs.

    compared: pictures, uint8 (H, W, C), for what translates them, seeds for what makes images; and what they are.
    """
    largest, total, count = 0.0, 0.0, 0
    things, what = compared
    if source.latent:
        trials, tried = of_seeds(things, source.latent, source.classes), [source.size]
    else:
        trials = of_pictures(things, source.size, io, source.fixed)
        tried = [source.fixed] if source.fixed else sizes(source.size)[: len(things) + 1]
    for trial in trials:
        with torch.inference_mode():
            y = source.network(trial.x)
        wanted = y.numpy() if io == "float" else to_image(y)
        found = run(*trial.inputs)
        if found.shape != wanted.shape or not np.isfinite(found).all():
            raise UserError(f"the export fails {trial.where}; nothing was written.", INEXACT)
        if trial.tells:
            difference = np.abs(found.astype(np.float64) - wanted)
            largest, total, count = max(largest, difference.max()), total + difference.sum(), count + difference.size
    if things and not count:
        raise UserError(f"the {what} have one colour each, which shows no difference; give others with --images.")
    return {
        "max": float(largest),
        "mean": total / max(count, 1),
        "unit": "[-1, 1]" if io == "float" else "levels of 255",
        "images": len(things),
        "pictures": what,
        "sizes": [list(side) for side in tried],
    }


def judge(difference: dict[str, Any], precision: str, io: str, tolerance: tuple[float, float] | None = None) -> None:
    """UserError (exit code 6) when the difference is larger than `tolerance`, (largest, mean), or TOLERANCE."""
    for which, allowed in zip(("max", "mean"), tolerance or TOLERANCE[precision][io], strict=True):
        if not difference[which] <= allowed:
            raise UserError(
                f"the {precision} export differs too much from the trained network: {which} {difference[which]:.2g}, "
                f"where {allowed:g} is allowed ({difference['unit']}, {difference['images']} "
                f"{difference['pictures']}); nothing was written.",
                INEXACT,
            )
