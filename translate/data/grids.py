"""Pairs of measured values that lie on different grids, by what their files say of their places."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from translate.data.items import Item, Problem
from translate.image.source import ImageError
from translate.values import files

# GeoTIFF: size of a pixel, tie points, transformation.
PLACES = (33550, 33922, 34264)
NEAR = 0.01  # of a pixel: what the corners of one grid may differ by, for the rounding of its numbers


def check_grids(first: list[Item], second: list[Item], problems: list[Problem]) -> list[bool]:
    """Which pairs fit: their files lie on one grid, as far as both say where they lie; windows also need pictures of
    one size. A file is reported once."""
    fits = []
    reported: set[Path] = set()
    for a, b in zip(first, second, strict=True):
        text = _difference(a, b)
        fits.append(not text)
        if text and a.path not in reported:
            reported.add(a.path)
            problems.append(Problem("pair", f"{a.name} and {b.name} {text}"))
    return fits


def _difference(a: Item, b: Item) -> str:
    """In words; "" where there is none, or nothing is known."""
    one, other = _grid(a.path), _grid(b.path)
    if one is None or other is None:
        return ""
    if a.window and one[0] != other[0]:
        sizes = [f"{size[0]} x {size[1]}" for size in (one[0], other[0])]
        return f"are of pictures of {sizes[0]} and {sizes[1]} (height x width), so their windows show different places"
    same = one[0] == other[0] and one[1] is not None and other[1] is not None and one[1].shape == other[1].shape
    if same and _distance(one[1], other[1], one[0]) > NEAR:  # type: ignore[arg-type]
        return "lie on different grids (their affines or transforms differ); bring them to one grid"
    return ""


def _distance(one: np.ndarray, other: np.ndarray, size: tuple[int, int]) -> float:
    """How many pixels two grids of this (height, width) differ by at most; of tie points by their numbers."""
    shape = {6: (2, 3), 16: (4, 4)}.get(one.size)
    if shape is None:
        return 0.0 if np.allclose(one, other, rtol=1e-9, atol=1e-9) else np.inf
    affine, difference = one.reshape(shape), np.abs(one - other).reshape(shape)
    pixel = np.linalg.norm(affine[:, :2], axis=0).min()
    # The third axis of a volume counts slices, fewer than it has pixels across.
    extents = np.array([size[1], size[0], max(size), 1])[[0, 1, -1] if shape[1] == 3 else slice(None)]
    return float((difference @ extents).max() / max(pixel, 1e-12))


@lru_cache(1 << 16)
def _grid(path: Path) -> tuple[tuple[int, int], np.ndarray | None] | None:
    """((height, width), the numbers that say where the picture lies, or None)."""
    try:
        header, carried = files.header(path), files.outline(path).carried
    except (ImageError, OSError):
        return None
    size = header.height, header.width
    if "affine" in carried:
        return size, np.asarray(carried["affine"], float).ravel()
    if "transform" in carried:
        return size, np.asarray(carried["transform"][:6], float)
    tags = carried.get("geo") or {}
    found = [[float(number) for number in tags[tag].values] if tag in tags else [] for tag in PLACES]
    return size, _transform(*found)


def _transform(scale: list[float], ties: list[float], matrix: list[float]) -> np.ndarray | None:
    """(a, b, c, d, e, f) of x = a * column + b * row + c, y = d * column + e * row + f, which GeoTIFF says in two ways;
    of several tie points their numbers. None if nothing is said."""
    if len(matrix) == 16:
        return np.array([*matrix[:2], matrix[3], *matrix[4:6], matrix[7]])
    if len(scale) >= 2 and len(ties) == 6:
        (across, down), (column, row, _, x, y, _) = scale[:2], ties
        return np.array([across, 0, x - column * across, 0, -down, y + row * down])
    numbers = [*scale, *ties, *matrix]
    return np.array(numbers) if numbers else None
