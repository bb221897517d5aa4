"""Settings of the data: size, fit, augmentation, split, cache."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from translate.image.raw import parse_range, percentiles, range_words
from translate.settings import Settings
from translate.values.label_map import LabelMap

PILLOW_LIMIT = 178_956_970  # Pillow refuses to open larger images
NAMED_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}
MOST_CHANNELS = 64
COLOUR = 3  # channels of pictures of 8 bits
COLOUR_CHANGES = ("brightness", "contrast", "saturation", "hue")


class DataSettings(Settings):
    """How images are resized, augmented and split. The defaults are the papers', scaled to the size."""

    size: tuple[int, int] = Field((256, 256), description='height and width of the images: 256, or "256x512"')
    load: float = Field(1.117, ge=1, le=4, description="images are resized to size * load, then cropped to size at "
                        "random (the papers: 286 / 256); 1 switches the cropping off")  # fmt: skip
    fit: Literal["stretch", "cover", "windows"] = Field("stretch", description="how an image of another shape is "
                        "brought to the size: stretched (the papers); cover: filling it, with what juts out cut off; "
                        "windows: not resized, but cut into windows of size * load pixels, each an image of its "
                        "own, read from the file when it is needed")  # fmt: skip
    empty: float = Field(0.5, ge=0, le=1, description="windows of which more than this share has no data, or that "
                        "are of one value, are not trained on")  # fmt: skip
    ground_a: str = Field("auto", description="values of a that are ground beside what is of interest, such as 230:255 "
                          "for the glass of a slide: where all channels lie there, a pixel counts as without data for "
                          "data.empty; auto: none")  # fmt: skip
    ground_b: str = Field("auto", description="likewise for b")
    neighbours: int = Field(0, ge=0, le=16, description="slices of a volume before and after each that are added to "
                        "the input as channels (2.5D); at a volume's ends the last slice is repeated")  # fmt: skip
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
    channels_a: int = Field(0, ge=0, le=MOST_CHANNELS, description="3 for colour, 1 for grey; 0: 3 for pictures of 8 "
                            "bits, and for measured values as many as the files have, at most 64")  # fmt: skip
    channels_b: int = Field(0, ge=0, le=MOST_CHANNELS, description="likewise for b")
    range_a: str = Field("auto", description="values of a that the networks see as -1 and 1, where its files hold "
                         "floats or more than 8 bits: 0:4095, or percentiles over all files: 0.5%:99.5%; auto: "
                         "found over all files. Values outside are cut off")  # fmt: skip
    range_b: str = Field("auto", description="likewise for b")
    nodata_a: str = Field("auto", description="the number in files of a that stands for no value, such as -9999 or "
                          "nan; auto: what the files say. Such pixels count in no loss and no score")  # fmt: skip
    nodata_b: str = Field("auto", description="likewise for b")
    unit_a: str = Field("", max_length=20, description="of the values of a, such as HU; empty: what the files say")
    unit_b: str = Field("", max_length=20, description="likewise for b")
    show_a: str = Field("auto", description="the channels of a that sheets show as red, green and blue, or the one in "
                        "grey: 4,3,2; auto: the first three, or the first")  # fmt: skip
    show_b: str = Field("auto", description="likewise for b")
    window_a: str = Field("auto", description="the values of a that sheets show as black and white, such as "
                          "-160:240; auto: those of range_a")  # fmt: skip
    window_b: str = Field("auto", description="likewise for b")
    label_map: str = Field("auto", description="whether a holds label maps, whose colours are classes: yes: each "
                           "colour, or where all are grey each level, is one; colours, such as #ff0000,#00ff00, or "
                           "levels, such as 0,1,2: these are, and others are refused; nearest:#ff0000,#00ff00: these "
                           "are, and pixels of other colours become the nearest; no; auto: what a named set says, else "
                           "no")  # fmt: skip
    balance: str = Field("", description="train on all classes of a domain equally often: class takes the names of "
                         "its sub-folders, or a CSV file of lines file,class; empty: as many as there are")  # fmt: skip
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
    def _two_numbers_or_percentiles(cls, value: str) -> str:
        try:
            if percentiles(value):
                return value.replace(" ", "")
            span = parse_range(value)
        except ValueError:
            raise ValueError(
                "should be auto, two numbers such as 0:4095, or percentiles such as 0.5%:99.5%, the smaller one first"
            ) from None
        return range_words(span) if span else "auto"

    @field_validator("window_a", "window_b", "ground_a", "ground_b")
    @classmethod
    def _two_numbers(cls, value: str) -> str:
        try:
            span = parse_range(value)
        except ValueError:
            raise ValueError("should be auto, or two numbers such as -160:240, the smaller one first") from None
        return range_words(span) if span else "auto"

    @field_validator("nodata_a", "nodata_b", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, str) and value.strip().lower() == "auto":
            return "auto"
        try:
            return f"{float(value):.17g}"
        except ValueError:
            raise ValueError("should be auto, or a number such as -9999 or nan") from None

    @field_validator("show_a", "show_b", mode="before")
    @classmethod
    def _channel_numbers(cls, value: Any) -> Any:
        numbers = str(value).replace(" ", "")
        if numbers.lower() != "auto" and not re.fullmatch(r"[1-9]\d?(,[1-9]\d?,[1-9]\d?)?", numbers):
            raise ValueError("should be auto, or one or three numbers of channels, counted from 1, such as 4,3,2")
        return numbers.lower()

    @field_validator("label_map", mode="before")
    @classmethod
    def _classes(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "yes" if value else "no"
        text = str(value).strip().lower()
        return text if text in ("auto", "yes", "no") else str(LabelMap.parse(text))

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
    def colour_changes(self) -> list[str]:
        """The names of the settings by which colours of inputs are changed, that are on."""
        return [name for name in COLOUR_CHANGES if getattr(self, name)]

    def of_domain(self, name: str, letter: str) -> Any:
        """The setting `name`_`letter`, such as range_a; for domains after b, which have none of their own, the default,
        and channels_a."""
        if letter in "ab":
            return getattr(self, f"{name}_{letter}")
        return self.channels_a if name == "channels" else type(self).model_fields[f"{name}_a"].default

    @property
    def palette(self) -> list[int]:
        """Red, green and blue of each class of label maps in turn; [] where they aren't known, or a has none."""
        return LabelMap.parse(self.label_map).palette if self.label_map not in ("auto", "yes", "no") else []

    @property
    def channels(self) -> tuple[int, int]:
        """Of the networks' images of a and b, where the settings don't leave them to the data."""
        a, b = self.channels_a or COLOUR, self.channels_b or COLOUR
        return a * (2 * self.neighbours + 1), b

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
