"""Prepares a package's files as a folder of images named by key: drops placeholders, renders drawings and characters,
cuts maps."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from translate.catalog import arrays, drawings, glyphs, selection, tiles
from translate.catalog.archive import ArchiveError
from translate.catalog.kinds import Arrays, Glyphs
from translate.catalog.recipe import Recipe
from translate.catalog.selection import Source
from translate.errors import UNAVAILABLE, UserError
from translate.image import rgb8


def images(recipe: Recipe, source: Source, folder: Path, say: Callable[[str], None]) -> int:
    """Write the recipe's images into the empty `folder` and return their number; all of it is checked first.

    Raises UserError when the source's contents don't match the recipe.
    """
    if recipe.arrays:
        raw = _raw(recipe, recipe.arrays, source, folder.parent / "raw")  # the parent folder is temporary too
        return arrays.write(recipe, raw, folder, say)
    if recipe.tiles or recipe.glyphs:
        return _made(recipe, source, folder, say)
    taken = selection.choose(recipe, source)
    selection.check(recipe, taken)
    if recipe.format == "svg":
        say(f"{recipe.name}: rendering {len(taken):,} drawings at {recipe.raster} x {recipe.raster} ...")
        drawings.write(recipe, taken, folder)
    else:
        for key, content in taken.items():
            (folder / f"{key}.{recipe.format}").write_bytes(content)
    return len(taken)


def measure(recipe: Recipe, source: Source, folder: Path, say: Callable[[str], None]) -> tuple[int, str]:
    """(count, contents) of the source, for the recipe. folder: for temporary files; for a recipe of the kind
    torchvision also for its downloads."""
    if recipe.arrays:
        raw = folder if recipe.kind == "torchvision" else _raw(recipe, recipe.arrays, source, folder / "raw")
        images, labels = arrays.read(recipe, recipe.arrays, raw, say)
        return len(images), arrays.digest(images, labels)
    if recipe.tiles:
        taken = tiles.parts(recipe, recipe.tiles, source)
        return sum(1 for _ in tiles.cut(recipe, recipe.tiles, taken, folder)), selection.contents_digest(taken)
    if recipe.glyphs:
        taken = glyphs.parts(recipe, source)
        return sum(1 for _ in _drawn(recipe, recipe.glyphs, taken)), selection.contents_digest(taken)
    chosen = selection.choose(recipe, source)
    return len(chosen), selection.contents_digest(chosen)


def _made(recipe: Recipe, source: Source, folder: Path, say: Callable[[str], None]) -> int:
    """Images that are made of whole files: tiles of a map, or characters of fonts."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        if recipe.tiles:
            taken = tiles.parts(recipe, recipe.tiles, source)
            what, side = "tiles", recipe.tiles.size
            made = tiles.cut(recipe, recipe.tiles, taken, Path(scratch))
        else:
            assert recipe.glyphs
            taken = glyphs.parts(recipe, source)
            what, side = "characters", recipe.glyphs.size
            made = _drawn(recipe, recipe.glyphs, taken)
        selection.check_parts(recipe, taken)
        say(f"{recipe.name}: {'cutting' if recipe.tiles else 'drawing'} {what} of {side} x {side} ...")
        count = 0
        for key, image in made:
            (folder / f"{key}.png").write_bytes(rgb8.to_png(image))
            count += 1
    if count != recipe.count:
        raise UserError(f"{recipe.name}: {count} {what} came out where {recipe.count} were expected.", UNAVAILABLE)
    return count


def _drawn(recipe: Recipe, settings: Glyphs, fonts: dict[str, bytes]) -> Iterator[tuple[str, np.ndarray]]:
    try:
        yield from ((key, image) for key, image in glyphs.draw(settings, fonts) if recipe.key(key))
    except glyphs.FontError as error:
        raise ArchiveError(f"holds a font that can't be used: {error}") from error


def _raw(recipe: Recipe, wanted: Arrays, source: Source, raw: Path) -> Path:
    """`raw` with the files in the layout that torchvision expects."""
    for name, content in source(lambda name: selection.matches(name, recipe.inside)):
        place = raw / wanted.loader / "raw" / PurePosixPath(name).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return raw
