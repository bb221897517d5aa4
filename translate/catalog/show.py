"""The facts and the contact sheet of `translate data show` for a data set or folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from translate.catalog import arrays
from translate.catalog.fetch import fetch
from translate.catalog.names import resolve
from translate.catalog.recipe import Recipe
from translate.errors import UserError
from translate.image import rgb8

COLUMNS, ROWS = 10, 6


def facts(name: str) -> list[str]:
    """Lines about the set: title, number of images, size, licence, sets it pairs with. Fetches nothing."""
    found = resolve(name)
    if isinstance(found, Path):
        return [f"{found}: a folder with {len(_files(found)):,} images"]
    lines = found.facts()
    if found.goes_with:
        lines.append(f"pairs with: {', '.join(found.goes_with)}")
    if found.arrays:
        lines.append(f"classes: {', '.join(found.arrays.classes)}")
    return lines


def contact_sheet(name: str, say: Callable[[str], None] = print) -> np.ndarray:
    """A sheet of up to 60 images spread evenly over the set, uint8 (H, W, 3). Fetches a named set."""
    count, read = _pictures(resolve(name), say)
    pictures = []
    for place in np.linspace(0, count - 1, min(count, COLUMNS * ROWS)).astype(int):
        try:
            pictures.append(rgb8.thumbnail(read(place)))
        except rgb8.ImageError as error:
            say(str(error))
    if not pictures:
        raise UserError(f"there are no images in {name} that can be read.")
    rows = [pictures[i : i + COLUMNS] for i in range(0, len(pictures), COLUMNS)]
    across = min(len(pictures), COLUMNS)
    return rgb8.sheet(rows, headings=[""] * across, side_by_side=1, caption=f"{name}: {count:,} images")


def _pictures(found: Path | Recipe, say: Callable[[str], None]) -> tuple[int, Callable[[int], np.ndarray]]:
    """(number of images, function that reads one as uint8 (H, W, 1 or 3)). ImageError names the file."""
    if isinstance(found, Path):
        paths = _files(found)
    else:
        folder = fetch(found, say)
        if found.arrays:
            stack = arrays.images(folder.images)
            return len(stack), lambda place: stack[place]
        paths = _files(folder.path)

    def read(place: int) -> np.ndarray:
        try:
            return rgb8.read(paths[place])
        except rgb8.ImageError as error:
            raise rgb8.ImageError(f"{paths[place]}: {error}") from error

    return len(paths), read


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if rgb8.is_image_name(path.name) and path.is_file())
