"""The description in a model file: its schema, and the check of types, value ranges and printable texts."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from translate.errors import DAMAGED, UserError
from translate.settings import LETTERS, explain
from translate.system.text import harmless
from translate.values.label_map import LabelMap

Text = Annotated[str, Field(max_length=10_000)]
Pixels = Annotated[int, Field(ge=1, le=65_536)]
Size = Annotated[list[Pixels], Field(min_length=2, max_length=2)]  # height, width
Level = Annotated[int, Field(ge=0, le=255)]


def _plain(value: Any) -> Any:
    """Validates an argument of a network: a JSON number, string, boolean or list of integers."""
    numbers = isinstance(value, list) and all(type(part) is int for part in value)
    if not (numbers or isinstance(value, bool | int | float | str)):
        raise ValueError("should be a number, a word, true, false or a list of whole numbers")
    return value


def _terms(value: Any) -> Any:
    """Validates the licences: {data set: text}; imported files have an empty list."""
    pairs = value.items() if isinstance(value, dict) else [] if value == [] else [(0, 0)]
    if not all(isinstance(part, str) for pair in pairs for part in pair):
        raise ValueError("should be texts by the names of the data sets")
    return value


def _classes(value: str) -> str:
    LabelMap.parse(value)
    return value


Direction = Annotated[str, Field(pattern=f"^([{LETTERS}]2[{LETTERS}]|z2a)$")]
Argument = Annotated[Any, AfterValidator(_plain)]
Licences = Annotated[Any, AfterValidator(_terms)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class Entry(_Part):
    """One network: its name in GENERATORS, LATENT or DISCRIMINATORS and its keyword arguments.

    Of a generator with several target domains: target, the number of this one, and weights, the direction whose tensors
    all of them have.
    """

    network: Text
    arguments: dict[str, Argument]
    from_: Text = Field("a", alias="from")
    to: Text = "b"
    target: int = Field(0, ge=0)
    weights: Direction = "a2b"


class TypeRecord(_Part):
    """The type of a domain of measured values: see translate/values/domain.py.

    neighbours: slices before and after each that an input has as channels, in the order of the slices.
    """

    low: float
    high: float
    channels: int = Field(1, ge=1, le=64)
    dtype: Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32"] = "float32"
    unit: Text = ""
    nodata: float | Literal["nan"] | None = None
    names: list[Text] = Field([], max_length=64)
    neighbours: int = Field(0, ge=0, le=16)

    @model_validator(mode="after")
    def _in_order(self) -> "TypeRecord":
        if not self.low < self.high:
            raise ValueError("low must be smaller than high")
        return self


def _kind_of_side(side: Any) -> str:
    return "typed" if isinstance(side, dict | TypeRecord) else "old"


# Files of older versions have [black, white] of pictures of more than 8 bits, which are seen as 8 bits in training.
Side = Annotated[Annotated[TypeRecord, Tag("typed")] | Annotated[Any, Tag("old")], Discriminator(_kind_of_side)]


class Exported(_Part):
    """The additional fields of an ONNX file. io: type of the images. fixed: (height, width) of all images, if fixed."""

    io: Literal["float", "uint8"]
    fixed: Size | None = None


class Description(_Part):
    """The description of a generator file, and of an ONNX file that was exported from it.

    size: (height, width) of the training, in pixels. background: red, green, blue in 0 to 255. grey: by domain.
    images: seen in training. latent: random numbers per image of a GAN. values: by domain, null for pictures of 8 bits.
    label_map: the classes of a, see translate/values/label_map.py.
    """

    mode: Text = ""
    size: Size = [256, 256]
    background: list[Level] = Field([255, 255, 255], min_length=3, max_length=3)
    grey: dict[str, bool] = {}
    images: int = Field(0, ge=0)
    licences: Licences = {}
    scores: list[Text] = []
    latent: int = Field(1, ge=1, le=1 << 20)
    classes: list[Text] = Field([], max_length=10_000)
    values: dict[Literal["a", "b"], Side] | None = None
    label_map: Annotated[Text, AfterValidator(_classes)] | None = None
    directions: dict[Direction, Entry] = Field(min_length=1)
    discriminators: dict[str, Entry] = {}
    onnx: Exported | None = None


def check(description: dict[str, Any], source: Path | str) -> dict[str, Any]:
    """The description, with unprintable characters in its texts escaped.

    UserError (exit code 5) that names `source` and the first invalid field.
    """
    try:
        Description.model_validate(description)
    except ValidationError as error:
        why = explain(error, Description)
        raise UserError(f"{source} can't be used: in what it says of itself, {why}", DAMAGED) from error
    return harmless(description)


def direction_of(description: dict[str, Any], wanted: str) -> str:
    """The direction that `wanted` names: its own name, or that of the domain it leads to, of which the first is taken.
    Another text is returned as it is, and refused by `entry`."""
    directions, wanted = description["directions"], str(wanted)
    found = [name for name, one in directions.items() if wanted == one.get("to", "b")]
    return wanted if wanted in directions or not found else found[0]
