"""A sheet of inputs beside what became of them."""

import numpy as np

from translate import images
from translate.convert.plan import Job

ROWS = 12


def compare_sheet(jobs: list[Job], caption: str) -> np.ndarray | None:
    """uint8 (H, W, 3) with up to 12 of the jobs, spread over all of them; None when none of them has an output."""
    there = [job for job in jobs if not job.video and job.target.is_file()]
    chosen = there[:: max(1, -(-len(there) // ROWS))]
    rows = []
    for job in chosen:
        try:
            rows.append([images.thumbnail(images.read(path)) for path in (job.source, job.target)])
        except images.ImageError:
            continue  # the source has gone or changed since
    return images.sheet(rows, headings=["input", "output"], caption=caption) if rows else None
