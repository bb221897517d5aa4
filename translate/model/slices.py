"""The slices of a file of measured values, as a network's inputs."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from translate.image.source import MAX_PIXELS, ImageError
from translate.model.measured import Types
from translate.values import files
from translate.values.array import Values


class Slices:
    """A file, or one image or volume of many files, whose values a model translates.

    nodata: the number that stands for no value, by the file, the caller or the domain. outside: values beyond the
    range in the slices that were read. ImageError for files that can't be read or have other channels.

    series: the files of a DICOM series in order, of which `path` is one; its neighbours are then its files' slices.
    """

    def __init__(
        self,
        path: str | Path,
        types: Types,
        nodata: float | None = None,
        max_pixels: int = MAX_PIXELS,
        series: Sequence[Path] = (),
    ):
        self.path, self.types, self.max_pixels, self.series = Path(path), types, max_pixels, series
        self.header = files.header(self.path)
        if self.header.channels != types.source.channels:
            raise ImageError(f"{_counted(self.header.channels)}, where the model takes {types.source.channels}")
        self.nodata = types.nodata_in(self.header.nodata if nodata is None else nodata)
        self.outside = 0

    @property
    def count(self) -> int:
        return self.header.slices

    @cached_property
    def first(self) -> Values:
        """The first slice, with the coordinates of all."""
        return files.read(self.path, 0, max_pixels=self.max_pixels)

    def inputs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The network's input for each slice: float32 (H, W, C) in [-1, 1], its neighbours as channels, and bool
        (H, W): where it has no data. At the ends of a volume the last slice is repeated."""
        kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        near, last = self.types.neighbours, (len(self.series) or self.count) - 1
        for place in [self.series.index(self.path)] if self.series else range(self.count):
            wanted = [min(max(other, 0), last) for other in range(place - near, place + near + 1)]
            kept = {other: kept[other] if other in kept else self._slice(other) for other in sorted(set(wanted))}
            x = np.concatenate([kept[other][0] for other in wanted], axis=2) if near else kept[place][0]
            yield x, kept[place][1]

    def _slice(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        path, number = (self.series[number], 0) if self.series else (self.path, number)
        own = path == self.path
        array = (self.first if own and not number else files.read(path, number, max_pixels=self.max_pixels)).array
        if own:
            self.outside += self.types.outside(array, self.nodata)
        try:
            return self.types.to_network(array, self.nodata)
        except ValueError as error:
            where = f"slice {number} " if self.count > 1 else ""
            raise ImageError(f"{where}{error}") from error


def _counted(channels: int) -> str:
    return f"{channels} channel{'' if channels == 1 else 's'}"
