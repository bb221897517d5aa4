"""The type of a domain of measured values: by its settings and its files' headers; its range by all values."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np

from translate.data.items import Item
from translate.data.settings import DataSettings
from translate.errors import UserError
from translate.image import decode
from translate.image.raw import Extremes, Range, common_range, parse_range, percentiles, range_words
from translate.image.source import ImageError
from translate.values import files
from translate.values.array import Header
from translate.values.domain import DomainType, is_nodata, nan_words

EIGHT_BITS = Header(1, 1, 3, "uint8")  # of a picture whose size doesn't matter here
PICTURES = (1, 3, 4)  # channels of pictures of 8 bits; the fourth is alpha
STRIP = 1 << 22  # values that are read at once to find a range
BINS = 1 << 16  # of the histogram that gives percentiles

Say = Callable[[str], None]


def domain_type(letter: str, items: list[Item], settings: DataSettings, say: Say) -> DomainType | None:
    """The type of a domain (letter: a, b, ...) of measured values; None for pictures of 8 bits. UserError if no type
    fits all of its files. Says what was found. Files that can't be read are left to the scan, which reports them."""
    if items[:1] and items[0].place is not None:  # an array of many images of 8 bits
        return None
    headers = _headers(items)
    said = settings.of_domain("nodata", letter) != "auto"
    said |= settings.of_domain("channels", letter) not in (0, *PICTURES[:2])
    if not headers or not (said or any(measured(path, header) for path, header in headers.items())):
        return None
    headers = _headers(items, quick=False)
    counts = Counter(header.channels for header in headers.values())
    channels = settings.of_domain("channels", letter) or counts.most_common(1)[0][0]
    dtype = Counter(header.dtype for header in headers.values()).most_common(1)[0][0]
    first = next(iter(headers.values()))
    nodata = _nodata(letter, settings, headers)
    low, high = _range(letter, items, headers, settings, nodata, say)
    unit = settings.of_domain("unit", letter) or first.unit
    names = first.names if len(first.names) == channels else ()
    found = DomainType(low, high, channels, dtype, unit, nodata, names)
    say(f"{letter}: {words(found)} (data.range_{letter})")
    return found


def words(found: DomainType) -> str:
    """In a sentence: "measured values, int16, 1 channel, -1024:3000 HU are -1 and 1; -9999 is no value"."""
    plural = "" if found.channels == 1 else "s"
    unit = f" {found.unit}" if found.unit else ""
    absent = "" if found.nodata is None else f"; {found.nodata:g} is no value"
    return (
        f"measured values, {found.dtype}, {found.channels} channel{plural}; the networks see "
        f"{range_words((found.low, found.high))}{unit} as -1 and 1{absent}"
    )


def measured(path: Path, header: Header) -> bool:
    """Whether a file of this header is more than a picture of 8 bits; volumes and arrays of 8 bits are."""
    if header is EIGHT_BITS:
        return False
    more = header.channels not in PICTURES or header.slices > 1 or header.nodata is not None
    return more or header.dtype != "uint8" or files.kind_of(path) not in ("plain", "tiff")


def _headers(items: list[Item], quick: bool = True) -> dict[Path, Header]:
    """quick: EIGHT_BITS for pictures of 8 bits, of which only the first bytes are read."""

    def one(path: Path) -> Header | None:
        try:
            if not path.is_file():  # before opening, because a FIFO would block for ever
                return None
            return EIGHT_BITS if quick and _is_picture(path) else files.header(path)
        except (ImageError, OSError):
            return None

    unique = list(dict.fromkeys(item.path for item in items))
    with ThreadPoolExecutor(cpu_count()) as threads:
        found = zip(unique, threads.map(one, unique), strict=True)
        return {path: header for path, header in found if header}


def _is_picture(path: Path) -> bool:
    """Whether a file is of 8 bits by its first bytes, so that nothing else needs to be read."""
    if files.SUFFIXES.get(files.suffix_of(path)) != "plain":
        return False
    with open(path, "rb") as file:
        head = file.read(32)
    deep_png = head.startswith(b"\x89PNG") and decode.takes_range(head)
    other = decode.may_take_range(head[:4]) and not head.startswith(b"\x89PNG")
    return not (deep_png or other)


def _nodata(letter: str, settings: DataSettings, headers: dict[Path, Header]) -> float | None:
    setting = settings.of_domain("nodata", letter)
    if setting != "auto":
        return float(setting)
    found = {repr(header.nodata): (path, header.nodata) for path, header in headers.items()}
    found.pop("None", None)
    if len(found) > 1:
        (one, first), (other, second) = list(found.values())[:2]
        raise UserError(
            f"{one.name} says that {first:g} is no value, and {other.name} that {second:g} is; write them alike, or "
            f"say which with --set data.nodata_{letter}=NUMBER."
        )
    return next(iter(found.values()))[1] if found else None


def _range(
    letter: str, items: list[Item], headers: dict[Path, Header], settings: DataSettings, nodata: float | None, say: Say
) -> Range:
    setting = settings.of_domain("range", letter)
    shares = percentiles(setting)
    if not shares and (fixed := parse_range(setting)):
        return fixed
    chosen = [item for item in items if item.path in headers]

    def one(item: Item) -> Extremes | None:
        try:
            lows, highs = [], []
            for values in strips(item, headers[item.path], nodata):
                if values.size:
                    lows.append(float(values.min()))
                    highs.append(float(values.max()))
            if not lows:
                return None
            return Extremes(_kind(headers[item.path].dtype), min(lows), max(highs), item.name)
        except (ImageError, OSError):
            return None

    with ThreadPoolExecutor(cpu_count()) as threads:
        found = list(threads.map(one, chosen))
    deep = [extreme for extreme in found if extreme]
    if not deep:
        raise UserError(_no_range(letter, chosen, headers, nodata))
    lowest, highest = min(e.low for e in deep), max(e.high for e in deep)
    if shares:
        span = _percentiles(shares, (lowest, highest), chosen, headers, nodata)
        say(f"{letter}: {setting} of the values of {len(deep):,} images lie in {range_words(span)}")
        return span
    if {e.kind for e in deep} == {BYTES}:
        return 0.0, 255.0
    span = common_range(deep, f"--set data.range_{letter}=") or (0.0, 255.0)
    say(f"{letter}: {len(deep):,} images hold {deep[0].kind}, from {lowest:g} to {highest:g}")
    if deep[0].kind == FLOATS and not 0 <= lowest <= highest <= 1:  # no picture in [0, 1]
        return lowest, max(highest, float(np.nextafter(np.float32(lowest), np.inf, dtype=np.float32)))
    return span


def _no_range(letter: str, items: list[Item], headers: dict[Path, Header], nodata: float | None) -> str:
    """Why no file of a domain has a range: each holds NaN or infinity, or nothing but nodata, or can't be read."""
    for item in items:
        try:
            for _ in strips(item, headers[item.path], nodata):
                pass
        except (ImageError, OSError) as error:
            return f"no file of domain {letter} can be used, so it has no range; the first, {item.name}: {error}."
    return f"no file of domain {letter} has a value other than the nodata value, so it has no range."


BYTES, FLOATS = "8-bit integers", "floats"  # kinds, beside those of raw.py


def _kind(dtype: str) -> str:
    if dtype == "uint8":
        return BYTES
    return "16-bit integers" if dtype == "uint16" else FLOATS if np.dtype(dtype).kind == "f" else "integers"


def strips(item: Item, header: Header, nodata: float | None) -> Iterator[np.ndarray]:
    """The image's values, (N, C), without the pixels of no value; a few rows at a time where that is possible.
    ImageError for NaN and infinity that aren't the nodata value."""
    top, left, height, width = item.window or (0, 0, header.height, header.width)
    rows = max(1, STRIP // max(1, width * header.channels)) if header.windowed else height
    for start in range(top, top + height, rows):
        array = files.window(
            item.path, start, left, min(rows, top + height - start), width, 0 if item.series else item.slice
        )
        values = array[~is_nodata(array, nodata)]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ImageError(f"contains NaN or infinity, {nan_words(array, nodata)}")
        yield values


def _percentiles(
    shares: Range, span: Range, items: list[Item], headers: dict[Path, Header], nodata: float | None
) -> Range:
    """The values below which `shares` percent of all values lie, from a histogram over `span`."""
    counts = np.zeros(BINS, np.int64)
    edges = np.linspace(*span, BINS + 1)
    for item in items:
        try:
            for values in strips(item, headers[item.path], nodata):
                counts += np.histogram(values, edges)[0]
        except (ImageError, OSError):
            continue
    below = np.cumsum(counts) / max(1, counts.sum()) * 100
    low, high = (int(np.searchsorted(below, share)) for share in shares)
    return float(edges[low]), float(edges[min(high, BINS - 1) + 1])
