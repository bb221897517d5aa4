"""What `translate data show` says and draws of a data set or folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from translate import images
from translate.catalog.fetch import fetch
from translate.catalog.names import resolve
from translate.errors import UserError

COLUMNS, ROWS = 10, 6


def facts(name: str) -> list[str]:
    """Lines about the set: what, how many, how large, licence, what it goes with. Fetches nothing."""
    found = resolve(name)
    if isinstance(found, Path):
        return [f"{found}: a folder with {len(_files(found)):,} images"]
    goes = f"pairs with: {', '.join(found.goes_with)}" if found.goes_with else ""
    return [*found.facts(), *([goes] if goes else [])]


def contact_sheet(name: str, say: Callable[[str], None] = print) -> np.ndarray:
    """Up to 60 images spread evenly over the set, uint8 (H, W, 3). Fetches the set where it is named."""
    found = resolve(name)
    paths = _files(found if isinstance(found, Path) else fetch(found, say).path)
    pictures = []
    for path in [paths[i] for i in np.linspace(0, len(paths) - 1, min(len(paths), COLUMNS * ROWS)).astype(int)]:
        try:
            pictures.append(images.thumbnail(images.read(path)))
        except images.ImageError as error:
            say(f"{path}: {error}")
    if not pictures:
        raise UserError(f"there are no images in {name} that can be read.")
    rows = [pictures[i : i + COLUMNS] for i in range(0, len(pictures), COLUMNS)]
    count = min(len(pictures), COLUMNS)
    return images.sheet(rows, headings=[""] * count, side_by_side=1, caption=f"{name}: {len(paths):,} images")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if images.is_image_name(path.name) and path.is_file())
