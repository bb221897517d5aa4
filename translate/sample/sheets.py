"""The sheets of `translate sample`: pictures by number, paths between them, sums of latents."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from translate.image import rgb8
from translate.model.sampler import Sampler, latents, on_sphere, slerp
from translate.sample.expression import Expression

COLUMNS = 10
MOST = 100  # pictures on a sheet, or of one class
PER_CLASS = 8
STEPS = 9  # pictures from one seed to the next
VARIATION = 0.25  # of a latent's length: as much as DCGAN's authors added for their Fig. 7
FAR = 2**62  # the variations' own seeds, which nobody types

Rows = list[list[np.ndarray]]


def grid(pictures: np.ndarray, seeds: range, caption: str) -> bytes:
    """A sheet of pictures, uint8 (N, H, W, C), in reading order."""
    shown = list(pictures[:MOST])
    columns = min(COLUMNS, math.ceil(math.sqrt(len(shown))))
    rows = [shown[i : i + columns] for i in range(0, len(shown), columns)]
    some = "" if len(shown) == len(seeds) else f" of {len(seeds):,}"
    text = f"{caption}; {_seeds(seeds[: len(shown)])}{some}, in reading order"
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * columns, side_by_side=1, caption=text))


def by_class(pictures: dict[str, np.ndarray], seeds: range, caption: str) -> bytes:
    """A sheet with a row for each class, of the first seeds, the same ones in each."""
    seeds, names = seeds[:PER_CLASS], list(pictures)
    text = f"{caption}; {_seeds(seeds)} from left to right, the same random numbers in every class"
    rows = [list(pictures[name][: len(seeds)]) for name in names]
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * len(seeds), names=names, caption=text))


def interpolation(sampler: Sampler, seeds: range, classes: Sequence[int], caption: str) -> bytes:
    """A sheet of paths: each row from one seed's picture to the next one's. classes: taken in turn, or none."""
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
    """A sheet of a sum of latents: every mean's pictures and its own, the other seeds', then the result's beside eight
    that lie around it (Radford et al. 2016, Fig. 7).

    A mean of n latents is about 1/√n as long as a latent, and the network has hardly seen such: means and results are
    drawn at the length √latent. The sum itself is computed with the means as they are.
    """

    def draw(z: torch.Tensor) -> list[np.ndarray]:
        return list(sampler(z, None if chosen is None else [chosen] * len(z)))

    blocks: list[tuple[Rows, list[str]]] = []
    for seeds, mean in [*found.means, *([(found.seeds, None)] if found.seeds else [])]:
        for start in range(0, max(1, len(seeds)), STEPS - 1):  # a mean of means has no seeds of its own
            part = seeds[start : start + STEPS - 1]
            row, names = draw(sampler.latents(part)), [f"seed {seed}" for seed in part]
            if mean is not None and start + STEPS - 1 >= len(seeds):
                row, names = row + draw(on_sphere(mean)[None]), [*names, "mean"]
            blocks.append(([row], names))
    result = on_sphere(found.value)
    noise = latents(range(FAR, FAR + STEPS - 1), sampler.latent)
    around = on_sphere(result + VARIATION * noise)
    headings = ["result", *[f"near {number}" for number in range(1, STEPS)]]
    blocks.append(([draw(torch.cat([result[None], around]))], headings))
    return _stacked(blocks, f"{caption}; {found.text}")


def _stacked(blocks: list[tuple[Rows, list[str]]], caption: str) -> bytes:
    """Sheets with headings of their own, above each other; the last has the caption."""
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
