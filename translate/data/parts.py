"""Files that hold several images: the slices of volumes, and the windows of pictures that are not resized."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from translate.data.items import Item
from translate.data.settings import DataSettings
from translate.image.source import ImageError
from translate.values import files, series
from translate.values.array import Header


def expand(items: list[Item], settings: DataSettings) -> list[Item]:
    """Each slice and each window of the files as an image of its own. Files that can't be read stay as they are, and
    the scan reports them."""
    found: list[Item] = []
    for item in _with_series(items, settings.neighbours > 0):
        header = _header(item, settings)
        for part in _slices(item, header) if header else [item]:
            found += _windows(part, header, settings.load_size) if header and settings.fit == "windows" else [part]
    return found


def _header(item: Item, settings: DataSettings) -> Header | None:
    kind = files.SUFFIXES.get(files.suffix_of(item.path), "dicom")
    if item.place is not None or item.series or (settings.fit != "windows" and kind == "plain"):
        return None
    try:
        return files.header(item.path)
    except (ImageError, OSError):
        return None


def _with_series(items: list[Item], ordered: bool) -> list[Item]:
    """DICOM files of one series belong together. ordered: they are slices in the order of their places in the body, of
    which each folder then has one series."""
    folders: dict[Path, list[Item]] = {}
    for item in items:
        if item.place is None and files.SUFFIXES.get(files.suffix_of(item.path), "dicom") == "dicom":
            folders.setdefault(item.path.parent, []).append(item)
    found = {id(item): item for item in items}
    for members in folders.values():
        if len(members) == 1:
            continue
        order = tuple(series.series([item.path for item in members])) if ordered else ()
        for item in members:
            whole = series.series_of(item.path)
            place = order.index(item.path) if item.path in order else 0
            found[id(item)] = replace(item, slice=place, series=order, whole=whole)
    return list(found.values())


def _slices(item: Item, header: Header) -> Iterable[Item]:
    if header.slices == 1:
        return [item]
    width = len(str(header.slices))
    return [
        replace(
            item, key=f"{item.key} {place + 1:0{width}d}", name=f"{item.name}, slice {place + 1}", slice=place,
            whole=item.key,
        )
        for place in range(header.slices)
    ]  # fmt: skip


def _windows(item: Item, header: Header, size: tuple[int, int]) -> Iterable[Item]:
    """Windows beside each other, from the top left; what is left at the right and the bottom is not used."""
    height, width = size
    tops, lefts = range(0, header.height - height + 1, height), range(0, header.width - width + 1, width)
    return [
        replace(
            item, key=f"{item.key} y{top} x{left}", name=f"{item.name}, from {left}, {top}",
            window=(top, left, height, width), whole=item.whole or item.key,
        )
        for top in tops
        for left in lefts
    ] or [item]  # smaller than a window, which the scan reports  # fmt: skip
