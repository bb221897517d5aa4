"""A sheet of inputs beside what became of them."""

import numpy as np

from translate import images
from translate.convert.plan import Job

SIDE = 128  # pixels of a picture on the sheet
ROWS = 12


def compare_sheet(jobs: list[Job], caption: str) -> np.ndarray | None:
    """uint8 (H, W, 3) with up to 12 of the jobs, spread over all of them; None when none of them has an output."""
    there = [job for job in jobs if not job.video and job.target.is_file()]
    chosen = there[:: max(1, -(-len(there) // ROWS))]
    rows = []
    for job in chosen:
        try:
            rows.append([_thumbnail(images.read(path)) for path in (job.source, job.target)])
        except images.ImageError:
            continue  # the source has gone or changed since
    return images.sheet(rows, headings=["input", "output"], caption=caption) if rows else None


def _thumbnail(array: np.ndarray) -> np.ndarray:
    """On a white square of SIDE pixels, whole."""
    scale = SIDE / max(array.shape[:2])
    height, width = (max(1, round(length * scale)) for length in array.shape[:2])
    square = np.full((SIDE, SIDE, 3), 255, np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square[top : top + height, left : left + width] = images.resize(array, (height, width))
    return square
