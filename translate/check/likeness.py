"""Nearly equal pictures: the same one at another size, in another format, or after compression.

Each picture is reduced to 12 x 12 pixels. Two are nearly equal if their differences are at most NEAR levels of 255
(root mean square) and at most LOCAL in each pixel: those of a compression are small everywhere, those of two drawings
are large at one place. Pictures whose standard deviation is below FAINT are allowed less, in proportion.
docs/data-check.md has what that finds, and why it is no perceptual hash of 64 bits.

Pairs whose means over 4 x 4 blocks differ by more are excluded first, by one matrix product; that excludes no pair
wrongly, because averaging never increases the mean square.
"""

import cv2
import numpy as np

SIDE, KEY = 12, 4  # pixels of the reduced picture, and of the means by which pairs are excluded
NEAR, LOCAL, FAINT = 5.5, 22, 32  # levels
ASPECT = 0.05  # largest relative difference of two pictures' aspect ratios
ROWS = 128  # of the matrix product at once


def reduced(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 1 or 3) → uint8 (12, 12, 3), stretched."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small = small[..., None] if small.ndim == 2 else small
    return np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small


def groups(pictures: np.ndarray, aspects: np.ndarray) -> list[list[int]]:
    """Groups of at least two nearly equal pictures, by index; in each, all are near the first one.

    pictures: uint8 (N, 12, 12, 3). aspects: (N,), width / height. Of each group the first index is the smallest.
    """
    keys = _keys(pictures)
    contrast = np.minimum(1, pictures.std(axis=(1, 2, 3), dtype=np.float32) / FAINT)
    squares = (keys**2).sum(axis=1)
    limit = NEAR**2 * keys.shape[1] * 1.001 + 0.01  # and a margin for rounding
    taken = np.zeros(len(pictures), bool)
    found = []
    for start in range(0, len(pictures), ROWS):
        rows = np.flatnonzero(~taken[start : start + ROWS]) + start
        distances = squares[rows, None] + squares[None, start:] - 2 * (keys[rows] @ keys[start:].T)
        for row, distance in zip(rows, distances, strict=True):
            if taken[row]:
                continue
            others = np.flatnonzero(distance <= limit) + start
            others = others[(others > row) & ~taken[others]]
            others = others[np.abs(aspects[others] / aspects[row] - 1) <= ASPECT]
            others = others[_near(int(row), others, pictures, contrast)]
            if len(others):
                taken[others] = True
                found.append([int(row), *map(int, others)])
    return found


def _keys(pictures: np.ndarray) -> np.ndarray:
    """float32 (N, 48): means over blocks, around 0."""
    count, step = len(pictures), SIDE // KEY
    means = np.empty((count, KEY * KEY * 3), np.float32)
    for start in range(0, count, 4096):
        part = pictures[start : start + 4096].reshape(-1, KEY, step, KEY, step, 3)
        means[start : start + 4096] = part.mean(axis=(2, 4), dtype=np.float32).reshape(len(part), -1)
    return means - means.mean(axis=0) if count else means


def _near(row: int, others: np.ndarray, pictures: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """bool (len(others),): which of the others are near. contrast: the share of the limits that each picture allows."""
    near = np.zeros(len(others), bool)
    for start in range(0, len(others), 1024):
        part = others[start : start + 1024]
        share = np.minimum(contrast[row], contrast[part])
        difference = pictures[part].astype(np.int32) - pictures[row]
        even = np.abs(difference).max(axis=(1, 2, 3)) <= LOCAL * share
        near[start : start + 1024] = even & ((difference**2).mean(axis=(1, 2, 3)) <= (NEAR * share) ** 2)
    return near
