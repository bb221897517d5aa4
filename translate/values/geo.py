"""Rasters with coordinates that are no TIFF, through GDAL (rasterio): JPEG 2000, tiles of heights.

Satellite images are delivered as JPEG 2000 (Sentinel-2) and heights as .hgt (SRTM). GeoTIFFs are read by `tiff`.
"""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from translate.image.source import ImageError
from translate.image.tiff_tags import GEO, Tags
from translate.values.array import Header, Values
from translate.values.formats import FORMATS, only
from translate.values.numbers import as_image_error, kept, kept_type, need, opened, refuse_size, the_slice
from translate.values.tiff_meta import METADATA, NODATA, gdal_items

logging.getLogger("rasterio").addHandler(logging.NullHandler())  # else what it logs is printed
warnings.filterwarnings("ignore", module=r"rasterio(\.|$)")  # "has no geotransform"
# Of GDAL's many formats those that refer to no other files.
DRIVERS = {".jp2": "JP2OpenJPEG", ".j2k": "JP2OpenJPEG", ".hgt": "SRTMHGT", ".dt0": "DTED",
           ".dt1": "DTED", ".dt2": "DTED"}  # fmt: skip
MAGIC = {b"\0\0\0\x0cjP  ": ".jp2", b"\xff\x4f\xff\x51": ".j2k", b"UHL1": ".dt2"}
HEIGHTS = {2 * side * side for side in (1201, 3601, 7201)} | {2 * 1801 * 3601, 2 * 1201 * 601}  # bytes of an .hgt
LOSSLESS = {"QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO"}  # GDAL's options for it
PART = 1 << 26  # bytes of a decoded block up to which reading a window costs little


def suffix_of(head: bytes, suffix: str, size: int) -> str | None:
    """The suffix of DRIVERS that a file with these first bytes should have; None if it is none of them."""
    found = next((known for magic, known in MAGIC.items() if head.startswith(magic)), None)
    if found is None and suffix == ".hgt" and size in HEIGHTS:
        return suffix
    return found


def header(path: Path) -> Header:
    with as_image_error(), _opened(path) as file:
        refuse_size(file.height, file.width, file.count, None)
        rows, columns = file.block_shapes[0]
        windowed = rows * columns * file.count * np.dtype(file.dtypes[0]).itemsize <= PART
        return Header(
            file.height, file.width, file.count, kept_type(np.dtype(file.dtypes[0])).name, 1, file.nodata,
            _unit(file), _names(file), windowed,
        )  # fmt: skip


def read(path: Path, slice: int, max_pixels: int) -> Values:
    the_slice(slice, 1)
    with as_image_error(), _opened(path) as file:
        refuse_size(file.height, file.width, file.count, max_pixels)
        notes: list[str] = []
        array = kept(np.ascontiguousarray(np.moveaxis(file.read(), 0, 2)), notes)
        return Values(array, file.nodata, _unit(file), _names(file), "geo", _carried(file), notes)


def outline(path: Path, slice: int) -> Values:
    the_slice(slice, 1)
    with as_image_error(), _opened(path) as file:
        array = np.empty((0, 0, file.count), kept_type(np.dtype(file.dtypes[0])))
        return Values(array, file.nodata, _unit(file), _names(file), "geo", _carried(file))


def window(path: Path, top: int, left: int, height: int, width: int, slice: int) -> np.ndarray:
    the_slice(slice, 1)
    with as_image_error(), _opened(path) as file:
        array = file.read(window=((top, top + height), (left, left + width)))
        return kept(np.ascontiguousarray(np.moveaxis(array, 0, 2)), [])


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """A JPEG 2000 file without loss. ImageError for the other formats, UserError for other numbers."""
    need("geo", "a raster of GDAL", "rasterio")
    import rasterio
    from rasterio.io import MemoryFile

    suffix = Path(name).suffix.lower()
    if suffix not in (".jp2", ".j2k"):
        raise ImageError(f"{suffix} files are only read; .tif holds the same numbers and coordinates")
    array = only(name, FORMATS["JPEG 2000"], values, slices)
    if values.nodata is not None:
        values.notes.append(f"JPEG 2000 has no mark for no value: {values.nodata:g} is written as any other number")
    with as_image_error(), _environment(), MemoryFile(ext=suffix) as memory:
        profile = {
            "driver": DRIVERS[suffix],
            "height": array.shape[0],
            "width": array.shape[1],
            "nodata": values.nodata,
        }
        carried = values.carried if values.kind == "geo" else {}
        if carried:
            x, y = carried["size"][1] / array.shape[1], carried["size"][0] / array.shape[0]
            old = carried["transform"]
            scaled = rasterio.Affine(old.a * x, old.b * y, old.c, old.d * x, old.e * y, old.f)
            profile |= {"crs": carried["crs"], "transform": scaled}
        with memory.open(**profile, **LOSSLESS, count=array.shape[2], dtype=array.dtype.name) as file:
            file.write(np.moveaxis(array, 2, 0))
        return bytes(memory.read())


def _environment() -> Any:
    import rasterio

    return rasterio.Env(GDAL_PAM_ENABLED="YES", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")


def _opened(path: Path) -> Any:
    """An open file, for reading in one thread."""
    need("geo", f"a {path.suffix.lower().lstrip('.') or 'GDAL'} file", "rasterio")
    import rasterio

    with opened(path) as file:
        head = file.read(64)
    suffix = suffix_of(head, path.suffix.lower(), path.stat().st_size)
    if suffix is None:
        raise ImageError("not an image")
    with _environment():
        return rasterio.open(path.resolve(), driver=DRIVERS[suffix])


def _names(file: Any) -> tuple[str, ...]:
    return tuple(name or "" for name in file.descriptions) if any(file.descriptions) else ()


def _unit(file: Any) -> str:
    units = {unit or "" for unit in file.units}
    return units.pop() if len(units) == 1 else ""


def _carried(file: Any) -> dict[str, Any]:
    """Coordinates, also as tags of a TIFF: those that GDAL writes into an empty one."""
    from rasterio.io import MemoryFile

    with MemoryFile() as memory:
        with memory.open(driver="GTiff", height=1, width=1, count=1, dtype="uint8", crs=file.crs,
                         transform=file.transform) as empty:  # fmt: skip
            empty.update_tags(**file.tags())
        tags = Tags(bytes(memory.read()))
    geo = {tag: tags.tags[tag] for tag in GEO if tag in tags.tags}
    geo.pop(NODATA, None)
    return {
        "geo": geo, "gdal": gdal_items(geo.pop(METADATA, None)), "size": (file.height, file.width),
        "crs": file.crs, "transform": file.transform, "channels": file.count,
    }  # fmt: skip
