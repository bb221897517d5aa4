"""Prepares a package's files as a folder of images named by key: drops placeholders, renders drawings, cuts maps."""

import fnmatch
import gzip
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from translate.catalog import arrays
from translate.catalog.archive import ArchiveError, Files
from translate.catalog.recipe import Arrays, Recipe, Tiles
from translate.errors import UNAVAILABLE, UserError
from translate.image import rgb8 as pictures
from translate.values.label_map import NEAREST, LabelMap

Source = Callable[[Callable[[str], bool]], Files]


def images(recipe: Recipe, source: Source, folder: Path, say: Callable[[str], None]) -> int:
    """Write the recipe's images into the empty `folder` and return their number; all of it is checked first.

    Raises UserError when the source's contents don't match the recipe.
    """
    if recipe.arrays:
        return _arrays(recipe, recipe.arrays, source, folder, say)
    if recipe.tiles:
        return _tiles(recipe, recipe.tiles, source, folder, say)
    taken = choose(recipe, source)
    _check(recipe, taken)
    suffix = "png" if recipe.format == "svg" else recipe.format
    if recipe.format != "svg":
        for key, content in taken.items():
            (folder / f"{key}.{suffix}").write_bytes(content)
        return len(taken)
    say(f"{recipe.name}: rendering {len(taken):,} drawings at {recipe.raster} x {recipe.raster} ...")

    def render(item: tuple[str, bytes]) -> None:
        (folder / f"{item[0]}.{suffix}").write_bytes(_render(recipe, *item))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(render, taken.items()))
    return len(taken)


def measure(recipe: Recipe, source: Source, folder: Path, say: Callable[[str], None]) -> tuple[int, str]:
    """(count, contents) of the source, for the recipe. folder: for temporary files; for a recipe of the kind
    torchvision also for its downloads."""
    if recipe.arrays:
        raw = folder if recipe.kind == "torchvision" else _raw(recipe, recipe.arrays, source, folder / "raw")
        images, labels = arrays.read(recipe, recipe.arrays, raw, say)
        return len(images), arrays.digest(images, labels)
    if recipe.tiles:
        tiles = recipe.tiles
        taken = dict(source(lambda name: name in (recipe.inside, tiles.mask)))
        _check_there(recipe, tiles, taken)
        return sum(1 for _ in _cut(recipe, tiles, taken, folder / "map")), contents_digest(taken)
    chosen = choose(recipe, source)
    return len(chosen), contents_digest(chosen)


def contents_digest(taken: dict[str, bytes]) -> str:
    """SHA-256 over keys and bytes, independent of the order of reading."""
    lines = [f"{key} {hashlib.sha256(content).hexdigest()}\n" for key, content in sorted(taken.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def matches(name: str, pattern: str) -> bool:
    """Matches as in a shell: a * doesn't match "/"."""
    ours, theirs = name.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(map(fnmatch.fnmatchcase, ours, theirs))


def choose(recipe: Recipe, source: Source) -> dict[str, bytes]:
    """Key -> bytes of the images that the recipe's rules select. ArchiveError if two images have the same key."""
    others = {PurePosixPath(folder) for folder in recipe.drop_shared_with}
    ours: dict[str, bytes] = {}
    known: set[str] = set()
    elsewhere: dict[str, set[bytes]] = {}
    for name, content in source(lambda n: matches(n, recipe.inside) or PurePosixPath(n).parent in others):
        path = PurePosixPath(name)
        if matches(name, recipe.inside):
            if recipe.keys == "names" and path.stem.casefold() in known:
                raise ArchiveError(f"holds two images called {path.stem!a}; `inside` must mean one folder of them")
            known.add(path.stem.casefold())
            ours[path.stem] = content
        if path.parent in others:
            elsewhere.setdefault(path.stem, set()).add(hashlib.sha256(content).digest())
    taken: dict[str, bytes] = {}
    # Longest names first: of "263A-FE0F" and "263A" the fully qualified one is the emoji, the other the old symbol.
    for stem in sorted(ours, key=lambda stem: (-len(stem), stem)):
        key = recipe.key(stem)
        placeholder = hashlib.sha256(ours[stem]).digest() in elsewhere.get(stem, ())
        if key is not None and not placeholder:
            taken.setdefault(key, ours[stem])
    return dict(sorted(taken.items()))


def _check(recipe: Recipe, taken: dict[str, bytes]) -> None:
    found = contents_digest(taken)
    if len(taken) != recipe.count or found != recipe.contents:
        raise UserError(
            f"{recipe.name}: {recipe.package} holds {len(taken):,} images with digest {found[:16]}… where the recipe "
            f"expects {recipe.count:,} with {recipe.contents[:16]}…; uninstall or repair that package and try again.",
            UNAVAILABLE,
        )


def _render(recipe: Recipe, key: str, drawing: bytes) -> bytes:
    try:
        import resvg_py
    except ImportError as error:
        raise UserError(f"{recipe.name} holds SVG drawings; `pip install resvg_py` to render them.") from error
    options: dict[str, Any] = {"width": recipe.raster, "height": recipe.raster}
    if recipe.palette:
        options["shape_rendering"] = "crisp_edges"  # no colours in between
    try:
        picture = bytes(resvg_py.svg_to_bytes(drawing.decode("utf-8"), **options))
        return label_map(picture, recipe.palette) if recipe.palette else picture
    except Exception as error:
        raise ArchiveError(f"holds a drawing, {key}, that can't be rendered ({error})") from error


def label_map(picture: bytes, palette: list[str]) -> bytes:
    """A picture as a PNG of indices into `palette`, colours as #rrggbb: the first where it is more transparent than
    opaque, else the nearest of the others."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA"))
    classes = LabelMap.parse(f"{NEAREST}{','.join(palette[1:])}")
    index = np.where(pixels[..., 3] < 128, 0, 1 + classes.numbers(pixels[..., :3]))
    image = Image.fromarray(index.astype(np.uint8), "P")
    image.putpalette(LabelMap.parse(",".join(palette)).palette)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _tiles(recipe: Recipe, tiles: Tiles, source: Source, folder: Path, say: Callable[[str], None]) -> int:
    """Tiles of the map named B<block>-r<row>-c<column>, all inside one block of columns, that hold enough land."""
    taken = dict(source(lambda name: name in (recipe.inside, tiles.mask)))
    _check_parts(recipe, tiles, taken)
    say(f"{recipe.name}: cutting tiles of {tiles.size} x {tiles.size} ...")
    count = 0
    for name, tile in _cut(recipe, tiles, taken, folder.parent / "map"):  # the parent folder is temporary too
        (folder / name).write_bytes(pictures.to_png(tile))
        count += 1
    if count != recipe.count:
        raise UserError(f"{recipe.name}: {count} tiles came out where {recipe.count} were expected.", UNAVAILABLE)
    return count


def _cut(recipe: Recipe, tiles: Tiles, taken: dict[str, bytes], scratch: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, tile) of the map in `taken`, which is first written to the file `scratch`: the reader needs a file."""
    scratch.write_bytes(taken[recipe.inside])
    whole = pictures.read(scratch)
    cells = np.frombuffer(gzip.decompress(taken[tiles.mask]), np.uint8).reshape(tiles.mask_shape)[::-1]
    land = cells == 1
    height, width = whole.shape[:2]
    for top in range(tiles.rows[0], tiles.rows[1] - tiles.size + 1, tiles.step):
        for block_left in range(0, width - tiles.block + 1, tiles.block):
            for left in range(block_left, block_left + tiles.block - tiles.size + 1, tiles.step):
                y = slice(top * land.shape[0] // height, (top + tiles.size) * land.shape[0] // height)
                x = slice(left * land.shape[1] // width, (left + tiles.size) * land.shape[1] // width)
                if land[y, x].mean() > tiles.least_land:
                    name = f"B{block_left // tiles.block:02d}-r{top // tiles.step:03d}-c{left // tiles.step:03d}.png"
                    yield name, whole[top : top + tiles.size, left : left + tiles.size]


def _arrays(recipe: Recipe, wanted: Arrays, source: Source, folder: Path, say: Callable[[str], None]) -> int:
    return arrays.write(recipe, _raw(recipe, wanted, source, folder.parent / "raw"), folder, say)


def _raw(recipe: Recipe, wanted: Arrays, source: Source, raw: Path) -> Path:
    """`raw` with the files in the layout that torchvision expects."""
    for name, content in source(lambda name: matches(name, recipe.inside)):
        place = raw / wanted.loader / "raw" / PurePosixPath(name).name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return raw


def _check_there(recipe: Recipe, tiles: Tiles, taken: dict[str, bytes]) -> None:
    for name in (recipe.inside, tiles.mask):
        if name not in taken:
            raise UserError(
                f"{recipe.name}: {recipe.package} lacks {name}; reinstall that package and try again.", UNAVAILABLE
            )


def _check_parts(recipe: Recipe, tiles: Tiles, taken: dict[str, bytes]) -> None:
    _check_there(recipe, tiles, taken)
    if contents_digest(taken) != recipe.contents:
        raise UserError(
            f"{recipe.name}: {recipe.package} holds a map other than the one expected; reinstall that package and try "
            "again.",
            UNAVAILABLE,
        )
