"""The comparison sheet of a conversion: inputs beside their outputs."""

from pathlib import Path

import numpy as np

from translate.convert.plan import Job
from translate.image import rgb8
from translate.model.measured import Types
from translate.values import files
from translate.values.domain import DomainType
from translate.values.shown import Shown

ROWS = 12
PART = 2048  # pixels: of larger images of measured values the middle is shown


def compare_sheet(jobs: list[Job], caption: str, types: Types | None = None) -> np.ndarray | None:
    """uint8 (H, W, 3): up to 12 images, evenly spaced over the jobs, input beside output; None without any output.

    Videos are left out, and so are images that can't be read. types: of measured values, whose range is shown as black
    to white.
    """
    there = [job for job in jobs if not job.video and job.target.is_file()]
    chosen = there[:: max(1, -(-len(there) // ROWS))]
    rows = []
    for job in chosen:
        try:
            if types is None:
                pair = [rgb8.read(job.source), rgb8.read(job.target)]
            else:
                pair = [_shown(job.source, types.source), _shown(job.target, types.target)]
            rows.append([rgb8.thumbnail(picture) for picture in pair])
        except (rgb8.ImageError, ValueError):
            continue  # the source was removed or changed during the conversion
    return rgb8.sheet(rows, headings=["input", "output"], caption=caption) if rows else None


def _shown(path: Path, kind: DomainType) -> np.ndarray:
    """uint8 (H, W, 3) of the middle slice: the first three channels, or the first in grey."""
    if kind.dtype == "uint8" and files.kind_of(path) == "plain":
        return rgb8.read(path)
    header = files.header(path)
    height, width = min(header.height, PART), min(header.width, PART)
    top, left = (header.height - height) // 2, (header.width - width) // 2
    array = files.window(path, top, left, height, width, header.slices // 2)
    picture = Shown.of(kind).picture(kind.to_network(array, header.nodata))
    return picture if picture.shape[2] == 3 else np.repeat(picture, 3, axis=2)
