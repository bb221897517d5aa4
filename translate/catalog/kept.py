"""Checks sets in the cache: a list of each set's files with their SHA-256 is stored beside it and compared at every
use. The images are read anyway, and hashing takes a fraction of that time."""

import json
import os
from pathlib import Path

from translate.catalog import arrays
from translate.catalog.recipe import Recipe
from translate.system.files import sha256, write_whole
from translate.system.untrusted import read_object


def note(folder: Path, target: Path) -> None:
    """Write the list of the files in `folder`, which will be renamed to `target`."""
    write_whole(_list(target), json.dumps(_files(folder), indent=0).encode())


def problem(recipe: Recipe, target: Path) -> str:
    """The problem with a cached set in a few words; '' if there is none.

    For a set of a version that wrote no list, files are counted, arrays compared with the recipe, and the list written.
    """
    try:
        known = read_object(_list(target))
    except FileNotFoundError:
        return _old(recipe, target)
    except (OSError, ValueError):
        return "its list can't be read"
    try:
        found = _files(target)
    except OSError as error:
        return f"{Path(error.filename or target).name}: {error.strerror}"
    for name in sorted(known.keys() | found.keys()):
        if known.get(name) != found.get(name):
            what = "is missing" if name not in found else "was added" if name not in known else "was changed"
            return f"{name} {what}"
    return ""


def _old(recipe: Recipe, target: Path) -> str:
    count = len(os.listdir(target))
    if recipe.arrays:
        images, labels = arrays.images(target / arrays.IMAGES), arrays.labels(target / arrays.LABELS)
        if recipe.contents and arrays.digest(images, labels) != recipe.contents:
            return "its images are not the recipe's"
    elif count != recipe.count:
        return f"{count:,} of {recipe.count:,} images"
    note(target, target)
    return ""


def _files(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of each file. In one thread: with thousands of small files more threads aren't faster."""
    return {name: sha256(folder / name) for name in sorted(os.listdir(folder))}


def _list(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")
