"""Settings of recipes whose images aren't files of their own: tiles, characters of fonts, arrays; and of classes."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from translate.settings import Settings


class Tiles(Settings):
    """Cutting one large map into tiles. Columns are grouped in blocks that never overlap, so that a block can be
    held out without its neighbours having been seen."""

    mask: str = Field(description="file in the archive: a picture of the same part of the Earth, of any size; or, with "
                      "mask_shape, gzip of one byte a cell, 0 sea, 1 land, 2 lake, south first")  # fmt: skip
    mask_shape: tuple[int, int] | None = Field(None, description="rows and columns of a mask of bytes")
    land: Literal["dark", "bright"] = Field("bright", description="what land is in a mask that is a picture")
    size: int = Field(description="side of a tile in pixels", gt=0)
    step: int = Field(description="from one tile to the next; smaller than size: they overlap inside a block", gt=0)
    block: int = Field(description="width of a block of columns in pixels", gt=0)
    rows: tuple[int, int] = Field(description="first and last pixel row used (the polar ice is blank)")
    least_land: float = Field(description="share of land that a tile has more than")
    white: int = Field(255, ge=1, le=255, description="the map's value that becomes white, for a map that is dark")
    test_blocks: list[str] = Field(description="blocks that are held out, for example B03")

    @model_validator(mode="after")
    def _blocks_fit(self) -> Self:
        if self.block < self.size:
            raise ValueError(f"block = {self.block} must be at least as wide as a tile, {self.size}")
        return self


class Glyphs(Settings):
    """Drawing characters of a font, black on white, all of them at the same scale."""

    size: int = Field(128, ge=8, le=1024, description="side of a picture in pixels")
    characters: list[str] = Field([], description="code points such as 0041 and ranges such as 4E00-9FFF, of which the "
                                  "font's are drawn; empty: all that it has")  # fmt: skip
    margin: float = Field(0.06, ge=0, le=0.4, description="share of the side that stays empty at each edge")

    @field_validator("characters")
    @classmethod
    def _ranges(cls, characters: list[str]) -> list[str]:
        for text in characters:
            if not re.fullmatch("[0-9A-Fa-f]{4,6}(-[0-9A-Fa-f]{4,6})?", text):
                raise ValueError(f"{text!a:.40} is not a code point such as 0041 or a range such as 4E00-9FFF")
        return characters

    def wants(self, code: int) -> bool:
        """Whether the character of this code point is drawn, if the font has it."""
        ranges = [text.split("-") for text in self.characters]
        return not ranges or any(int(ends[0], 16) <= code <= int(ends[-1], 16) for ends in ranges)


class Arrays(Settings):
    """A set of small labelled images of one size, read by one of torchvision's data sets. It is cached as one file,
    because tens of thousands of small files would take minutes to read."""

    loader: Literal["MNIST", "FashionMNIST", "CIFAR10"] = Field(description="which class of torchvision.datasets")
    classes: list[str] = Field(description="names of the classes 0, 1, ...", min_length=2)
    test: int = Field(description="how many of the last images are the set's own test images", gt=0)


class Groups(Settings):
    """Classes of drawings by key, from a table in the package: a JSON list with one object per drawing."""

    file: str = Field(description="the table's name in the archive")
    key: str = Field(description="which member is the code points")
    name: str = Field(description="which member is the class")
    leave_out: list[str] = Field([], description="classes that aren't used")
