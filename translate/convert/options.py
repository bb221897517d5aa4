"""What a person asks of a conversion."""

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
from translate.model.translator import Rules


@dataclass(frozen=True)
class Options:
    """See `translate convert --help`. batch and workers: 0 chooses. suffix: '' keeps each file's own."""

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
    values: Range | None = None  # what is black and white in files of floats and of 16 and 32 bits; None: the model's

    def recipe(self, model: str) -> str:
        """A name for everything that shapes an output's bytes; two outputs of one input differ only if it does.

        model: the SHA-256 of the generator's file.
        """
        names = ("direction", "suffix", "quality", "precision", "backend", "stochastic")
        shaping = {name: getattr(self, name) for name in names} | {"rules": asdict(self.rules)}
        if self.stochastic:
            shaping["seed"] = self.seed
        if self.values:
            shaping["values"] = self.values
        text = json.dumps([translate.__version__, model, shaping], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """'512' is the longer side, '256x384' height and width."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 10 for part in parts):
        return checks.size(text)  # which refuses it
    numbers = [int(part) for part in parts]
    return checks.size(numbers[0] if len(numbers) == 1 else numbers)


def parse_colour(text: str | None) -> tuple[int, int, int] | None:
    """'white', 'black' or '#rrggbb'."""
    if text is None:
        return None
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        return checks.colour(text)  # which refuses it


def parse_suffix(text: str | None) -> str:
    """'png' or '.png' → '.png'."""
    if text is None:
        return ""
    suffix = "." + text.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UserError(f"--format must be one of {', '.join(name[1:] for name in FORMATS)}, not '{text}'.")
    return suffix


def parse_values(text: str | None) -> Range | None:
    """'0:4095' → (0, 4095)."""
    try:
        return None if text is None else parse_range(text)
    except ValueError:
        raise UserError(f"--range must be two numbers, as 0:4095, the smaller one first, not '{text}'.") from None
