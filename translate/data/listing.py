"""Finds images in folders and recognises the folder layout."""

import os
import re
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path

from PIL import Image

from translate.catalog import Folder
from translate.data.items import Item, Part, Problem
from translate.data.settings import DataSettings
from translate.errors import UserError
from translate.image import rgb8
from translate.image.decode import FORMATS
from translate.image.source import PassedOver
from translate.system.files import walk
from translate.system.text import printable
from translate.values import files

TEST_NAMES = ("test", "val", "validation")


@dataclass
class Side:
    """One domain's images. `test` is None if the folders don't define the test images."""

    train: list[Item]
    test: list[Item] | None = None
    folder: Folder | None = None  # set for a recipe


def recipe_side(folder: Folder) -> Side:
    """A recipe's images; file names are the keys, or numbers where one file holds all images."""
    if folder.recipe.arrays:
        keys = folder.recipe.numbers()
        return Side([Item(key, folder.images, key, place=place) for place, key in enumerate(keys)], folder=folder)
    paths = sorted(path for path in folder.path.iterdir() if rgb8.is_image_name(path.name))
    return Side([Item(path.stem, path, f"{folder.name}/{path.name}") for path in paths], folder=folder)


def two_sides(a: Path, b: Path, settings: DataSettings, paired: bool, problems: list[Problem]) -> tuple[Side, Side]:
    """The two domains in the user's folders. Layouts, in the order they are tried:

    one folder with trainA, trainB (testA, testB); one folder of side-by-side images (with or without train, test);
    and for each single folder: trainX with a sibling testX; train and test inside; any tree of images.
    """
    if _same(a, b):
        if isdir(a / "trainA") and isdir(a / "trainB"):  # False where it may not be read, which `tree` reports
            return one_side(a / "trainA", problems), one_side(a / "trainB", problems)
        whole = one_side(a, problems)
        wanted = settings.side_by_side == "yes" or (settings.side_by_side == "auto" and paired)
        if wanted and (settings.side_by_side == "yes" or _twice_as_wide(whole)):
            return _half(whole, "left"), _half(whole, "right")
        raise UserError(
            f"both sides are the folder {a}, whose images are not side-by-side pairs (twice as wide as high); give two "
            "folders, one folder that holds trainA and trainB, or set side_by_side=yes."
        )
    return one_side(a, problems), one_side(b, problems)


def one_side(folder: Path, problems: list[Problem]) -> Side:
    if re.fullmatch("train[A-Za-z]?", folder.name):
        for name in TEST_NAMES:
            sibling = folder.with_name(name + folder.name.removeprefix("train"))
            if isdir(sibling):
                return Side(tree(folder, problems), tree(sibling, problems))
    if isdir(folder / "train"):
        tests = [folder / name for name in TEST_NAMES if isdir(folder / name)]
        return Side(tree(folder / "train", problems), tree(tests[0], problems) if tests else None)
    return Side(tree(folder, problems))


def tree(folder: Path, problems: list[Problem]) -> list[Item]:
    """Every image file under `folder`, sorted by name. Links to folders are followed, each real folder once."""

    found: list[Item] = []
    unreadable: list[str] = []
    passed_over = PassedOver()

    def wanted(name: str) -> bool:
        suffix = files.suffix_of(name)
        if suffix and suffix not in files.SUFFIXES:
            passed_over.add(name)
        return not suffix or suffix in files.SUFFIXES

    for path in walk(folder, wanted, unreadable.append):
        suffix = files.suffix_of(path)
        if not suffix and files.kind_of(path) != "dicom":  # whose files often have none
            passed_over.add(path.name)
            continue
        relative = path.relative_to(folder)
        name = printable("/".join([*folder.parts[-2:], relative.as_posix()]))
        found.append(Item(relative.as_posix()[: len(relative.as_posix()) - len(suffix)], path, name))
    problems += [Problem("unreadable", text) for text in unreadable]
    if not found and unreadable:
        raise UserError(f"{unreadable[0]}, so no images were found in {printable(str(folder))}.")
    if not found:
        known = ", ".join(sorted(suffix[1:] for suffix in files.SUFFIXES))
        others = f"; passed over: {passed_over}" if passed_over else ""
        raise UserError(f"there are no images in {printable(str(folder))} (recognised: {known}{others}).")
    if passed_over:
        problems.append(Problem("passed over", f"{printable(str(folder))}: {passed_over}"))
    found.sort(key=lambda item: (item.key, item.name))
    return _without_twins(found, problems)


def _without_twins(items: list[Item], problems: list[Problem]) -> list[Item]:
    """Two files that differ only in suffix can't both be the partner of a third: the first is kept. Names that differ
    only in case are kept, but a file system that ignores case would merge them."""
    kept: dict[str, Item] = {}
    folded: dict[str, Item] = {}
    for item in items:
        first = kept.setdefault(item.key, item)
        if first is not item:
            text = f"{item.name} is left out: {first.name} has the same name before the dot"
            problems.append(Problem("name", text))
            continue
        twin = folded.setdefault(item.key.casefold(), item)
        if twin is not item:
            problems.append(Problem("name", f"{item.name} and {twin.name} differ only in upper and lower case"))
    return list(kept.values())


def _half(side: Side, part: Part) -> Side:
    def halves(items: list[Item]) -> list[Item]:
        return [Item(item.key, item.path, item.name, part) for item in items]

    return Side(halves(side.train), None if side.test is None else halves(side.test))


def _twice_as_wide(side: Side) -> bool:
    """Decided by the first images that open; the scan later checks all of them."""
    shapes = []
    for item in side.train[:20]:
        try:
            if item.path.is_file():
                with Image.open(item.path, formats=FORMATS) as image:
                    shapes.append(image.width == 2 * image.height)
        except Exception:
            continue  # the scan reports the problem
    return bool(shapes) and all(shapes)


def _same(a: Path, b: Path) -> bool:
    return os.path.realpath(a) == os.path.realpath(b)
