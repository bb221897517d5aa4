"""Translation between domains of measured values: arrays of numbers with units in, arrays of numbers with units out."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from translate.errors import UserError
from translate.image.picture import PEAKS
from translate.image.raw import Range, blocks, range_words
from translate.model.arrays import refuse_empty, refuse_outside
from translate.values.array import Values
from translate.values.domain import FILL, DomainType, is_nodata

PICTURES = DomainType(0, 255, 3, "uint8")  # the type of a side of pictures of 8 bits
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")


@dataclass(frozen=True)
class Types:
    """The types of one direction's input and output.

    source, target: pictures of 8 bits have a type too. neighbours: slices before and after each that the input has as
    channels. pictures: whether the input's (output's) side is of 8-bit pictures.
    """

    source: DomainType
    target: DomainType
    neighbours: int = 0
    pictures: tuple[bool, bool] = (False, False)

    @property
    def channels(self) -> int:
        """Of the network's input: those of all slices that it sees at once."""
        return self.source.channels * (1 + 2 * self.neighbours)

    # Values and the network's numbers ---------------------------------------------------------------------------------

    def to_network(self, array: np.ndarray, nodata: float | None) -> tuple[np.ndarray, np.ndarray]:
        """(H, W, C) of values → (float32 (H, W, C) in [-1, 1], bool (H, W): where there are no data, and the network
        sees FILL, as in training). ValueError for NaN and infinity that aren't `nodata`."""
        levels = self.source.to_network(array, nodata)
        absent = np.isnan(levels[..., 0])
        levels[absent] = FILL
        return levels, absent

    def from_network(self, levels: np.ndarray, absent: np.ndarray, nodata: float | None) -> np.ndarray:
        """float32 (H, W, C) in [-1, 1] → (H, W, C) of the output's dtype, with `nodata` where `absent` (H, W).

        A value that happens to equal an integer `nodata` becomes the next one.
        """
        if absent.any():
            levels = np.where(absent[..., None], np.float32(np.nan), levels)
        result = self.target.from_network(levels, nodata)
        if nodata is not None and result.dtype.kind != "f":
            away = nodata + (1 if nodata < np.iinfo(result.dtype).max else -1)
            result[(result == nodata) & ~absent[..., None]] = away
        return result

    def nodata_in(self, declared: float | None) -> float | None:
        """The number that means "no value" in an input. declared: what the file or the caller says."""
        return self.source.nodata if declared is None else declared

    def nodata_out(self, nodata_in: float | None) -> float | None:
        """The number that means "no value" in the output of an input that has such a number (or None).

        The output domain's own; else NaN in floats, and in integers the input's where it fits, or the lowest.
        """
        kind = np.dtype(self.target.dtype)
        if self.target.nodata is not None or nodata_in is None:
            return self.target.nodata
        if kind.kind == "f":
            return float("nan")
        bounds = np.iinfo(kind)
        fits = float(nodata_in).is_integer() and bounds.min <= nodata_in <= bounds.max
        return float(nodata_in if fits else bounds.min)

    def outside(self, array: np.ndarray, nodata: float | None) -> int:
        """How many values of (H, W, C) lie outside of the input's range, those without data left out."""
        count = 0
        for part in blocks(array.shape):
            block = array[part]
            beyond = (block < self.source.low) | (block > self.source.high)
            beyond[is_nodata(block, nodata)] = False
            count += int(beyond.sum())
        return count

    def with_range(self, span: Range | None) -> "Types":
        """With other values for -1 and 1 of the input; None: the model's."""
        return self if span is None else replace(self, source=replace(self.source, low=span[0], high=span[1]))

    @property
    def cut_off(self) -> str:
        """The note on values outside of the range."""
        unit = f" {self.source.unit}" if self.source.unit else ""
        return f"values outside {range_words((self.source.low, self.source.high))}{unit} were cut off"

    @property
    def words(self) -> list[str]:
        """A line about the input and one about the output."""
        lines = []
        for name, kind in (("in", self.source), ("out", self.target)):
            unit = f" {kind.unit}" if kind.unit else ""
            channels = f"{kind.channels} channel{'' if kind.channels == 1 else 's'}"
            absent = "" if kind.nodata is None else f", {kind.nodata:g} is no value"
            lines.append(f"{name}: {channels} of {kind.dtype}, {range_words((kind.low, kind.high))}{unit}{absent}")
        return lines

    def like(self, source: Values, array: np.ndarray, nodata: float | None) -> Values:
        """The output of `source`: its coordinates, and the target domain's unit and names."""
        return replace(
            source, array=array, nodata=nodata, unit=self.target.unit, names=self.target.names, notes=list(source.notes)
        )

    # Python's arrays and tensors --------------------------------------------------------------------------------------

    @staticmethod
    def of_levels(levels: np.ndarray) -> np.ndarray:
        """Levels of a picture, uint8, uint16 or float32 in [0, 1] → float32 in [-1, 1]."""
        return levels.astype(np.float32) / np.float32(PEAKS[levels.dtype.name] / 2) - np.float32(1)

    def taken(self, image: Any, nodata: float | None) -> tuple[np.ndarray, np.ndarray]:
        """`to_network` of an array or tensor of values; UserError for other shapes, dtypes and values."""
        tensor = type(image).__module__ == "torch"
        array = image.detach().cpu().numpy() if tensor else np.asarray(image)
        shape, dtype = array.shape, array.dtype
        if tensor and array.ndim == 3:
            array = array.transpose(1, 2, 0)
        elif not tensor and array.ndim == 2:
            array = array[..., None]
        if dtype.name == "float64":
            array = array.astype(np.float32)
        if array.dtype.name not in DTYPES or array.ndim != 3 or array.shape[2] != self.channels:
            raise UserError(f"{self._wanted(tensor)}, not {dtype} of {shape}.")
        refuse_empty(array)
        number = self.nodata_in(nodata)
        present = array[~is_nodata(array, number)]
        if present.size:
            refuse_outside(present, self.source.low, self.source.high, "an array for this model")
        return self.to_network(array, number)

    def _wanted(self, tensor: bool) -> str:
        slices = f" ({1 + 2 * self.neighbours} slices of {self.source.channels} each)" if self.neighbours else ""
        plain = "(H, W) or " if self.channels == 1 and not tensor else ""
        shape = f"({self.channels}, H, W)" if tensor else f"{plain}(H, W, {self.channels})"
        what = "a tensor" if tensor else "an array"
        return f"{what} for this model must be of integers of 8 to 32 bits or of floats, of shape {shape}{slices}"

    def given(self, result: np.ndarray, like: Any) -> Any:
        """The result, (H, W, C) of values, in the type and layout of the input `like`."""
        if type(like).__module__ == "torch":
            import torch

            return torch.from_numpy(np.ascontiguousarray(result.transpose(2, 0, 1))).to(like.device)
        flat = isinstance(like, np.ndarray) and like.ndim == 2 and result.shape[2] == 1
        return result[..., 0] if flat else result


def measured(description: dict[str, Any], direction: str) -> Types | None:
    """The types of a checked description's direction, 'a2b' or 'b2a'; None if both sides are pictures of 8 bits.

    ValueError when they don't fit the network's channels.
    """
    values = description.get("values") or {}
    arguments = description["directions"][direction]["arguments"]
    records = [values.get(side) if isinstance(values.get(side), dict) else None for side in direction.split("2")]
    if not any(records):
        return None
    types = []
    for record, channels in zip(records, (arguments.get("in_channels"), arguments.get("out_channels")), strict=True):
        known = {field.name for field in fields(DomainType)}
        kept = {name: value for name, value in (record or {}).items() if name in known}
        if record is None and channels not in (1, 3):
            raise ValueError(f"pictures of 8 bits with {channels} channels")
        types.append(DomainType.of(kept) if record else replace(PICTURES, channels=channels))
    found = Types(types[0], types[1], (records[0] or {}).get("neighbours", 0), (records[0] is None, records[1] is None))
    if (found.channels, found.target.channels) != (arguments.get("in_channels"), arguments.get("out_channels")):
        raise ValueError("domains of other numbers of channels than the network")
    return found


def fits(description: dict[str, Any], direction: str) -> bool:
    """Whether the network of a direction has the channels of its domains; pictures of 8 bits have 1 or 3."""
    arguments = description["directions"][direction]["arguments"]
    try:
        found = measured(description, direction)
    except (ValueError, TypeError):
        return False
    return found is not None or all(arguments.get(f"{end}_channels") in (1, 3) for end in ("in", "out"))
