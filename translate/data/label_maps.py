"""Domain A as label maps: whether it is, and its classes, found over all files."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np

from translate.catalog import Folder
from translate.data.items import Item
from translate.data.reader import LabelReader, Reader
from translate.data.settings import COLOUR, DataSettings
from translate.errors import UserError
from translate.image.source import ImageError
from translate.values import files, label_map
from translate.values.label_map import MOST, LabelMap

FEW = 1e-4  # share of all pixels below which a class is probably a mistake

HOW = "give the colours with --set data.label_map=nearest:#rrggbb,#rrggbb, and pixels of others become the nearest"


def reader(
    items: list[Item], folder: Folder | None, settings: DataSettings, paired: bool, say: Callable[[str], None]
) -> LabelReader | None:
    """The reader of domain A if it is of label maps, else None. folder: of a recipe. UserError where they can't be."""
    palette = folder.recipe.palette if folder and paired else []
    if settings.label_map == "no" or (settings.label_map == "auto" and not palette):
        return None
    if not paired:
        raise UserError(
            f"data.label_map = {settings.label_map}: label maps are for modes of pairs; set it to no for others."
        )
    for change in settings.colour_changes:
        raise UserError(f"data.{change} would change the classes of a, whose colours they are; set it to 0.")
    known = ",".join(palette) if settings.label_map in ("auto", "yes") and palette else settings.label_map
    plain = Reader.of(settings, COLOUR)
    found = _found(items, plain, say) if known == "yes" else LabelMap.parse(known)
    named = "" if known == "yes" else f": {found}"
    say(f"a: label maps of {len(found.colours)} classes{named} (data.label_map)")
    return LabelReader.of(settings, COLOUR, map=found)


def _found(items: list[Item], plain: Reader, say: Callable[[str], None]) -> LabelMap:
    """The classes by the colours, or grey levels, of all files. Files that can't be read are left to the scan.
    UserError for too many."""

    def one(item: Item) -> tuple[np.ndarray, np.ndarray] | None:
        try:
            if item.place is None and (kind := files.header(item.path).dtype) != "uint8":
                raise UserError(f"{item.name} holds {kind}, where a label map has 8 bits a channel.")
            return np.unique(label_map.packed(plain.whole(item)), return_counts=True)
        except (ImageError, OSError):
            return None

    totals: dict[int, int] = {}
    with ThreadPoolExecutor(cpu_count()) as threads:
        for item, counted in zip(items, threads.map(one, items), strict=True):
            if counted is None:
                continue
            for value, count in zip(*counted, strict=True):
                totals[int(value)] = totals.get(int(value), 0) + int(count)
            if len(totals) > MOST:
                mine, counts = counted
                raise UserError(
                    f"{item.name} brings the colours of the label maps to {len(totals):,}, such as "
                    f"#{mine[counts.argmin()]:06x}, and there can be {MOST} classes; are edges smoothed, or is it a "
                    f"JPEG? Save it without, or {HOW}."
                )
    if len(totals) < 2:
        raise UserError("the label maps of a hold one colour only, where there should be one for each class.")
    values = sorted(totals)
    grey = all(value & 255 == value >> 8 & 255 == value >> 16 for value in values)
    names = {value: str(value & 255) if grey else f"#{value:06x}" for value in values}
    shares = {value: totals[value] / sum(totals.values()) for value in values}
    say("   " + ", ".join(f"{names[value]} {shares[value]:.1%}" for value in values))
    if rare := [names[value] for value in values if shares[value] < FEW]:
        say(f"   few pixels have {', '.join(rare)}: if edges are smoothed, {HOW}")
    return LabelMap.parse(",".join(names[value] for value in values))
