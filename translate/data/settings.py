"""Settings of the data: size, fit, augmentation, split, cache."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from translate.image.raw import parse_range, range_words
from translate.settings import Settings

PILLOW_LIMIT = 178_956_970  # Pillow refuses to open larger images
NAMED_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}


class DataSettings(Settings):
    """How images are resized, augmented and split. The defaults are the papers', scaled to the size."""

    size: tuple[int, int] = Field((256, 256), description='height and width of the images: 256, or "256x512"')
    load: float = Field(1.117, ge=1, le=4, description="images are resized to size * load, then cropped to size at "
                        "random (the papers: 286 / 256); 1 switches the cropping off")  # fmt: skip
    fit: Literal["stretch", "cover"] = Field("stretch", description="how an image of another shape is brought to the "
                        "size: stretched (the papers), or filling it, with what juts out cut off")  # fmt: skip
    interpolation: Literal["bicubic", "lanczos", "area"] = Field("bicubic", description="filter for resizing; all "
                        "three are antialiased")  # fmt: skip
    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirror image")
    rotate: float = Field(0.0, ge=0, le=180, description="rotation by up to so many degrees either way")
    brightness: float = Field(0.0, ge=0, le=1, description="change of brightness by up to this share; input only")
    contrast: float = Field(0.0, ge=0, le=1, description="change of contrast by up to this share; input only")
    saturation: float = Field(0.0, ge=0, le=1, description="change of saturation by up to this share; input only")
    hue: float = Field(0.0, ge=0, le=0.5, description="change of hue by up to this share of the circle; input only")
    augment_on: Literal["auto", "cpu", "device"] = Field("auto", description="where images are cropped, mirrored, "
                        "turned and recoloured: cpu, one by one, or device, whole batches where the training runs; "
                        "each draws other random numbers. auto: device on CUDA when the decoded images fit into a "
                        "quarter of its free memory, else cpu")  # fmt: skip
    background: str = Field("white", description="colour under transparency: white, black or #rrggbb")
    channels_a: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")
    channels_b: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")
    range_a: str = Field("auto", description="values of a that are black and white, where its files hold floats or "
                         "more than 8 bits, as 0:4095; auto: found over all of its files")  # fmt: skip
    range_b: str = Field("auto", description="likewise for b")
    test_percent: int = Field(10, ge=1, le=50, description="share of the images that is kept for testing, where the "
                        "folders don't say which are")  # fmt: skip
    labels: str = Field("", description="classes for GANs: auto (the data set's own, or the names of the sub-folders), "
                        "or a CSV file of lines file,class; empty for none")  # fmt: skip
    max_images: int = Field(0, ge=0, description="use only so many training images of each side; 0 for all")
    side_by_side: Literal["auto", "yes", "no"] = Field("auto", description="each file holds a pair, input left and "
                        "output right; auto: if a and b are one folder of files twice as wide as high")  # fmt: skip
    cache: Literal["auto", "ram", "none"] = Field("auto", description="keep the decoded images in memory; auto: when "
                        "they take less than a quarter of what is free")  # fmt: skip
    max_pixels: int = Field(64_000_000, ge=1, le=PILLOW_LIMIT, description="larger images are refused undecoded")
    strict: bool = Field(False, description="refuse to run when an image can't be read or a pair doesn't fit, instead "
                        "of leaving it out")  # fmt: skip

    @field_validator("size", mode="before")
    @classmethod
    def _height_and_width(cls, value: Any) -> Any:
        if isinstance(value, str):
            parts = re.fullmatch(r"\s*(\d+)\s*(?:[x×,]\s*(\d+)\s*)?", value)
            if parts is None:
                raise ValueError('should be a number such as 256, or height x width such as "256x512"')
            value = [int(part) for part in parts.groups() if part is not None]
        if isinstance(value, int) and not isinstance(value, bool):
            value = [value]
        if isinstance(value, list | tuple) and len(value) == 1:
            value = [value[0], value[0]]
        return value

    @field_validator("size")
    @classmethod
    def _sensible(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 4 or max(value) > 8192:
            raise ValueError("height and width should be from 4 to 8192")
        return value

    @field_validator("range_a", "range_b")
    @classmethod
    def _two_numbers(cls, value: str) -> str:
        try:
            span = parse_range(value)
        except ValueError:
            raise ValueError("should be auto, or two numbers such as 0:4095, the smaller one first") from None
        return range_words(span) if span else "auto"

    @field_validator("background")
    @classmethod
    def _colour_name(cls, value: str) -> str:
        value = value.strip().lower()
        if value not in NAMED_COLOURS and not re.fullmatch("#[0-9a-f]{6}", value):
            raise ValueError("should be white, black or a colour such as #7f7f7f")
        return value

    @model_validator(mode="after")
    def _colour_changes_need_colour(self) -> "DataSettings":
        if self.channels_a == 1 and (self.saturation or self.hue):
            raise ValueError("saturation and hue change colours, but channels_a is 1; set them to 0")
        return self

    @property
    def load_size(self) -> tuple[int, int]:
        """Height and width to which training images are resized before the crop."""
        height, width = (max(side, round(side * self.load)) for side in self.size)
        return height, width

    @property
    def background_rgb(self) -> tuple[int, int, int]:
        if self.background in NAMED_COLOURS:
            return NAMED_COLOURS[self.background]
        red, green, blue = (int(self.background[at : at + 2], 16) for at in (1, 3, 5))
        return red, green, blue
