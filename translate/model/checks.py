"""Checks of option values, with the same error messages for the command line and Python; messages name the option."""

from numbers import Integral
from typing import Any

from translate.errors import UserError

LARGEST_SIDE = 65_500  # pixels; the limit of JPEG


def one_of(option: str, word: Any, choices: tuple[str, ...]) -> None:
    if not isinstance(word, str) or word not in choices:
        raise UserError(f"{option} must be {', '.join(choices[:-1])} or {choices[-1]}, not {word!r}.")


def switch(option: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise UserError(f"{option} must be True or False, not {value!r}.")


def whole(value: Any, least: int, most: int) -> bool:
    """Whether a value is an integer from `least` to `most`, both included; NumPy integers are accepted, bool isn't."""
    return isinstance(value, Integral) and not isinstance(value, bool) and least <= int(value) <= most


def size(value: Any) -> int | tuple[int, int] | None:
    """The longer side, (height, width) or None, as Python ints, in pixels. UserError for other values."""
    if value is None or whole(value, 1, LARGEST_SIDE):
        return value if value is None else int(value)
    if isinstance(value, tuple | list) and len(value) == 2 and all(whole(side, 1, LARGEST_SIDE) for side in value):
        return int(value[0]), int(value[1])
    raise UserError(
        f"--size must be the longer side, as 512, or HxW, as 256x384 (in Python (256, 384)), not {value!r}."
    )


def colour(value: Any) -> tuple[int, int, int] | None:
    """(red, green, blue) in 0 to 255 or None, as Python ints. UserError for other values."""
    if value is None:
        return None
    if isinstance(value, tuple | list) and len(value) == 3 and all(whole(level, 0, 255) for level in value):
        return int(value[0]), int(value[1]), int(value[2])
    raise UserError(f"--background must be a colour, as white or #ffcc00 (in Python (255, 204, 0)), not {value!r}.")


def tile(value: Any) -> int:
    """0 or an even number of at least 32, in pixels. UserError for other values."""
    if whole(value, 0, 1 << 30) and (value == 0 or (value >= 32 and value % 2 == 0)):
        return int(value)
    raise UserError(f"--tile must be an even number of at least 32, not {value!r}.")
