"""Renders SVG drawings, as pictures or as label maps."""

import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from translate.catalog.archive import ArchiveError
from translate.catalog.recipe import Recipe
from translate.errors import UserError
from translate.values.label_map import NEAREST, LabelMap


def write(recipe: Recipe, taken: dict[str, bytes], folder: Path) -> None:
    """Write each drawing of `taken` (key -> SVG) as KEY.png of recipe.raster pixels. ArchiveError if one can't be."""

    def render(item: tuple[str, bytes]) -> None:
        (folder / f"{item[0]}.png").write_bytes(_render(recipe, *item))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(render, taken.items()))


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
