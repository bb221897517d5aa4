"""Writes a TIFF file as the one that was read: its style, layout, coordinates, resolution, names, units and nodata."""

import io
import math
from typing import Any

import numpy as np

from translate.image.carried import for_size
from translate.values import tiff_meta
from translate.values.array import Values
from translate.values.tiff_meta import METADATA, NODATA, gdal_text

CLASSIC = (1 << 32) - (1 << 25)  # bytes of numbers up to which offsets of 32 bits are enough
WHITE_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 2, 3, 5, 6
IMAGEJ = ("uint8", "uint16", "float32")
PER_CHANNEL = ("LUTs", "Ranges", "Labels")  # of ImageJ
OWN_VALUES = ("scale", "offset")  # GDAL's items that are about the numbers as they were stored


def encode(values: Values, slices: list[np.ndarray] | None) -> bytes:
    """The bytes of a file. slices: all images of a stack, in the order in which they were read."""
    import tifffile

    carried = values.carried if values.kind in ("tiff", "geo") else {}
    images = slices if slices is not None else [values.array]
    channels = images[0].shape[2]
    style = carried.get("style", "plain")
    if style == "imagej" and images[0].dtype.name not in IMAGEJ:
        style = "shaped"
        values.notes.append(f"not an ImageJ stack: ImageJ's have no {images[0].dtype.name}")
    big = style != "imagej" and (carried.get("big", False) or sum(image.nbytes for image in images) > CLASSIC)
    form: Any = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {"shaped": True}}.get(
        style, {"shaped": False}
    )
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, bigtiff=big, **form) as writer:
        given = options(values, images[0], style)
        if style == "plain":
            for number, image in enumerate(images):
                one = given if number == 0 else {**given, "description": None}
                planes = np.moveaxis(image, 2, 0) if given.get("planarconfig") == "separate" else image
                writer.write(planes[..., 0] if channels == 1 else planes, metadata=None, contiguous=False, **one)
        else:
            array, axes = _stack(images, carried, rgb=given["photometric"] == "rgb", whole=slices is not None)
            given.pop("planarconfig", None)
            given.pop("extrasamples", None)
            if axes.endswith("S"):
                given["planarconfig"] = "contig"
            writer.write(array, metadata={**_meta(values, carried, style, images[0]), "axes": axes}, **given)
    return buffer.getvalue()


def options(values: Values, image: np.ndarray, style: str = "plain") -> dict[str, Any]:
    """The arguments of TiffWriter.write for a page. image: its shape and type count."""
    carried = values.carried if values.kind in ("tiff", "geo") else {}
    height, width, channels = image.shape
    photometric = _photometric(values, carried, image)
    colours = {"rgb": 3, "separated": 4}.get(photometric, 1)
    texts = carried.get("texts", {})
    found: dict[str, Any] = {
        "photometric": photometric,
        "software": texts.get(305, False),
        "extratags": _tags(values, carried, image, style),
    }
    if style == "plain" and texts.get(270):
        found["description"] = texts[270]
    if texts.get(306):
        found["datetime"] = texts[306]
    if channels > 1:
        found["planarconfig"] = "separate" if carried.get("planar") else "contig"
    if channels > colours:
        extra = carried.get("extrasamples", ())
        found["extrasamples"] = extra if len(extra) == channels - colours else (0,) * (channels - colours)
    if style != "imagej" and (carried.get("compressed", True) or not carried):
        found |= {"compression": "zlib", "predictor": True}
    tile = carried.get("tile")
    if tile and not any(side % 16 for side in tile) and style != "imagej":
        found["tile"] = tile
    elif carried.get("rows") and style != "imagej" and width == carried["size"][1]:
        found["rowsperstrip"] = min(carried["rows"], height)
    if resolution := tiff_meta.resolution(carried, style):
        before = carried.get("size", (height, width))
        (x, y), unit = resolution[:2], resolution[2]
        found["resolution"] = (_scaled(x, width / before[1]), _scaled(y, height / before[0]))
        found["resolutionunit"] = unit
    if photometric == "palette":
        found["colormap"] = np.array(carried["palette"], np.uint16).reshape(3, -1)
    if profile := carried.get("profile"):
        found["iccprofile"] = profile
    return found


def _scaled(rational: tuple[int, int], factor: float) -> Any:
    return rational if factor == 1 else rational[0] / rational[1] * factor


def _photometric(values: Values, carried: dict[str, Any], image: np.ndarray) -> str:
    channels, before = image.shape[2], carried.get("photometric")
    whole = image.dtype.name in ("uint8", "uint16")
    if before in (RGB, YCBCR) or (before is None and channels == 3 and whole and values.kind == "plain"):
        return "rgb" if channels >= 3 else "minisblack"
    if before == PALETTE and channels == 1 and "palette" in carried and whole:
        return "palette" if np.size(carried["palette"]) == 3 << (8 * image.itemsize) else "minisblack"
    if before == CMYK and channels >= 4:
        return "separated"
    return "miniswhite" if before == WHITE_IS_ZERO and channels == 1 else "minisblack"


def _tags(values: Values, carried: dict[str, Any], image: np.ndarray, style: str) -> list[tuple]:
    """Tags that tifffile doesn't write by itself: (number, type, count, value, False)."""
    size = image.shape[:2]
    geo, notes = for_size({"geo": carried.get("geo", {}), "size": carried.get("size", size)}, size)
    values.notes.extend(notes)
    found = [(tag, entry.kind, len(entry.values), entry.values, False) for tag, entry in geo["geo"].items()
             if entry.kind != 2]  # fmt: skip
    found += [(tag, 2, 0, entry.values[0], False) for tag, entry in geo["geo"].items() if entry.kind == 2]
    if items := gdal(values, carried, image, style):
        found.append((METADATA, 2, 0, gdal_text(items), False))
    if values.nodata is not None:
        found.append((NODATA, 2, 0, nodata_text(values.nodata), False))
    return found + [(tag, 2, 0, text, False) for tag, text in carried.get("texts", {}).items() if tag in (315, 33432)]


def nodata_text(nodata: float) -> str:
    """As GDAL writes it: "-9999", "nan", "-3.4028234663852886e+38"."""
    whole = math.isfinite(nodata) and float(nodata).is_integer() and abs(nodata) < 1 << 53
    return str(int(nodata)) if whole else repr(float(nodata))


def gdal(values: Values, carried: dict[str, Any], image: np.ndarray, style: str) -> list[tuple[dict[str, str], str]]:
    """GDAL's items: those that stay true, and the names and the unit of the channels. Statistics don't.
    OME-TIFFs and ImageJ stacks have metadata of their own for these."""
    channels = image.shape[2]
    same = channels == carried.get("channels", channels)
    stored = same and image.dtype.name == carried.get("dtype")
    items = [
        (at, text)
        for at, text in carried.get("gdal", [])
        if not at.get("name", "").startswith("STATISTICS_")
        and (same or "sample" not in at)
        and (stored or at.get("role") not in OWN_VALUES)
        and at.get("role") != "description"
        and not (values.unit and at.get("role") == "unittype")
    ]
    if style in ("ome", "imagej"):
        return items
    for number, name in enumerate(values.names[:channels]):
        if name:
            items.append(({"name": "DESCRIPTION", "sample": str(number), "role": "description"}, name))
    if values.unit:
        items += [({"name": "UNITTYPE", "sample": str(number), "role": "unittype"}, values.unit)
                  for number in range(channels)]  # fmt: skip
    return items


def _stack(images: list[np.ndarray], carried: dict[str, Any], rgb: bool, whole: bool) -> tuple[np.ndarray, str]:
    """(the array with the axes of the file that was read, their names)."""
    lead, lengths = carried["lead"], carried["lengths"]
    place = lead.index("C") if "C" in lead else len(lead)
    outer = [(name, length) for name, length in zip(lead, lengths, strict=True) if name != "C"]
    if not whole or math.prod(length for _, length in outer) != len(images):
        outer = [("Z", len(images))] if len(images) > 1 else []
        place = len(outer)
    array = np.stack(images).reshape(*(length for _, length in outer), *images[0].shape)
    axes = "".join(name for name, _ in outer)
    if images[0].shape[2] == 1 and "C" not in lead:
        return array[..., 0], axes + "YX"
    if rgb and "C" not in lead:
        return array, axes + "YXS"
    return np.moveaxis(array, -1, place), axes[:place] + "C" + axes[place:] + "YX"


def _meta(values: Values, carried: dict[str, Any], style: str, image: np.ndarray) -> dict[str, Any]:
    """OME's or ImageJ's metadata for these images."""
    meta, channels = dict(carried.get("meta", {})), image.shape[2]
    for name, axis in (("PhysicalSizeY", 0), ("PhysicalSizeX", 1)):
        if name in meta:
            meta[name] *= carried["size"][axis] / image.shape[axis]
    if channels != carried.get("channels"):
        meta.pop("Channel", None)
        for name in PER_CHANNEL:
            meta.pop(name, None)
    if style == "ome" and values.names and len(values.names) == channels:
        meta["Channel"] = {**meta.get("Channel", {}), "Name": list(values.names)}
    if style == "imagej":
        for name in ("ImageJ", "images", "channels", "slices", "frames", "hyperstack"):
            meta.pop(name, None)
    return meta
