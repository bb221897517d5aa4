"""The records used throughout this package: one image (Item) and one problem with the data (Problem)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Part = Literal["", "left", "right"]


@dataclass
class Item:
    """One image that is used. The scan fills in the fields that need the file to be read."""

    key: str  # its name in the data set: the relative path without suffix, or a recipe's key
    path: Path
    name: str = ""  # folder and relative path, for messages
    part: Part = ""  # half of a side-by-side file
    height: int = 0  # as stored, upright, before resizing; of the half if `part` is set
    width: int = 0
    digest: str = ""  # SHA-256 of the file
    place: int | None = None  # index inside the file, if the file is an array of many images
    slice: int = 0  # of a volume or stack
    window: tuple[int, int, int, int] | None = None  # top, left, height, width in the file; None: all of it
    whole: str = ""  # the key of the file or series that it is a part of, if there are several parts
    series: tuple[Path, ...] = ()  # one file for each slice, instead of one file of all of them
    label: str = ""  # its class, if the images have labels

    @property
    def several(self) -> bool:
        """Whether its file holds other images too."""
        return self.place is not None or bool(self.whole)


class Problem(NamedTuple):
    """A problem with the data, reported before training starts."""

    kind: Literal["unreadable", "pair", "name", "size", "blank", "label", "passed over", "empty"]
    text: str  # names the file, the problem and what was done about it

    def __str__(self) -> str:
        return self.text


HEADINGS = {
    "unreadable": "not usable as images and left out",
    "pair": "without a partner that fits and left out",
    "name": "names that clash",
    "size": "of different size within a pair, each resized on its own",
    "label": "without a class and left out",
    "passed over": "passed over, since no image's name ends so, in",
    "empty": "of one value, or mostly without values (data.empty), and left out",
    "blank": "of nearly one colour, which makes gradients explode in instance normalisation",
}
LISTED = 20
LEFT_OUT = ("unreadable", "pair", "label")  # kinds of problem for which an image is left out


def heading(kind: str) -> str:
    """The heading of a kind of problem: "Images, not usable as images and left out"."""
    return {"name": "File ", "passed over": "Files "}.get(kind, "Images, ") + HEADINGS[kind]


def report(problems: list[Problem]) -> list[str]:
    """All problems by kind: up to 20 of each, and the number of further ones."""
    lines = []
    for kind in HEADINGS:
        texts = [problem.text for problem in problems if problem.kind == kind]
        if texts:
            lines.append(f"{heading(kind)} ({len(texts):,}):" if kind != "passed over" else heading(kind))
            if kind == "empty":  # ground beside what is measured: as it should be
                lines[-1] = lines[-1].removesuffix(":")
                continue
            lines += [f"  {text}" for text in texts[:LISTED]]
            if len(texts) > LISTED:
                lines.append(f"  ... and {len(texts) - LISTED:,} more (a training lists all of them in its data.json)")
    return lines
