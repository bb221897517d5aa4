"""The best and the worst of the images that were scored last, as a sheet for the report."""

from pathlib import Path

import numpy as np
import torch

from translate.image import sheet_file
from translate.metrics import Scorer
from translate.metrics.distance import kernel
from translate.report.run import EXTREMES as NAME
from translate.system.files import write_whole
from translate.train.evaluator import Evaluator
from translate.train.previews import Translations

EACH = 6  # images of either kind


def measure(scorer: Scorer) -> tuple[str, bool, torch.Tensor] | None:
    """(what is measured, whether lower is better, values (N,)) of each output scored last; None where nothing can be.

    Where there are true partners, the distance to them; else the mean of KID's kernel over pairs with the domain's
    images, the part of KID that an image has to itself.
    """
    if scorer.truth is not None and scorer.distances is not None:
        return "ST-LPIPS to the true partner", True, scorer.distances.double().cpu()
    if {"outputs", "references"} <= scorer.features.keys():
        outputs, references = (scorer.features[name].double().cpu() for name in ("outputs", "references"))
        return "similarity to the domain's images (mean of KID's kernel)", False, kernel(outputs, references).mean(1)
    return None


def write(folder: Path, evaluator: Evaluator, images_seen: int) -> None:
    """Write NAME into the run folder, if the images can be measured."""
    if found := sheet(evaluator, images_seen):
        write_whole(folder / NAME, found)


def sheet(evaluator: Evaluator, images_seen: int) -> bytes | None:
    """A PNG file of the best and the worst images of the last scoring; None where they can't be measured."""
    scorer, outputs = evaluator.scorer, evaluator.scored_images
    found = measure(scorer) if scorer else None
    if scorer is None or found is None or len(found[2]) != len(outputs) or len(outputs) < 2:
        return None
    what, lower, values = found
    order = torch.argsort(values, descending=not lower, stable=True).tolist()
    each = min(EACH, len(order) // 2)
    previews = evaluator.previews
    translations = isinstance(previews, Translations)
    headings = ["input", "output", "truth"] if translations else ["sample"]
    headings = headings if scorer.truth is not None or not translations else headings[:2]
    rows: list[list[np.ndarray]] = []
    names, about = [], []
    for rank, number in [*enumerate(order[:each], 1), *enumerate(order[: -each - 1 : -1], 1)]:
        row = [outputs[number]]
        if translations:
            row.insert(0, scorer.inputs[number])
            row += [scorer.truth[number]] if scorer.truth is not None else []
        kind = "best" if len(rows) < each else "worst"
        item = previews.data.test_a[number].key if translations else f"seed {number}"
        rows.append(row)
        names.append(f"{kind} {rank}")
        about.append({"kind": kind, "name": item, "value": float(values[number])})
    caption = f"{what}, of {len(outputs):,} images, {images_seen:,} images seen"
    description = {"images": images_seen, "measure": what, "n": len(outputs), "rows": about}
    return sheet_file.pack(rows, headings=headings, names=names, caption=caption, about=description)
