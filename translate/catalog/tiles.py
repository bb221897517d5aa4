"""Cuts one large map into overlapping tiles, inside blocks of columns that never overlap."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from translate.catalog.archive import ArchiveError
from translate.catalog.kinds import Tiles
from translate.catalog.recipe import Recipe
from translate.catalog.selection import Source
from translate.errors import UNAVAILABLE, UserError
from translate.image import rgb8


def parts(recipe: Recipe, tiles: Tiles, source: Source) -> dict[str, bytes]:
    """The map and its mask, by name. UserError if the package lacks one."""
    taken = dict(source(lambda name: name in (recipe.inside, tiles.mask)))
    for name in (recipe.inside, tiles.mask):
        if name not in taken:
            raise UserError(
                f"{recipe.name}: {recipe.package} lacks {name}; reinstall that package and try again.", UNAVAILABLE
            )
    return taken


def cut(recipe: Recipe, tiles: Tiles, taken: dict[str, bytes], scratch: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(key, tile) of the map in `taken` with enough land; tiles uint8 (size, size, 3), keys B<block>-r<row>-c<column>.
    scratch: an empty folder; the reader of images needs files. ArchiveError for a map or mask that can't be read."""
    whole = _picture(recipe.inside, taken[recipe.inside], scratch)
    if tiles.white < 255:
        whole = np.rint(whole.clip(0, tiles.white) * (255 / tiles.white)).astype(np.uint8)
    land = _land(tiles, taken[tiles.mask], scratch)
    height, width = whole.shape[:2]
    for top in range(tiles.rows[0], min(tiles.rows[1], height) - tiles.size + 1, tiles.step):
        for block_left in range(0, width - tiles.block + 1, tiles.block):
            for left in range(block_left, block_left + tiles.block - tiles.size + 1, tiles.step):
                y = slice(top * land.shape[0] // height, (top + tiles.size) * land.shape[0] // height)
                x = slice(left * land.shape[1] // width, (left + tiles.size) * land.shape[1] // width)
                if land[y, x].mean() > tiles.least_land:
                    key = f"B{block_left // tiles.block:02d}-r{top // tiles.step:03d}-c{left // tiles.step:03d}"
                    yield key, whole[top : top + tiles.size, left : left + tiles.size]


def _land(tiles: Tiles, mask: bytes, scratch: Path) -> np.ndarray:
    """True where there is land, bool (H, W), north first; of any size, since it covers what the map covers."""
    if tiles.mask_shape is None:
        bright = _picture(tiles.mask, mask, scratch).mean(axis=2) > 127
        return ~bright if tiles.land == "dark" else bright
    try:
        return np.frombuffer(gzip.decompress(mask), np.uint8).reshape(tiles.mask_shape)[::-1] == 1
    except (OSError, EOFError, ValueError) as error:
        raise ArchiveError(f"holds a mask, {tiles.mask}, that is not gzip of the size expected ({error})") from error


def _picture(name: str, content: bytes, scratch: Path) -> np.ndarray:
    path = scratch / "picture"
    path.write_bytes(content)
    try:
        return rgb8.read(path)
    except rgb8.ImageError as error:
        raise ArchiveError(f"holds a picture, {name}, that can't be read ({error})") from error
    finally:
        path.unlink()
