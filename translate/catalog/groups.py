"""Classes of a named set's images: its own labels, or a table of groups from its package or another set's."""

import json
from collections import Counter
from collections.abc import Callable

from translate.catalog import arrays
from translate.catalog.fetch import Folder, cache_folder, read
from translate.catalog.kinds import Groups
from translate.catalog.names import recipes
from translate.catalog.recipe import Recipe, codepoints
from translate.errors import UNAVAILABLE, UserError

FEWEST = 20  # fewest images of a class; most sets have all country flags, but two have only eight other flags


def classes(folder: Folder, say: Callable[[str], None] = print) -> dict[str, str]:
    """Key -> class of the set's images; an image may have none, because small classes are left out.

    Raises UserError when the set has no classes (or, 69, when the table can't be fetched).
    """
    recipe = folder.recipe
    if recipe.arrays:
        numbers = arrays.labels(folder.labels)
        return dict(zip(recipe.numbers(), (recipe.arrays.classes[number] for number in numbers), strict=True))
    owner = recipes()[recipe.classes_from] if recipe.classes_from else recipe
    if owner.groups is None:
        raise UserError(
            f"{recipe.name} has no classes of its own; leave labels out, or give a CSV file of lines file,class."
        )
    table = _table(owner, owner.groups, say)
    found = Counter(table.get(path.stem) for path in folder.path.iterdir())
    return {key: name for key, name in table.items() if found[name] >= FEWEST}


def _table(recipe: Recipe, groups: Groups, say: Callable[[str], None]) -> dict[str, str]:
    try:
        rows = json.loads(read(recipe, groups.file, say))
        key = codepoints if recipe.keys == "codepoints" else str
        pairs = [(key(row[groups.key]), row[groups.name]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{recipe.name}: {groups.file} in {recipe.file} is not a table with {groups.key} and {groups.name}; delete "
            f"{recipe.file} from {cache_folder() / 'archives'} and try again.",
            UNAVAILABLE,
        ) from error
    return {key: name for key, name in pairs if name not in groups.leave_out}
