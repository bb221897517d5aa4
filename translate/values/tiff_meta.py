"""What a TIFF says beside its numbers: coordinates, resolution, names, units, nodata; OME's and ImageJ's metadata."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

from translate.image.tiff_tags import GEO, Entry

METADATA, NODATA = 42112, 42113  # GDAL's
TEXTS = (270, 305, 306, 315, 33432)  # description, software, date and time, artist, copyright
PALETTE, PROFILE = 320, 34675
KEPT = (*GEO, *TEXTS, PALETTE, PROFILE, 282, 283)
MICRONS = {"µm": 1, "\\u00B5m": 1, "um": 1, "micron": 1, "microns": 1, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
LONGEST = 1 << 22  # characters of XML


@dataclass(frozen=True)
class Meta:
    """nodata, unit, names: see Header. carried: what `tiff_write` needs to write the rest again."""

    nodata: float | None
    unit: str
    names: tuple[str, ...]
    carried: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def is_gdal(page: Any) -> bool:
    return any(tag in page.tags for tag in GEO)


def of(file: Any, series: Any, lead: str, lengths: tuple[int, ...]) -> Meta:
    """The metadata of a series of an open tifffile.TiffFile. lead: its axes before those of a page."""
    page = series.keyframe
    style = series.kind if series.kind in ("ome", "imagej", "shaped") else "plain"
    tags = {code: page.tags[code] for code in KEPT if code in page.tags}
    geo = {code: _entry(tags[code]) for code in GEO if code in tags}
    notes: list[str] = []
    nodata = _number(geo.pop(NODATA, None))
    items = gdal_items(geo.pop(METADATA, None))
    names = {int(at["sample"]): text for at, text in items if at.get("role") == "description" and "sample" in at}
    units = {text for at, text in items if at.get("role") == "unittype"}
    if any(at.get("role") in ("scale", "offset") for at, _ in items):
        notes.append("its scale and offset are kept and not applied: the numbers are those that are stored")
    channels = page.samplesperpixel * (lengths[lead.index("C")] if "C" in lead else 1)
    found = tuple(names.get(number, "") for number in range(channels)) if any(names.values()) else ()
    carried: dict[str, Any] = {
        "style": style, "lead": lead, "lengths": lengths, "geo": geo, "gdal": items,
        "dtype": str(page.dtype), "photometric": int(page.photometric), "extrasamples": tuple(page.extrasamples),
        "planar": page.planarconfig == 2 and page.samplesperpixel > 1, "big": file.is_bigtiff,
        "tile": (page.tilelength, page.tilewidth) if page.is_tiled else None, "rows": int(page.rowsperstrip),
        "compressed": int(page.compression) != 1, "resolution": _resolution(page),
        "texts": {code: tags[code].value for code in TEXTS if code in tags and isinstance(tags[code].value, str)},
    }  # fmt: skip
    if PALETTE in tags and page.photometric == 3:
        carried["palette"] = tags[PALETTE].value
    if PROFILE in tags:
        carried["profile"] = bytes(tags[PROFILE].value)
    if style == "ome":
        carried["meta"] = ome(file.ome_metadata or "")
        found = tuple(carried["meta"].get("Channel", {}).get("Name", ())) or found
    elif style == "imagej":
        carried["meta"] = dict(file.imagej_metadata or {})
    if style != "plain" or file.is_shaped or file.is_ome or file.is_imagej:
        carried["texts"].pop(270, None)
    return Meta(nodata, units.pop() if len(units) == 1 else "", found if len(found) == channels else (), carried, notes)


def _entry(tag: Any) -> Entry:
    value = tag.value
    if isinstance(value, str):
        return Entry(2, (value.encode("utf-8", "replace"),))
    return Entry(int(tag.dtype), tuple(value) if isinstance(value, (tuple, list)) else (value,))


def _number(entry: Entry | None) -> float | None:
    if entry is None:
        return None
    try:
        return float(entry.values[0].strip(b"\0 \n"))
    except (ValueError, AttributeError):
        return None


def _resolution(page: Any) -> tuple[tuple[int, int], tuple[int, int], int] | None:
    """(x, y, unit) as stored, if the file has all of them."""
    found = [page.tags[code].value for code in (282, 283) if code in page.tags]
    if len(found) < 2 or not all(isinstance(one, tuple) and len(one) == 2 and all(one) for one in found):
        return None
    unit = page.tags[296].value if 296 in page.tags else 2
    return found[0], found[1], int(unit)


def resolution(carried: dict[str, Any], style: str) -> Any:
    """(pixels in x, in y, the number of their unit) of a written file, or None. In one that is no longer an OME-TIFF or
    ImageJ stack, what these said in their metadata is in pixels per centimetre."""
    meta, before = carried.get("meta", {}), carried.get("style", style)
    if before == "ome" and style != "ome":
        microns = [meta.get(f"PhysicalSize{axis}", 0) * MICRONS.get(meta.get(f"PhysicalSize{axis}Unit", "µm"), 0)
                   for axis in "XY"]  # fmt: skip
        return (
            (*(Fraction(10_000 / one).limit_denominator(65535).as_integer_ratio() for one in microns), 3)
            if all(microns)
            else None
        )
    found = carried.get("resolution")
    if found and before == "imagej" and style != "imagej" and (scale := MICRONS.get(str(meta.get("unit", "")))):
        return (*((round(one[0] * 10_000 / scale), one[1]) for one in found[:2]), 3)
    return found


def parse(text: str) -> ElementTree.Element | None:
    """XML of limited length without entities of its own; None if it is damaged."""
    if len(text) > LONGEST or "<!" in text.replace("<!--", ""):
        return None
    try:
        return ElementTree.fromstring(text.strip("\0 \n\r\t").encode())
    except (ElementTree.ParseError, ValueError):
        return None


def gdal_items(entry: Entry | None) -> list[tuple[dict[str, str], str]]:
    """(attributes, text) of the items of GDAL's metadata."""
    if entry is None or not isinstance(entry.values[0], bytes):
        return []
    root = parse(entry.values[0].decode("utf-8", "replace"))
    items = [] if root is None else [(dict(item.attrib), item.text or "") for item in root.iter("Item")]
    return [(at, text) for at, text in items if at.get("sample", "0").isdigit()]


def gdal_text(items: list[tuple[dict[str, str], str]]) -> bytes:
    root = ElementTree.Element("GDALMetadata")
    for attributes, text in items:
        ElementTree.SubElement(root, "Item", attributes).text = text
    return ElementTree.tostring(root, encoding="utf-8")


def ome(text: str) -> dict[str, Any]:
    """What tifffile writes into an OME-TIFF's header: sizes of a pixel, increments, names and colours of channels."""
    root = parse(text)
    if root is None:
        return {}
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    image = root.find(f"{space}Image")
    pixels = None if image is None else image.find(f"{space}Pixels")
    if image is None or pixels is None:
        return {}
    kept = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement")
    found: dict[str, Any] = {}
    for name in kept:
        if name in pixels.attrib and math.isfinite(float(pixels.attrib[name])):
            found[name] = float(pixels.attrib[name])
        if name + "Unit" in pixels.attrib:
            found[name + "Unit"] = pixels.attrib[name + "Unit"]
    if "Name" in image.attrib:
        found["Name"] = image.attrib["Name"]
    channels = pixels.findall(f"{space}Channel")
    for name in ("Name", "Color", "EmissionWavelength", "ExcitationWavelength", "Fluor"):
        values = [channel.attrib.get(name) for channel in channels]
        if channels and all(value is not None for value in values):
            found.setdefault("Channel", {})[name] = values
    return found
