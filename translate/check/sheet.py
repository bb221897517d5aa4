"""The contact sheet of a check: some images of each domain, and groups of copies, as training sees them."""

from collections.abc import Callable, Sequence

import numpy as np

from translate.check.copies import Group
from translate.check.images import Seen
from translate.data.split import spread
from translate.image import rgb8

COLUMNS, ROWS, GROUPS = 10, 2, 24  # images in a row, rows of a domain, groups of copies
Read = Callable[[Seen], np.ndarray]  # an image as uint8 (H, W, 1 or 3)


def sheet(images: list[Seen], found: list[Group], read: Read, caption: str) -> np.ndarray | None:
    """uint8 (H, W, 3); None if no image can be read."""
    rows, names = [], []
    for letter in "ab":
        own = {id(one.item): one for one in images if one.letter == letter}
        chosen = [own[id(item)] for item in spread([one.item for one in own.values()])[: COLUMNS * ROWS]]
        for start in range(0, len(chosen), COLUMNS):
            rows.append(_row(chosen[start : start + COLUMNS], read))
            names.append(letter if start == 0 else "")
    for leaking in (True, False):
        packed = _packed([group.images for group in found[:GROUPS] if bool(group.leaks) == leaking])
        rows += [_row(row, read) for row in packed]
        names += ["in train and test" if leaking else "copies"] * len(packed)
    kept = [(row, name) for row, name in zip(rows, names, strict=True) if any(image is not None for image in row)]
    if not kept:
        return None
    headings = [""] * COLUMNS
    return rgb8.sheet([row for row, _ in kept], headings=headings, names=[name for _, name in kept], caption=caption)


def _packed(groups: list[list[Seen]]) -> list[list[Seen | None]]:
    """Rows of up to COLUMNS images, groups one after another with an empty place between them."""
    rows: list[list[Seen | None]] = []
    for group in groups:
        group = group[:COLUMNS]
        if rows and len(rows[-1]) + 1 + len(group) <= COLUMNS:
            rows[-1] += [None, *group]
        else:
            rows.append([*group])
    return rows


def _row(chosen: Sequence[Seen | None], read: Read) -> list:
    row: list[np.ndarray | None] = []
    for one in chosen:
        if one is None:
            row.append(None)
            continue
        try:
            row.append(rgb8.thumbnail(read(one)))
        except rgb8.ImageError:
            row.append(None)
    return row + [None] * (COLUMNS - len(row))
