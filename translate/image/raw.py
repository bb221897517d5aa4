"""The decoded values of an image file, and their conversion to levels between black and white."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from translate.errors import UserError
from translate.image.source import ImageError

Range = tuple[float, float]  # the values that are black and white
DARK = 4095  # the largest value of 12 bits
ROWS = 1 << 20  # pixels converted at once, to limit the memory of temporary arrays


@dataclass
class Raw:
    """A decoded, upright image in RGB or grey with the file's own values.

    colours: (H, W, 1 or 3). alpha: (H, W), not associated, or None.
    peak: the value of white if the format defines it (255, 65535, a PGM's largest value); None for values without
    such a bound: floats, signed and 32-bit integers. Their colours are then of any numeric type.
    alpha_peak: likewise for alpha, always known. white_is_zero: for values without a bound.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    peak: int | None = 255
    alpha_peak: float = 255
    white_is_zero: bool = False
    exif: bytes = b""
    notes: list[str] = field(default_factory=list)
    carried: dict[str, Any] = field(default_factory=dict)  # "dpi": (x, y), "geo": {tag: (type, values)}

    @property
    def takes_range(self) -> bool:
        """Whether a domain's range applies: 16-bit integers often hold 10 or 12 bits, and floats have any range."""
        return self.peak in (None, 65535)


class Extremes(NamedTuple):
    """The lowest and highest value of one or more files. name: a file with such values."""

    kind: str  # "16-bit integers", "integers" or "floats"
    low: float
    high: float
    name: str = ""


class Levels(NamedTuple):
    """colours (H, W, 1 or 3) and alpha (H, W) or None: uint8, uint16, or float32 in [0, 1].

    scale: the file's values at the lowest and highest level; None if these are its type's own.
    """

    colours: np.ndarray
    alpha: np.ndarray | None
    scale: Range | None
    notes: list[str]


def extremes(raw: Raw, name: str = "") -> Extremes | None:
    """The image's extremes; None if the format defines white. ImageError for NaN."""
    if not raw.takes_range:
        return None
    low, high = _finite_extremes(raw.colours)
    kind = "16-bit integers" if raw.peak else "floats" if raw.colours.dtype.kind == "f" else "integers"
    return Extremes(kind, low, high, name)


def common_range(found: Iterable[Extremes | None], setting: str) -> Range | None:
    """The common range of many files; None if none of them needs one. UserError if files of different types need one.

    16-bit integers: 0 to the largest value of the fewest bits that hold them all (4095 for 12 bits). Other integers
    and floats: [0, 1], extended to their extremes.
    """
    kinds: dict[str, Extremes] = {}
    for one in found:
        if one is not None:
            known = kinds.setdefault(one.kind, one)
            kinds[one.kind] = Extremes(one.kind, min(known.low, one.low), max(known.high, one.high), known.name)
    if not kinds:
        return None
    if len(kinds) > 1:
        examples = " and ".join(f"{one.name} holds {one.kind}" for one in kinds.values())
        raise UserError(
            f"{examples}, so no one range fits both; save them as one kind, or say which values are black and "
            f"white with {setting}LOW:HIGH."
        )
    [one] = kinds.values()
    if one.kind == "16-bit integers":
        return 0.0, float(2 ** max(1, int(one.high).bit_length()) - 1)
    return min(0.0, one.low), max(1.0, one.high)


def parse_range(text: str) -> Range | None:
    """'-1024:3000' as two numbers; None for 'auto'. ValueError for other text."""
    if text.strip().lower() == "auto":
        return None
    low, _, high = text.partition(":")
    numbers = float(low), float(high)
    if not numbers[0] < numbers[1] or not np.isfinite(numbers).all():
        raise ValueError("the first number must be smaller than the second")
    return numbers


def percentiles(text: str) -> Range | None:
    """'0.5%:99.5%' as two numbers of percent; None for other texts. ValueError where they aren't in order."""
    found = re.fullmatch(r"\s*([\d.]+)\s*%\s*:\s*([\d.]+)\s*%\s*", text)
    if found is None:
        return None
    low, high = float(found[1]), float(found[2])
    if not 0 <= low < high <= 100:
        raise ValueError("percentiles lie between 0 and 100, the smaller one first")
    return low, high


def range_words(span: Range) -> str:
    return f"{span[0]:g}:{span[1]:g}"


def levels(raw: Raw, wanted: Range | None = None) -> Levels:
    """The levels of an image. wanted: the domain's range, for formats that don't define white (see Raw.takes_range)."""
    colours, notes = raw.colours, list(raw.notes)
    if raw.peak == 255 and colours.dtype == np.uint8:
        return Levels(colours, raw.alpha, None, notes)
    low, high = 0.0, float(raw.peak or 1)
    if raw.takes_range:
        lowest, highest = _finite_extremes(colours)
        if wanted is not None:
            low, high = wanted
            if lowest < low or highest > high:
                notes.append(f"values outside {range_words(wanted)} were cut off")
        elif raw.peak is None:
            low, high = min(0.0, lowest), max(1.0, highest)
            if (low, high) != (0, 1):
                notes.append(f"its own lowest and highest value, {low:g} and {high:g}, taken as black and white")
        elif 0 < highest <= DARK:
            notes.append(
                f"nearly black: no value is above {highest:g} of 65535; --range 0:{DARK} takes 12 bits as such"
            )
    whole = colours.dtype in (np.uint8, np.uint16)
    natural = raw.peak is not None and (wanted is None or not raw.takes_range)
    small = raw.peak is not None and raw.peak <= 255
    kind: type[np.generic] = np.uint8 if small else np.uint16 if whole else np.float32
    result = _scaled(colours, low, high, kind)
    if raw.white_is_zero:
        result = _top(kind) - result
    alpha = None if raw.alpha is None else _scaled(raw.alpha, 0.0, float(raw.alpha_peak), kind)
    usual = (
        natural or (kind == np.uint16 and (low, high) == (0, 65535)) or (kind == np.float32 and (low, high) == (0, 1))
    )
    return Levels(result, alpha, None if usual else (low, high), notes)


def _top(kind: type[np.generic]) -> int:
    """The highest level of uint8, uint16 or float32."""
    return {np.uint8: 255, np.uint16: 65535}.get(kind, 1)


def _scaled(values: np.ndarray, low: float, high: float, kind: type[np.generic]) -> np.ndarray:
    """(v - low) / (high - low), clipped to [0, 1], as levels of `kind`."""
    peak = _top(kind)
    if values.dtype == kind and (low, high) == (0, peak) and kind != np.float32:
        return values
    result = np.empty(values.shape, kind)
    for part in blocks(values.shape):
        share = (values[part].astype(np.float64) - low) * (peak / (high - low))
        np.clip(share, 0, peak, out=share)
        result[part] = share if kind == np.float32 else np.rint(share)
    return result


def blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows of an image of this shape, about a million pixels each."""
    rows = max(1, ROWS // max(1, shape[1]))
    for top in range(0, shape[0], rows):
        yield slice(top, top + rows)


def _finite_extremes(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())  # both propagate NaN
    if not np.isfinite([low, high]).all():
        raise ImageError("contains NaN or infinity")
    return low, high
