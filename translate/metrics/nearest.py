"""Nearest neighbours of images by pixel distance: to detect copies, and to classify samples."""

import numpy as np

NEAREST = 3
CHUNK = 1000  # training images at once


def nearest(queries: np.ndarray, train: np.ndarray, mirrored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """For uint8 (N, H, W, C) and uint8 (M, H, W, C): the indices of the 3 nearest of the M, nearest first, and their
    distances, (N, 3) each. mirrored: the smaller distance of an image and its mirror image."""
    variants = [queries, queries[:, :, ::-1]] if mirrored else [queries]
    distances = np.empty((len(queries), len(train)))
    for start in range(0, len(train), CHUNK):
        part = train[start : start + CHUNK]
        distances[:, start : start + CHUNK] = np.min([_distances(variant, part) for variant in variants], axis=0)
    indices = np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]
    return indices, np.take_along_axis(distances, indices, 1)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M): the root mean square of the differences of all pairs, exact."""
    x, y = (array.reshape(len(array), -1).astype(np.float64) for array in (a, b))
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None] - 2 * x @ y.T  # whole numbers: no rounding below 2⁵³
    return np.sqrt(squares / x.shape[1])
