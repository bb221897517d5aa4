"""Random crops, mirror images, rotations and colour changes; each is a function of (seed, number of the image)."""

import hashlib
import os
from typing import Any

import numpy as np

from translate.data.settings import DataSettings

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # otherwise it checks for a newer version over the network


class Augment:
    """Augmentation of one domain. `geometry(image, token)` moves pixels, `colour(image, token)` changes their values.
    The same token gives the same change to any image of the same size, so that pairs stay aligned. classes: the images
    are label maps, whose colours don't mix."""

    def __init__(
        self, settings: DataSettings, channels: int, colour: bool, measured: bool = False, classes: bool = False
    ):
        import albumentations as A  # takes 0.8 s and imports OpenCV, so only if augmentation is used
        import cv2

        height, width = settings.size
        fill: Any = settings.background_rgb if channels == 3 else round(float(np.mean(settings.background_rgb)))
        if measured:
            fill = float("nan")  # no value
        moves: list[Any] = []
        if settings.rotate:
            between = cv2.INTER_NEAREST if classes else cv2.INTER_LINEAR
            moves.append(A.Rotate((-settings.rotate, settings.rotate), between, cv2.BORDER_CONSTANT, fill=fill, p=1))
        if settings.load_size != settings.size:
            moves.append(A.RandomCrop(height, width, p=1))
        if settings.flip:
            moves.append(A.HorizontalFlip(p=settings.flip))
        amounts = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
        tints: list[Any] = []
        if colour and any(amounts):
            spans = [(1 - amount, 1 + amount) for amount in amounts[:3]]
            tints.append(A.ColorJitter(*spans, hue=(-settings.hue, settings.hue), p=1))
        # Two pipelines, because one would also apply the colour changes to the other image of a pair.
        self._moves = A.Compose(moves) if moves else None
        self._tints = A.Compose(tints) if tints else None

    def geometry(self, image: np.ndarray, token: str) -> np.ndarray:
        return _applied(self._moves, image, f"{token} geometry")

    def colour(self, image: np.ndarray, token: str) -> np.ndarray:
        return _applied(self._tints, image, f"{token} colour")


def _applied(pipeline: Any, image: np.ndarray, token: str) -> np.ndarray:
    if pipeline is None:
        return image
    # Each transform gets its own seed. Compose.set_random_seed gives all of them the same one; then flip and crop
    # would use the same random number, and a mirrored image would always be cropped in the same half.
    for number, step in enumerate(pipeline.transforms):
        step.set_random_seed(_seed(f"{token} {number}"))
    return pipeline(image=image)["image"]


def _seed(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=4).digest(), "little")
