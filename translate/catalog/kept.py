"""A set in the cache is what was put there: a list of its files with their SHA-256 lies beside it, and is looked at
every time. The images are read anyway; hashing them takes a fraction of that."""

import json
import os
from pathlib import Path

from translate.catalog import arrays
from translate.catalog.recipe import Recipe
from translate.system.files import sha256, write_whole
from translate.system.untrusted import read_object


def note(folder: Path, target: Path) -> None:
    """Write down the files of `folder`, which is about to become `target`."""
    write_whole(_list(target), json.dumps(_files(folder), indent=0).encode())


def problem(recipe: Recipe, target: Path) -> str:
    """What is wrong with a set that is kept, in a few words; '' where nothing is.

    A set of a version that made no list is counted, its arrays compared with the recipe, and then listed.
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
    """Name -> SHA-256 of each file. In one thread: of thousands of small files more only wait for each other."""
    return {name: sha256(folder / name) for name in sorted(os.listdir(folder))}


def _list(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")
