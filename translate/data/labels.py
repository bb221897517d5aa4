"""Class labels of images, for GANs: from the data set, the names of sub-folders, or a CSV file."""

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from translate import catalog
from translate.data.items import Item, Problem
from translate.data.listing import Side
from translate.data.store import Pictures
from translate.errors import UserError
from translate.image import rgb8
from translate.system.text import printable

HEADERS = {"file", "filename", "image", "path", "name", "key"}  # possible first cells of a heading line


def assign(side: Side, name: str, labels: str, problems: list[Problem], say: Callable[[str], None]) -> None:
    """Set the class of each image of the domain. Images without one are left out and reported as problems.

    labels: "auto" or a CSV file, see DataSettings. Image files aren't opened. Raises UserError when there are fewer
    than two classes.
    """
    class_of = _automatic(side, name, say) if labels == "auto" else _listed(side, name, catalog.local(labels))
    none: list[Item] = []
    for items in (side.train, side.test or []):
        for item in items:
            item.label = class_of(item)
        none += [item for item in items if not item.label]
        items[:] = [item for item in items if item.label]
    if none and side.folder and labels == "auto":  # known of the named set, so not a problem
        say(f"{name}: {len(none):,} images belong to no class and are left out")
    else:
        where = "is in no sub-folder" if labels == "auto" else f"has no class in {Path(labels).name}"
        problems += [Problem("label", f"{item.name} {where}") for item in none]
    enough({item.label for item in side.train}, name)


def assign_all(sides: list[Side], names: tuple[str, ...], how: str, problems: list[Problem], say) -> None:
    """Classes for `balance`: "class" for the sub-folders of each domain that has any, or a CSV file for all of them."""
    if how != "class":
        for side, name in zip(sides, names, strict=True):
            assign(side, name, how, problems, say)
        return
    sorted_ones = [pair for pair in zip(sides, names, strict=True) if any("/" in item.key for item in pair[0].train)]
    if not sorted_ones:
        raise UserError(
            f"balance=class takes the names of sub-folders for classes, but {' and '.join(names)} have no sub-folders "
            "with images; sort the images into one folder a class, or give a CSV file of lines file,class."
        )
    for side, name in sorted_ones:
        assign(side, name, "auto", problems, say)


def settle(train: Pictures, test: Pictures, name: str, problems: list[Problem]) -> list[str]:
    """The classes, sorted naturally, of the images that can be used. Test images of a class that no training image
    has are left out: a generator never learns it."""
    classes = {item.label for item in train.items}
    known = [item.label in classes for item in test.items]
    for item, good in zip(test.items, known, strict=True):
        if not good:
            text = f"{item.name} is for testing, but there is no image of its class {item.label} to train on"
            problems.append(Problem("label", text))
    test.keep(known)
    if train.items:  # an empty training set is reported elsewhere
        enough(classes, name)
    return sorted(classes, key=natural)


def enough(classes: set[str], name: str) -> None:
    if len(classes) < 2:
        found = f"only the class {printable(min(classes))}" if classes else "no class at all"
        raise UserError(f"the images of {name} to train on have {found}; labels need two classes or more.")


def natural(name: str) -> tuple[list[str | int], str]:
    """Key for natural sorting: 2 before 10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _automatic(side: Side, name: str, say: Callable[[str], None]) -> Callable[[Item], str]:
    if side.folder:
        classes = catalog.classes(side.folder, say)
        return lambda item: classes.get(item.key, "")
    if not any("/" in item.key for item in side.train):
        raise UserError(
            f"labels=auto takes the names of sub-folders for classes, but {name} has no sub-folders with images; sort "
            "the images into one folder a class, or give a CSV file of lines file,class."
        )
    return lambda item: printable(item.key.partition("/")[0]) if "/" in item.key else ""


def _listed(side: Side, name: str, path: Path) -> Callable[[Item], str]:
    """The classes in a CSV file. UserError if it names anything but images of the domain."""
    root = catalog.resolve(name)

    def key(item: Item) -> str:
        """An image's name in the CSV file, without suffix, relative to the given folder (testA/x beside trainA)."""
        if not isinstance(root, Path):
            return item.key
        relative = Path(os.path.relpath(item.path, root)).as_posix().removeprefix("../")
        return PurePosixPath(relative).with_suffix("").as_posix()

    known = {key(item) for item in (*side.train, *(side.test or []))}
    classes: dict[str, str] = {}
    for number, row in _rows(path):
        if len(row) != 2:
            raise UserError(f"{path}, line {number}: there are {len(row)} columns; each line should be file,class.")
        file, label = (cell.strip() for cell in row)
        found = _find(file, known)
        if found is None and number == 1 and file.casefold() in HEADERS:
            continue
        if found is None:
            raise UserError(
                f"{path}, line {number}: {printable(file)!r} is not an image of {name}; give its path inside that "
                "folder, with or without the suffix."
            )
        if not label:
            raise UserError(f"{path}, line {number}: {printable(file)!r} has no class; each line should be file,class.")
        label = printable(label)
        if classes.setdefault(found, label) != label:
            raise UserError(
                f"{path}, line {number}: {printable(file)!r} is {label!r} here and {classes[found]!r} in a line "
                "before; an image has one class."
            )
    return lambda item: classes.get(key(item), "")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line, cells) of the lines that aren't empty."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except FileNotFoundError:
        raise UserError(
            f"the labels file {path} does not exist; give a CSV file of lines file,class, or labels=auto."
        ) from None
    except OSError as error:
        raise UserError(f"the labels file {path} can't be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8 ({error}); each line should be file,class.") from error


def _find(file: str, known: set[str]) -> str | None:
    whole = os.path.normpath(file.replace("\\", "/")).replace("\\", "/")
    bare = os.path.splitext(whole)[0] if rgb8.is_image_name(whole) else whole
    return next((name for name in (whole, bare) if name in known), None)
