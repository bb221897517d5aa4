"""Resizing of measured values: pixels without a value don't mix with the others."""

import numpy as np
from PIL import Image

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
HALF = 0.5  # an output pixel with less than this share of known input has no value


def resize(levels: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    """float32 (H, W, C) in [-1, 1], NaN where there is no value, resized to (height, width), antialiased when it
    shrinks. how: bicubic, lanczos or area."""
    if levels.shape[:2] == size:
        return levels
    absent = np.isnan(levels).any(axis=2)
    if not absent.any():
        return np.clip(_each(levels, size, how), -1, 1)
    # Weighted by what is known; with the area filter, whose weights are never negative.
    known = _each((~absent[..., None]).astype(np.float32), size, "area")
    sums = _each(np.where(absent[..., None], 0, levels), size, "area")
    with np.errstate(invalid="ignore", divide="ignore"):
        result = np.clip(sums / known, -1, 1)
    result[known[..., 0] < HALF] = np.nan
    return result


def _each(planes: np.ndarray, size: tuple[int, int], how: str) -> np.ndarray:
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size[::-1], FILTERS[how]))
        for plane in np.moveaxis(planes.astype(np.float32, copy=False), 2, 0)
    ]
    return np.stack(resized, axis=2)
