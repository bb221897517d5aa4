"""Resolves the name of a data set to a folder or a recipe."""

import difflib
import os
from functools import cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

from translate.catalog.recipe import Recipe
from translate.errors import UserError
from translate.settings import read_toml
from translate.system.files import shipped
from translate.system.text import in_short, printable


@cache
def _recipes() -> dict[str, Recipe]:
    found = {}
    for path in sorted(shipped("datasets").glob("*.toml")):
        found[path.stem] = Recipe.parse({"name": path.stem, **read_toml(path)}, str(path))
    return found


def recipes() -> dict[str, Recipe]:
    """Every recipe by its name."""
    return dict(_recipes())


def resolve(name: str) -> Path | Recipe:
    """The path or recipe of `name`: an existing path, else the folder ./datasets/NAME, else a recipe.

    Raises UserError with similar names if it is none of them.
    """
    try:
        path = local(name)
        if name and path.exists():
            return _folder(path)
        own = Path("datasets") / name
        if name and own.exists():
            return _folder(own)
    except (OSError, ValueError) as error:  # for example a name of 300 letters or with a NUL
        raise UserError(f"{printable(name)[:300]} can't be a folder: {in_short(error)}.") from error
    known = _recipes()
    if name in known:
        return known[name]
    if "/" in name or "\\" in name:
        raise UserError(f"the folder {printable(name)} does not exist.")
    near = difflib.get_close_matches(name, known, 2, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    raise UserError(
        f"there is no data set '{printable(name)}'{'; ' + hint if hint else '.'} "
        f"Give the path of a folder of images, or one of: {', '.join(known)}."
    )


def identify(name: str) -> str:
    """`name` in a form independent of the working folder: a set's name, or an absolute path. A path that is not UTF-8
    becomes a file: URL, because TOML and JSON can't hold it. UserError as `resolve`."""
    found = resolve(name)
    return absolute(found) if isinstance(found, Path) else name


def absolute(path: str | Path) -> str:
    """See `identify`. Links aren't resolved, because their targets may move."""
    whole = Path(os.path.abspath(local(str(path))))
    try:
        str(whole).encode()
    except UnicodeEncodeError:
        return whole.as_uri()
    return str(whole)


def local(name: str) -> Path:
    """The path from a user's text or from `absolute`; ~ is the user's home folder."""
    if name.startswith("file://"):
        return Path(os.fsdecode(unquote_to_bytes(name.removeprefix("file://"))))
    return Path(name).expanduser()


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise UserError(f"{path} is not a folder; give a folder of images.")
    return path
