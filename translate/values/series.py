"""A series of DICOM files, one slice each: sorted by place, with one sentence for what is missing."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from translate.errors import UserError
from translate.image.source import ImageError
from translate.values.numbers import as_image_error

UNEVEN = 0.1  # of the usual distance of two slices


def series(paths: Iterable[Path]) -> list[Path]:
    """The files of one series, sorted along the normal of its slices; without places by their instance numbers.

    UserError for files of several series or sizes, for slices at the same place, and for gaps. ImageError for a file
    that can't be read.
    """
    from translate.values.dicom import _dataset, _shape

    found: list[tuple[Path, Any]] = []
    for path in map(Path, paths):
        with as_image_error():
            found.append((path, _dataset(path)))
    if len(found) < 2:
        return [path for path, _ in found]
    first = found[0]
    for path, dataset in found:
        if dataset.get("SeriesInstanceUID") != first[1].get("SeriesInstanceUID"):
            raise UserError(f"{first[0]} and {path.name} are of two series: put each series into a folder of its own.")
        if _shape(dataset)[:2] != _shape(first[1])[:2]:
            sizes = [f"{_shape(one)[0]} x {_shape(one)[1]}" for one in (first[1], dataset)]
            raise UserError(
                f"{first[0]} has {sizes[0]} pixels and {path.name} has {sizes[1]}: slices of a series have one size."
            )
    places = [_place(dataset, first[1]) for _, dataset in found]
    known = all(place is not None for place in places)
    along = [float(place if known else dataset.get("InstanceNumber") or 0)  # type: ignore[arg-type]
             for place, (_, dataset) in zip(places, found, strict=True)]  # fmt: skip
    order = sorted(range(len(found)), key=lambda number: (along[number], found[number][0].name))
    _refuse_gaps([found[number][0] for number in order], [along[number] for number in order], "mm" if known else "")
    return [found[number][0] for number in order]


def _place(dataset: Any, first: Any) -> float | None:
    """Millimetres along the normal of the first file's slice."""
    if dataset.get("ImagePositionPatient") is None or first.get("ImageOrientationPatient") is None:
        return None
    with as_image_error():
        orientation = np.array(first.ImageOrientationPatient, float)
        normal = np.cross(orientation[:3], orientation[3:])
        return float(normal @ np.array(dataset.ImagePositionPatient, float))


def _refuse_gaps(paths: list[Path], along: list[float], unit: str) -> None:
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    for number, gap in enumerate(gaps):
        pair = f"{paths[number]} and {paths[number + 1].name}"
        if gap <= 1e-3 * max(usual, 1e-3):
            raise UserError(f"{pair} lie at the same place: a series has one slice at each.")
        if abs(gap - usual) > UNEVEN * usual:
            far = f"{gap:g} {unit}".strip()
            missing = round(gap / usual) - 1
            lacks = f"{missing} slice{'s are' if missing > 1 else ' is'} missing" if missing > 0 else "they are uneven"
            raise UserError(f"{pair} are {far} apart and the others {usual:g}: {lacks}; a volume needs even slices.")


def series_of(path: Path) -> str:
    """The identifier of the series that a DICOM file is of; "" where it has none or can't be read."""
    from translate.values.dicom import _dataset

    try:
        with as_image_error():
            return str(_dataset(path).get("SeriesInstanceUID") or "")
    except ImageError:
        return ""
