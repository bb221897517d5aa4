"""Sheets of an evaluation: the best, the median and the worst images, and thumbnails of the first ones."""

import numpy as np
import torch
from torch import Tensor

from translate.evaluate.scores import Evaluation, ranking
from translate.image import rgb8

EACH = 4  # images of a kind
KEPT = 12  # images that are kept for comparisons


def sheet(found: Evaluation, caption: str) -> bytes:
    """A PNG: left the best images, in the middle the median ones, right the worst, each with its input and truth."""
    name, values = ranking(found)
    order = values.argsort(stable=True).tolist()
    each = min(EACH, max(1, len(order) // 3))
    middle = max(0, (len(order) - each) // 2)
    chosen = [*order[:each], *order[middle : middle + each], *order[-each:]]
    columns = {"input": found.images.inputs, "output": found.outputs, "truth": found.images.truth}
    present = {heading: arrays for heading, arrays in columns.items() if arrays is not None}
    rows = [[rgb8.thumbnail(arrays[place]) for arrays in present.values()] for place in chosen]
    caption = f"{caption}. Left the best, in the middle the median, right the worst of {len(order)}, by {name}"
    return rgb8.to_png(rgb8.sheet(rows, headings=list(present), caption=caption, side_by_side=3))


def thumbnails(found: Evaluation) -> dict[str, Tensor]:
    """ "inputs", "outputs" and "truth", as far as they are there: uint8 (K, h, w, C) of the first images."""
    sets = {"inputs": found.images.inputs, "outputs": found.outputs, "truth": found.images.truth}
    return {
        name: torch.from_numpy(np.stack([rgb8.thumbnail(array) for array in arrays[:KEPT]]))
        for name, arrays in sets.items()
        if arrays is not None
    }
