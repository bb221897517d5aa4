"""The comparison sheet of a conversion: inputs beside their outputs."""

import numpy as np

from translate.convert.plan import Job
from translate.image import rgb8

ROWS = 12


def compare_sheet(jobs: list[Job], caption: str) -> np.ndarray | None:
    """uint8 (H, W, 3): up to 12 images, evenly spaced over the jobs, input beside output; None without any output.

    Videos are left out, and so are images that can't be read.
    """
    there = [job for job in jobs if not job.video and job.target.is_file()]
    chosen = there[:: max(1, -(-len(there) // ROWS))]
    rows = []
    for job in chosen:
        try:
            rows.append([rgb8.thumbnail(rgb8.read(path)) for path in (job.source, job.target)])
        except rgb8.ImageError:
            continue  # the source was removed or changed during the conversion
    return rgb8.sheet(rows, headings=["input", "output"], caption=caption) if rows else None
