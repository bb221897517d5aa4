"""The options of a conversion, and the parsers of their texts."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import translate
from translate.errors import UserError
from translate.image import rgb8
from translate.image.picture import FORMATS
from translate.image.raw import Range, parse_range
from translate.model import checks
from translate.model.rules import Rules
from translate.values.files import SUFFIXES


@dataclass(frozen=True)
class Options:
    """See `translate convert --help`. batch, workers: 0 chooses a value. suffix: '.png' etc.; '' keeps each file's."""

    model: str
    sources: tuple[str, ...]
    out: Path
    direction: str = "a2b"
    rules: Rules = field(default_factory=Rules)
    suffix: str = ""
    quality: int = 95
    batch: int = 0
    workers: int = 0
    precision: str = "fp32"
    device: str = "auto"
    backend: str = "auto"
    stochastic: bool = False
    seed: int = 0
    max_pixels: int = rgb8.MAX_PIXELS
    overwrite: bool = False
    compare: bool = False
    dry_run: bool = False
    values: Range | None = None  # (black, white) of files of floats and of 16 and 32 bits; None: the model's
    norms: str = "auto"  # statistics of images larger than memory: exact, sample, or auto

    def check(self, measured: bool) -> None:
        """UserError for options that don't go with a model of measured values, or of pictures (not `measured`)."""
        if measured:
            self.rules.refuse_for_values()
        elif self.suffix and self.suffix not in FORMATS:
            raise UserError(f"--format {self.suffix[1:]} is for models of measured values; this one makes pictures.")
        elif self.norms != "auto":
            raise UserError("--norms is for models of measured values; this one translates pictures.")

    def recipe(self, model: str) -> str:
        """A hash of all options that affect an output's bytes: equal inputs and recipes give equal outputs.

        model: the SHA-256 of the generator file.
        """
        names = ("direction", "suffix", "quality", "precision", "backend", "stochastic")
        shaping = {name: getattr(self, name) for name in names} | {"rules": asdict(self.rules)}
        if self.stochastic:
            shaping["seed"] = self.seed
        if self.values:
            shaping["values"] = self.values
        if self.norms != "auto":
            shaping["norms"] = self.norms
        text = json.dumps([translate.__version__, model, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """'512' → 512, the longer side; '256x384' → (256, 384), height and width. UserError for other texts."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 10 for part in parts):
        return checks.size(text)  # raises UserError
    numbers = [int(part) for part in parts]
    return checks.size(numbers[0] if len(numbers) == 1 else numbers)


def parse_colour(text: str | None) -> tuple[int, int, int] | None:
    """A colour name of Pillow or '#rrggbb' → (red, green, blue) in 0 to 255. UserError for other texts."""
    if text is None:
        return None
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        return checks.colour(text)  # raises UserError


def parse_suffix(text: str | None) -> str:
    """'png' or '.png' → '.png'; None → ''. UserError for a format that can't be written."""
    if text is None:
        return ""
    suffix = "." + text.lower().removeprefix(".")
    if suffix not in {**FORMATS, **SUFFIXES}:
        raise UserError(f"--format must be one of {', '.join(name[1:] for name in FORMATS)}, not '{text}'.")
    return suffix


def parse_values(text: str | None) -> Range | None:
    """'0:4095' → (0, 4095), the values of black and white. UserError for other texts."""
    try:
        return None if text is None else parse_range(text)
    except ValueError:
        raise UserError(f"--range must be two numbers, as 0:4095, the smaller one first, not '{text}'.") from None
