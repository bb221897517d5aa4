"""Data sets of many small images: read by torchvision, cached as one NumPy file of images and one of labels."""

import functools
import hashlib
import pickle
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np

from translate.catalog.kinds import Arrays
from translate.catalog.recipe import Recipe
from translate.errors import DAMAGED, UNAVAILABLE, UserError

IMAGES, LABELS = "images.npy", "labels.npy"


def write(recipe: Recipe, raw: Path, folder: Path, say: Callable[[str], None]) -> int:
    """Write IMAGES and LABELS into the empty `folder` and return the number of images; all of it is checked first.

    raw: torchvision's folder of the original files. For a recipe of the kind torchvision they are downloaded there,
    unless they are there already. Raises UserError if they can't be downloaded or don't match the recipe.
    """
    assert recipe.arrays
    images, labels = read(recipe, recipe.arrays, raw, say)
    _check(recipe, recipe.arrays, raw, images, labels)
    np.save(folder / IMAGES, images)
    np.save(folder / LABELS, labels)
    return len(images)


def read(recipe: Recipe, wanted: Arrays, raw: Path, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray]:
    """(images, labels), training before test images: uint8 (N, H, W, 1 or 3) and (N,). See `write`."""
    try:
        return _read(recipe, wanted, raw, say)
    except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
        raise UserError(
            f"{recipe.name} could not be fetched: torchvision said “{error}”. Check the network, or put the files of "
            f"torchvision.datasets.{wanted.loader} into {raw} yourself.",
            UNAVAILABLE,
        ) from error
    except (RuntimeError, ValueError, AssertionError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(
            f"{recipe.name} could not be made: torchvision said “{_line(error)}”. Check the network; if files of "
            f"torchvision.datasets.{wanted.loader} lie in {raw}, delete them and try again.",
            UNAVAILABLE,
        ) from error


def _read(recipe: Recipe, wanted: Arrays, raw: Path, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray]:
    from torchvision import datasets  # takes seconds; needed only to prepare a set

    load = getattr(datasets, wanted.loader)
    download = recipe.kind == "torchvision"
    if download:
        raw.mkdir(parents=True, exist_ok=True)
        for line in recipe.terms():
            say(f"{recipe.name}: {line}")
    parts = [load(raw, train=train, download=download) for train in (True, False)]
    whole = np.concatenate([np.asarray(part.data, np.uint8) for part in parts])
    labels = np.concatenate([np.asarray(part.targets, np.uint8) for part in parts])
    return (whole if whole.ndim == 4 else whole[..., None]), labels


def digest(images: np.ndarray, labels: np.ndarray) -> str:
    """A recipe's `contents` for arrays: SHA-256 over their shape and bytes."""
    return hashlib.sha256(f"{images.shape}".encode() + images.tobytes() + labels.tobytes()).hexdigest()


@functools.cache
def images(path: Path) -> np.ndarray:
    """The images of a set in the cache, uint8 (N, H, W, 1 or 3), memory-mapped."""
    return _load(path, 4, mmap_mode="r")


def labels(path: Path) -> np.ndarray:
    """The labels of a set in the cache, uint8 (N,)."""
    return _load(path, 1)


def _load(path: Path, dimensions: int, **options: Any) -> np.ndarray:
    try:
        array = np.load(path, **options)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is damaged ({error}); delete {path.parent} and try again.", DAMAGED) from error
    if array.dtype != np.uint8 or array.ndim != dimensions:
        raise UserError(f"{path} is not a set of images; delete {path.parent} and try again.", DAMAGED)
    return array


def _check(recipe: Recipe, wanted: Arrays, raw: Path, images: np.ndarray, labels: np.ndarray) -> None:
    found = digest(images, labels)
    good = len(images) == len(labels) == recipe.count and labels.max() < len(wanted.classes)
    if not good or (recipe.contents and found != recipe.contents):
        place = raw if recipe.kind == "torchvision" else recipe.file
        raise UserError(
            f"{recipe.name}: {place} holds {len(images):,} images with digest {found[:16]}… where the recipe expects "
            f"{recipe.count:,} with {recipe.contents[:16] or 'any'}…; delete it and try again.",
            UNAVAILABLE,
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
