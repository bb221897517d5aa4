"""Which of a package's files a recipe takes, and the digest of them."""

import fnmatch
import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath

from translate.catalog.archive import ArchiveError, Files
from translate.catalog.recipe import Recipe
from translate.errors import UNAVAILABLE, UserError

Source = Callable[[Callable[[str], bool]], Files]


def contents_digest(taken: dict[str, bytes]) -> str:
    """SHA-256 over keys and bytes, independent of the order of reading."""
    lines = [f"{key} {hashlib.sha256(content).hexdigest()}\n" for key, content in sorted(taken.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def matches(name: str, pattern: str) -> bool:
    """Matches as in a shell: a * doesn't match "/"."""
    ours, theirs = name.split("/"), pattern.split("/")
    return len(ours) == len(theirs) and all(map(fnmatch.fnmatchcase, ours, theirs))


def stem(name: str, pattern: str) -> str:
    """What the * of the pattern's last part stands for in a matching name ("home" for home-fill.svg and *-fill.svg);
    without a single * there, the file name without suffix."""
    path, (before, star, after) = PurePosixPath(name), pattern.split("/")[-1].partition("*")
    if not star or set(before + after) & set("*?[") or "." not in after:
        return path.stem
    return path.name[len(before) : len(path.name) - len(after)]


def choose(recipe: Recipe, source: Source) -> dict[str, bytes]:
    """Key -> bytes of the images that the recipe's rules select. ArchiveError if two images have the same key."""
    others = [pattern if "*" in pattern else f"{pattern.rstrip('/')}/*" for pattern in recipe.drop_shared_with]
    ours: dict[str, bytes] = {}
    known: set[str] = set()
    elsewhere: dict[str, set[bytes]] = {}

    def is_ours(name: str) -> bool:
        return matches(name, recipe.inside) and not (recipe.not_inside and matches(name, recipe.not_inside))

    for name, content in source(lambda name: is_ours(name) or any(matches(name, other) for other in others)):
        if is_ours(name):
            found = stem(name, recipe.inside)
            if recipe.keys == "names" and found.casefold() in known:
                raise ArchiveError(f"holds two images called {found!a}; `inside` must mean one folder of them")
            known.add(found.casefold())
            ours[found] = content
        for other in others:
            if matches(name, other):
                elsewhere.setdefault(stem(name, other), set()).add(hashlib.sha256(content).digest())
    taken: dict[str, bytes] = {}
    # Longest names first: of "263A-FE0F" and "263A" the fully qualified one is the emoji, the other the old symbol.
    for found in sorted(ours, key=lambda found: (-len(found), found)):
        key = recipe.key(found)
        placeholder = hashlib.sha256(ours[found]).digest() in elsewhere.get(found, ())
        if key is not None and not placeholder:
            taken.setdefault(key, ours[found])
    taken = dict(sorted(taken.items()))
    if recipe.drop_copies:
        first = {content: key for key, content in reversed(taken.items())}
        taken = {key: content for key, content in taken.items() if first[content] == key}
    return taken


def check(recipe: Recipe, taken: dict[str, bytes]) -> None:
    """UserError unless the images taken are the recipe's."""
    found = contents_digest(taken)
    if len(taken) != recipe.count or found != recipe.contents:
        raise UserError(
            f"{recipe.name}: {recipe.package} holds {len(taken):,} images with digest {found[:16]}… where the recipe "
            f"expects {recipe.count:,} with {recipe.contents[:16]}…; uninstall or repair that package and try again.",
            UNAVAILABLE,
        )


def check_parts(recipe: Recipe, taken: dict[str, bytes]) -> None:
    """UserError unless the files that images are made of are the recipe's."""
    if contents_digest(taken) != recipe.contents:
        what = "map" if recipe.tiles else "font"
        raise UserError(
            f"{recipe.name}: {recipe.package} holds a {what} other than the one expected; reinstall that package and "
            "try again.",
            UNAVAILABLE,
        )
