"""The type of a domain of measured values, and the conversion between its values and those of a network."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from translate.image.raw import blocks

# What a network gets, and its output keeps, where there is no value: outside of [-1, 1], and exact in half precision.
FILL = -1.25


@dataclass(frozen=True)
class DomainType:
    """low, high: the values that a network sees as -1 and 1. dtype: of the numbers in written files. nodata: the number
    that stands for "no value here" in written files, or None. unit, names of the channels: empty if unknown."""

    low: float
    high: float
    channels: int = 1
    dtype: str = "float32"
    unit: str = ""
    nodata: float | None = None
    names: tuple[str, ...] = ()

    def levels_of(self, span: tuple[float, float]) -> tuple[float, float]:
        """Two values as the network's numbers, not clipped."""
        low, high = ((value - self.low) * (2 / (self.high - self.low)) - 1 for value in span)
        return low, high

    def to_network(self, array: np.ndarray, nodata: float | None) -> np.ndarray:
        """(H, W, C) of values → float32 (H, W, C) in [-1, 1], clipped, NaN in all channels of a pixel where any
        channel is `nodata`. ValueError for NaN and infinity that aren't `nodata`."""
        result = np.empty(array.shape, np.float32)
        for part in blocks(array.shape):
            values = array[part].astype(np.float64)
            absent = is_nodata(array[part], nodata)
            values[absent] = self.low
            if not np.isfinite(values).all():
                raise ValueError("contains NaN or infinity")
            levels = (values - self.low) * (2 / (self.high - self.low)) - 1
            levels[absent] = np.nan
            result[part] = np.clip(levels, -1, 1)
        return result

    def from_network(self, levels: np.ndarray, nodata: float | None) -> np.ndarray:
        """float32 (H, W, C) in [-1, 1], NaN where there are no data → (H, W, C) of `dtype`, with `nodata` there."""
        kind = np.dtype(self.dtype)
        result = np.empty(levels.shape, kind)
        for part in blocks(levels.shape):
            absent = np.isnan(levels[part])
            values = (levels[part].astype(np.float64) + 1) * ((self.high - self.low) / 2) + self.low
            if kind.kind != "f":
                bounds = np.iinfo(kind)
                values = np.clip(np.rint(values), bounds.min, bounds.max)
            values[absent] = 0 if nodata is None else nodata
            result[part] = values.astype(kind)
        return result

    def rounded(self, levels: np.ndarray) -> np.ndarray:
        """float32 [-1, 1] as it comes back from a written file: integers are rounded. NaN stays."""
        if np.dtype(self.dtype).kind == "f":
            return levels
        half = (self.high - self.low) / 2
        values = np.rint((levels.astype(np.float64) + 1) * half + self.low)
        return ((values - self.low) / half - 1).astype(np.float32)

    def record(self) -> dict[str, Any]:
        """As JSON, for data.json and generator files. A nodata value of NaN is "nan"."""
        found = asdict(self) | {"names": list(self.names)}
        if self.nodata is not None and np.isnan(self.nodata):
            found["nodata"] = "nan"
        return found

    @classmethod
    def of(cls, record: dict[str, Any]) -> "DomainType":
        """From `record`."""
        found = record | {"names": tuple(record.get("names", ()))}
        if found.get("nodata") is not None:
            found["nodata"] = float(found["nodata"])
        return cls(**found)


def is_nodata(array: np.ndarray, nodata: float | None) -> np.ndarray:
    """bool (H, W): the pixels of (H, W, C) where any channel is the nodata value."""
    if nodata is None:
        return np.zeros(array.shape[:2], bool)
    if np.isnan(nodata):
        return np.isnan(array).any(axis=2) if array.dtype.kind == "f" else np.zeros(array.shape[:2], bool)
    return (array == nodata).any(axis=2)


def nan_words(array: np.ndarray, nodata: float | None) -> str:
    """What to do about NaN or infinity in an array: after "contains NaN or infinity, "."""
    if np.isinf(array).any():
        return "which no range can hold; write a number, or NaN, in its place"
    if nodata is None:
        return "which is taken as no value with data.nodata_a or nodata_b = nan"
    return f"where {nodata:g} is no value; write that in its place"
