"""Folders of label maps and of the pictures that belong to them, drawn from numbers."""

from pathlib import Path

import numpy as np
from data_files import silent
from PIL import Image

from translate.data import Data, DataSettings, open_data

COLOURS = {0: (255, 255, 255), 1: (200, 30, 30), 2: (30, 60, 220), 7: (20, 160, 60)}  # of classes
IDS = tuple(COLOURS)
HEXES = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in COLOURS.values()]
PALETTE = [level for colour in COLOURS.values() for level in colour]


def draw(number: int, side: int = 24) -> np.ndarray:
    """A label map, uint8 (side, side): rectangles of the classes 1, 2 and 7 on 0."""
    random = np.random.default_rng(number)
    ids = np.zeros((side, side), np.uint8)
    for one in IDS[1:]:
        top, left = random.integers(0, side // 2, 2)
        height, width = random.integers(side // 4, side // 2, 2)
        ids[top : top + height, left : left + width] = one
    return ids


def coloured(ids: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) of the classes' colours."""
    table = np.zeros((256, 3), np.uint8)
    for one, colour in COLOURS.items():
        table[one] = colour
    return table[ids]


def save(ids: np.ndarray, path: Path, kind: str) -> None:
    """kind: ids (grey), colours (RGB), or palette (indices)."""
    image = Image.fromarray(coloured(ids) if kind == "colours" else ids)
    if kind == "palette":
        image = Image.fromarray(ids, "P")
        image.putpalette([level for one in range(256) for level in COLOURS.get(one, (0, 0, 0))])
    image.save(path)


def picture(ids: np.ndarray) -> Image.Image:
    """What a label map shows: each class in other colours, shaded from left to right."""
    shade = np.linspace(0.5, 1, ids.shape[1])[None, :, None]
    return Image.fromarray((coloured(ids)[..., ::-1] * shade).astype(np.uint8))


def folders(root: Path, kind: str = "ids", count: int = 24, side: int = 24) -> tuple[Path, Path]:
    """root/labels and root/pictures: `count` pairs of PNG files with the same names."""
    found = root / "labels", root / "pictures"
    for folder in found:
        folder.mkdir(parents=True)
    for number in range(count):
        ids = draw(number, side)
        save(ids, found[0] / f"{number:03d}.png", kind)
        picture(ids).save(found[1] / f"{number:03d}.png")
    return found


def opened(folders: tuple[Path, Path], label_map: str = "yes", say=silent, **settings) -> Data:
    """The data of label maps and pictures, at 16 px."""
    made = DataSettings(size=16, load=1.0, label_map=label_map, **settings)
    return open_data(*map(str, folders), made, paired=True, seed=0, say=say)
