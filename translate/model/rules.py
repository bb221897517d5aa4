"""What is done with an image before and after the network."""

from dataclasses import dataclass
from typing import Literal

from translate.errors import UserError
from translate.model import checks


@dataclass(frozen=True)
class Rules:
    """Processing before and after the network.

    size: resize first, to (height, width) or to a longer side of `size` pixels; None: no resizing.
    alpha: the network gets the image composited on the background. 'keep' restores the alpha channel afterwards,
    'drop' gives an opaque image, 'background' composites the output on the background by the alpha channel.
    background: (red, green, blue) in 0 to 255; None: the model's.
    grey: whether a grayscale image stays grayscale ('keep') or gets the network's colours ('colour'). 'auto' keeps it
    unless the model was trained from grey to colour.
    tile: side of the tiles in pixels, for images larger than the device's memory (translate/model/tiles.py); 0: none.
    """

    size: int | tuple[int, int] | None = None
    alpha: Literal["keep", "drop", "background"] = "keep"
    background: tuple[int, int, int] | None = None
    grey: Literal["auto", "keep", "colour"] = "auto"
    tile: int = 0

    def __post_init__(self) -> None:
        """UserError for invalid values, with the command line's messages."""
        checks.one_of("--alpha", self.alpha, ("keep", "drop", "background"))
        checks.one_of("--grey", self.grey, ("auto", "keep", "colour"))
        for name, check in (("size", checks.size), ("background", checks.colour), ("tile", checks.tile)):
            object.__setattr__(self, name, check(getattr(self, name)))

    def refuse_for_values(self) -> None:
        """UserError for rules of pictures, which have no meaning for measured values."""
        plain = Rules(tile=self.tile)
        for name in ("size", "alpha", "background", "grey"):
            if getattr(self, name) != getattr(plain, name):
                raise UserError(f"--{name} is for pictures; this model translates measured values, so leave it out.")
