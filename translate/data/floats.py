"""Images of a batch as float32 in [-1, 1]."""

import numpy as np

from translate.values.domain import FILL


def to_floats(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, C), or float32 in [-1, 1] -> float32 (C, H, W) in [-1, 1]."""
    if image.dtype == np.float32:
        return np.ascontiguousarray(image.transpose(2, 0, 1))
    return np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32) / np.float32(127.5) - np.float32(1)


def filled(images: list[np.ndarray], together: bool) -> list[np.ndarray]:
    """float32 (C, H, W) with FILL in all channels of pixels without a value (NaN). together: in any of the images."""
    absent = [np.isnan(image).any(axis=0) for image in images]
    if together and len({mask.shape for mask in absent}) == 1:
        absent = [np.logical_or.reduce(absent)] * len(images)
    return [np.where(mask, np.float32(FILL), image) for mask, image in zip(absent, images, strict=True)]
