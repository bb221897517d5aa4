"""From a name to a folder or a recipe."""

import difflib
from functools import cache
from pathlib import Path

from translate.catalog.recipe import Recipe
from translate.errors import UserError
from translate.settings import read_toml
from translate.system.files import shipped


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
    """What `name` stands for: a path that exists, else the folder ./datasets/NAME, else a recipe.

    Raises UserError that names near matches when it is none of them.
    """
    path = Path(name).expanduser()
    if name and path.exists():
        return _folder(path)
    own = Path("datasets") / name
    if name and own.exists():
        return _folder(own)
    known = _recipes()
    if name in known:
        return known[name]
    if "/" in name or "\\" in name:
        raise UserError(f"the folder {name} does not exist.")
    near = difflib.get_close_matches(name, known, 2, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    raise UserError(
        f"there is no data set '{name}'{'; ' + hint if hint else '.'} "
        f"Give the path of a folder of images, or one of: {', '.join(known)}."
    )


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise UserError(f"{path} is not a folder; give a folder of images.")
    return path
