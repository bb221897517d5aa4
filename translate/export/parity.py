"""How far an exported generator is from the trained one: both are run on pictures of many sizes and compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from translate import images
from translate.engine import to_image, to_input
from translate.errors import INEXACT, UserError

# What an export may differ by, precision -> io: (largest, mean), float in units of [-1, 1], uint8 in levels of 255.
# Half precision and integers put single pixels far off, near-flat ones under instance norm most of all.
TOLERANCE: dict[str, dict[str, tuple[float, float]]] = {
    "fp32": {"float": (1e-4, 1e-4), "uint8": (1, 1)},
    "fp16": {"float": (0.05, 0.005), "uint8": (6, 0.6)},
    "int8": {"float": (1, 0.03), "uint8": (128, 4)},
}


def sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """(height, width)s to compare at: the training size, odd ones below and above it, and two tiny ones."""
    height, width = size
    return [(height, width), (height - 1, width - 3), (height * 5 // 4 | 1, width * 3 // 2 | 1), (5, 3), (1, 1)]


def measure(
    network: nn.Module,
    run: Callable[[np.ndarray], np.ndarray],
    io: str,
    compared: tuple[list[np.ndarray], str],
    size: tuple[int, int],
) -> dict[str, Any]:
    """{"max", "mean", "unit", "images", "pictures", "sizes"} of the difference between `network` and `run`, the
    exported one.

    compared: pictures, uint8 (H, W, C), each brought to the training size and to one of the other `sizes`; and what
    they are.
    run: what the exported file makes of a batch of one, in the file's own kind of pixels.
    A picture of one colour is run, but not compared: after instance norm it is rounding noise, in torch as well.
    """
    largest, total, count = 0.0, 0.0, 0
    pictures, what = compared
    others = sizes(size)[1:]
    for number, picture in enumerate(pictures):
        for side in (size, others[number % len(others)]):
            levels = np.array(images.resize(picture, side))[None]
            x = to_input(levels)
            with torch.inference_mode():
                y = network(x)
            wanted = y.numpy() if io == "float" else to_image(y)
            found = run(x.numpy() if io == "float" else levels)
            if found.shape != wanted.shape or not np.isfinite(found).all():
                raise UserError(f"the export fails at {side[0]} × {side[1]} pixels; nothing was written.", INEXACT)
            if (levels == levels[:, :1, :1]).all():
                continue
            difference = np.abs(found.astype(np.float64) - wanted)
            largest, total, count = max(largest, difference.max()), total + difference.sum(), count + difference.size
    if pictures and not count:
        raise UserError(f"the {what} have one colour each, which shows no difference; give others with --images.")
    return {
        "max": float(largest),
        "mean": total / max(count, 1),
        "unit": "[-1, 1]" if io == "float" else "levels of 255",
        "images": len(pictures),
        "pictures": what,
        "sizes": [list(side) for side in (size, *others[: len(pictures)])],
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
