"""Pairs images of two domains by relative name without suffix, or by a recipe's key."""

from translate.data.items import Item, Problem
from translate.data.listing import Side
from translate.errors import UserError

ASPECT_TOLERANCE = 0.05


def match(sides: list[Side], names: tuple[str, ...], paired: bool, problems: list[Problem]) -> bool:
    """Keep only images with a partner, if pairs are known. Returns whether they are; False for a single domain."""
    if len(sides) == 1:
        return False
    first, *others = sides
    shared = [common_keys(first, other) for other in others]
    keys = None if None in shared else set.intersection(*filter(None, shared)) or None
    if keys is not None:
        for side in sides:  # not reported: two recipes are known to differ
            side.train = [item for item in side.train if item.key in keys]
    elif paired:
        pair(first, others[0], (names[0], names[1]), problems)
    return paired or keys is not None


def common_keys(a: Side, b: Side) -> set[str] | None:
    """The keys that two recipes have in common; None if they aren't recipes of the same kind or have none in common."""
    if a.folder is None or b.folder is None or a.folder.recipe.keys != b.folder.recipe.keys:
        return None
    if a.folder.recipe.keys == "names" and b.folder.name not in a.folder.recipe.goes_with:
        return None  # equal names may mean different things
    return {item.key for item in a.train} & {item.key for item in b.train} or None


def pair(a: Side, b: Side, names: tuple[str, str], problems: list[Problem]) -> None:
    """Keep only images with a partner, in the same order in both domains; every other image is a problem.

    Raises UserError when there are no pairs at all.
    """
    if (a.test is None) != (b.test is None):  # only one domain defines test images: ignored
        for side in (a, b):
            side.train, side.test = [*side.train, *(side.test or [])], None
            side.train.sort(key=lambda item: item.key)
    a.train, b.train = _matched(a.train, b.train, names, problems)
    if a.test is not None and b.test is not None:
        a.test, b.test = _matched(a.test, b.test, names, problems)
    if not a.train:
        example = next((problem.text for problem in problems if problem.kind == "pair"), "")
        raise UserError(
            f"no image of {names[0]} has a partner in {names[1]}: pairs are found by the same relative name without "
            f"suffix ({example or 'both are empty'})."
        )


def _matched(
    first: list[Item], second: list[Item], names: tuple[str, str], problems: list[Problem]
) -> tuple[list[Item], list[Item]]:
    ours, theirs = {item.key: item for item in first}, {item.key: item for item in second}
    for mine, other, there in ((ours, theirs, names[1]), (theirs, ours, names[0])):
        folded = {key.casefold(): item.name for key, item in other.items()}
        for key in sorted(mine.keys() - other.keys()):
            near = folded.get(key.casefold())
            hint = f", only {near}, which differs in upper and lower case" if near else ""
            problems.append(Problem("pair", f"{mine[key].name} has no partner in {there}{hint}"))
    keys = sorted(ours.keys() & theirs.keys())
    return [ours[key] for key in keys], [theirs[key] for key in keys]


def check_shapes(first: list[Item], second: list[Item], problems: list[Problem]) -> list[bool]:
    """Which pairs fit, by their sizes: a different aspect ratio is left out, a different size only reported."""
    fits = []
    for a, b in zip(first, second, strict=True):
        text = f"{a.name} is {a.height} x {a.width} (height x width), {b.name} is {b.height} x {b.width}"
        ratio = (a.width / a.height) / (b.width / b.height)
        fits.append(abs(ratio - 1) <= ASPECT_TOLERANCE)
        if not fits[-1]:
            turned = " (one is upright, the other lies)" if (a.height > a.width) != (b.height > b.width) else ""
            problems.append(Problem("pair", text + turned))
        elif (a.height, a.width) != (b.height, b.width):
            problems.append(Problem("size", text))
    return fits


def groups(sides: list[list[Item]]) -> dict[str, str]:
    """The group of each key of pairs: images that are of one file or series in either domain stay together. A series
    has another identifier in each domain, so its groups are named by their first key; files by theirs."""
    found = {item.key: item.key for items in sides for item in items}  # to another of its group, the first to itself

    def first(key: str) -> str:
        while found[key] != key:
            key = found[key]
        return key

    names: dict[str, str] = {}
    for items in sides:
        known: dict[str, str] = {}
        for item in items:
            if item.whole:
                one, other = sorted((first(known.setdefault(item.whole, item.key)), first(item.key)))
                found[other] = one
                if item.key.startswith(f"{item.whole} "):  # a slice or window of a file of this key
                    names[item.key] = item.whole
    return {key: names.get(first(key), first(key)) for key in found}
