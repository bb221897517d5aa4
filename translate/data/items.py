"""What the other files of this package pass around: one image (Item), one thing that is wrong (Problem)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Part = Literal["", "left", "right"]


@dataclass
class Item:
    """One image that is used. What is known only after reading it is filled in by the scan."""

    key: str  # what it is called in its set: the relative path without suffix, or a recipe's key
    path: Path
    name: str = ""  # folder and relative path, as a person knows it
    part: Part = ""  # half of a side-by-side file
    height: int = 0  # as stored, upright, before any resizing; of the half where `part` is set
    width: int = 0
    digest: str = ""  # SHA-256 of the file
    place: int | None = None  # number inside the file, where that is one array of many images
    label: str = ""  # its class, where the images have labels


class Problem(NamedTuple):
    """Something a person should know about the data before training begins."""

    kind: Literal["unreadable", "pair", "name", "size", "blank", "label", "passed over"]
    text: str  # names the file and says what is wrong and what became of it

    def __str__(self) -> str:
        return self.text


HEADINGS = {
    "unreadable": "not usable as images and left out",
    "pair": "without a partner that fits and left out",
    "name": "names that clash",
    "size": "of different size within a pair, each resized on its own",
    "label": "without a class and left out",
    "passed over": "passed over, since no image's name ends so, in",
    "blank": "of nearly one colour, which makes gradients explode in instance normalisation",
}
LISTED = 20
LEFT_OUT = ("unreadable", "pair", "label")  # kinds that cost an image


def report(problems: list[Problem]) -> list[str]:
    """All problems in one go, by kind: up to 20 of each, and how many more there are."""
    lines = []
    for kind, heading in HEADINGS.items():
        texts = [problem.text for problem in problems if problem.kind == kind]
        if texts:
            what = {"name": "File ", "passed over": "Files "}.get(kind, "Images, ")
            lines.append(f"{what}{heading} ({len(texts):,}):" if kind != "passed over" else f"{what}{heading}")
            lines += [f"  {text}" for text in texts[:LISTED]]
            if len(texts) > LISTED:
                lines.append(f"  ... and {len(texts) - LISTED:,} more (all of them are in the run folder's data.json)")
    return lines
