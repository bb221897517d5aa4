"""The difference between an exported and the trained generator: both run on the same inputs."""

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

# The allowed difference, precision -> io: (largest, mean), float in units of [-1, 1], uint8 in levels of 255.
# In fp16 and int8 single pixels can differ much, most of all in nearly uniform areas under instance norm.
TOLERANCE: dict[str, dict[str, tuple[float, float]]] = {
    "fp32": {"float": (1e-4, 1e-4), "uint8": (1, 1)},
    "fp16": {"float": (0.05, 0.005), "uint8": (6, 0.6)},
    "int8": {"float": (1, 0.03), "uint8": (128, 4)},
}
Compared = tuple[list[Any], str]  # (images or seeds, text that names them)


class Trial(NamedTuple):
    """One batch of the comparison.

    x: the network's input. inputs: the same for the exported file, in its own layout. where: text for error messages.
    tells: whether the difference counts; False for uniform images.
    """

    x: Tensor
    inputs: tuple[np.ndarray, ...]
    where: str
    tells: bool = True


def sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """The (height, width)s of the comparison: the training size, odd sizes below and above it, and two tiny ones."""
    height, width = size
    return [(height, width), (height - 1, width - 3), (height * 5 // 4 | 1, width * 3 // 2 | 1), (5, 3), (1, 1)]


def of_pictures(
    pictures: list[np.ndarray], size: tuple[int, int], io: str, fixed: tuple[int, int] | None = None
) -> Iterator[Trial]:
    """Trials of images, uint8 (H, W, C): each in a batch of one, resized to the training size and to one of the other
    `sizes`, or to `fixed` only.

    A uniform image is run, but not compared: after instance norm it is rounding noise, in torch as well.
    """
    others = sizes(size)[1:]
    for number, picture in enumerate(pictures):
        for side in (fixed,) if fixed else (size, others[number % len(others)]):
            levels = _resized(picture, side)[None]
            x = to_input(levels)
            tells = not (levels == levels[:, :1, :1]).all()
            yield Trial(x, (x.numpy() if io == "float" else levels,), f"at {side[0]} × {side[1]} pixels", tells)


def _resized(picture: np.ndarray, side: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, C) of any number of channels, resized to (height, width)."""
    if picture.shape[2] in (1, 3):
        return np.array(rgb8.resize(picture, side))
    return np.concatenate([rgb8.resize(plane, side) for plane in np.split(picture, picture.shape[2], axis=2)], axis=2)


def of_seeds(seeds: list[int], latent: int, classes: int) -> Iterator[Trial]:
    """Trials of seeds: all of them in one batch, then each in a batch of one; class = seed modulo `classes`."""
    for part in (seeds, *([seed] for seed in seeds)):
        z = latents(part, latent)
        if not classes:
            yield Trial(z, (z.numpy(),), f"in a batch of {len(part)}")
            continue
        numbers = [seed % classes for seed in part]
        x = torch.cat([z, one_hot(numbers, classes)], 1)
        yield Trial(x, (z.numpy(), np.array(numbers, np.int64)), f"in a batch of {len(part)}")


def measure(source: Source, run: Callable[..., np.ndarray], io: str, compared: Compared) -> dict[str, Any]:
    """{"max", "mean", "unit", "images", "pictures", "sizes"} of the difference between the network and the export.

    run: calls the exported file with its inputs. compared: (images, uint8 (H, W, C), or a GAN's seeds; text that names
    them). UserError (exit code 6) when the export's output has the wrong shape, NaN or infinity, or when all images
    are uniform (then exit code 2).
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
