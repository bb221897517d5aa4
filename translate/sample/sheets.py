"""The sheets of `translate sample`: samples by seed, interpolations, latent arithmetic."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from translate.image import rgb8
from translate.model.sampler import Sampler, latents, on_sphere, slerp
from translate.sample.expression import Expression

COLUMNS = 10
MAX_PICTURES = 100  # on a sheet of one class
PER_CLASS = 8
STEPS = 9  # pictures from one seed to the next
VARIATION = 0.25  # noise of this fraction of a latent's length, as in Radford et al. 2016, Fig. 7
VARIATION_SEED = 2**62  # the first of the variations' seeds, above those that --seed accepts

Rows = list[list[np.ndarray]]


def grid(pictures: np.ndarray, seeds: range, caption: str) -> bytes:
    """A sheet of pictures, uint8 (N, H, W, C), in reading order."""
    first = list(pictures[:MAX_PICTURES])
    columns = min(COLUMNS, math.ceil(math.sqrt(len(first))))
    rows = [first[i : i + columns] for i in range(0, len(first), columns)]
    some = "" if len(first) == len(seeds) else f" of {len(seeds):,}"
    text = f"{caption}; {_seeds(seeds[: len(first)])}{some}, in reading order"
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * columns, side_by_side=1, caption=text))


def by_class(pictures: dict[str, np.ndarray], seeds: range, caption: str) -> bytes:
    """A sheet with one row per class; every row has the same first seeds."""
    seeds, names = seeds[:PER_CLASS], list(pictures)
    text = f"{caption}; {_seeds(seeds)} from left to right, the same random numbers in every class"
    rows = [list(pictures[name][: len(seeds)]) for name in names]
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * len(seeds), names=names, caption=text))


def interpolation(sampler: Sampler, seeds: range, classes: Sequence[int], caption: str) -> bytes:
    """A sheet of interpolations: each row goes from one seed to the next. classes: assigned to the rows cyclically."""
    pairs = list(pairwise(seeds))[:PER_CLASS]
    rows: Rows = []
    for number, pair in enumerate(pairs):
        first, last = sampler.latents(pair)
        path = slerp(first, last, STEPS)
        rows.append(list(sampler(path, [classes[number % len(classes)]] * STEPS if classes else None)))
    text = f"{caption}; each row goes from one seed to the next on a great circle: {_seeds(seeds[: len(pairs) + 1])}"
    if len(classes) > 1:
        names = [sampler.classes[classes[number % len(classes)]] for number in range(len(pairs))]
        text += f"; classes of the rows: {', '.join(names)}"
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * STEPS, side_by_side=1, caption=text))


def expression(sampler: Sampler, found: Expression, chosen: int | None, caption: str) -> bytes:
    """A sheet of latent arithmetic: each mean's samples and the mean, the other seeds, then the result and eight
    variations of it (Radford et al. 2016, Fig. 7).

    A mean of n latents has about 1/√n of a latent's norm, a norm that hardly occurs in training. So means and results
    are scaled to norm √latent before the generator is applied; the sum itself uses the unscaled means.
    """

    def images(z: torch.Tensor) -> list[np.ndarray]:
        return list(sampler(z, None if chosen is None else [chosen] * len(z)))

    blocks: list[tuple[Rows, list[str]]] = []
    for seeds, mean in [*found.means, *([(found.seeds, None)] if found.seeds else [])]:
        for start in range(0, max(1, len(seeds)), STEPS - 1):  # a mean of means has no seeds
            part = seeds[start : start + STEPS - 1]
            row, names = images(sampler.latents(part)), [f"seed {seed}" for seed in part]
            if mean is not None and start + STEPS - 1 >= len(seeds):
                row, names = row + images(on_sphere(mean)[None]), [*names, "mean"]
            blocks.append(([row], names))
    result = on_sphere(found.value)
    noise = latents(range(VARIATION_SEED, VARIATION_SEED + STEPS - 1), sampler.latent)
    variations = on_sphere(result + VARIATION * noise)
    headings = ["result", *[f"near {number}" for number in range(1, STEPS)]]
    blocks.append(([images(torch.cat([result[None], variations]))], headings))
    return _stacked(blocks, f"{caption}; {found.text}")


def _stacked(blocks: list[tuple[Rows, list[str]]], caption: str) -> bytes:
    """Sheets with different headings, stacked vertically; the caption is below the last."""
    captions = [""] * (len(blocks) - 1) + [caption]
    parts = [
        rgb8.sheet(rows, headings=headings, side_by_side=1, caption=text)
        for (rows, headings), text in zip(blocks, captions, strict=True)
    ]
    width = max(part.shape[1] for part in parts)
    wide = [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255) for part in parts]
    return rgb8.to_png(np.concatenate(wide))


def _seeds(seeds: Sequence[int]) -> str:
    return f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
