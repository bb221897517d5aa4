"""The train/test split: decided by a hash of each image's group, so that adding images doesn't change it."""

import hashlib
from collections.abc import Callable

from translate.catalog.recipe import hash_picks
from translate.data.items import Item
from translate.errors import UserError


def split(
    items: list[Item], percent: int, held_out: Callable[[str, int], bool] | None, what: str,
    group_of: dict[str, str] | None = None,
) -> tuple[list[Item], list[Item]]:  # fmt: skip
    """(train, test) of one domain. `held_out(key, percent)` is the recipe's rule; with None each key is its own group.
    group_of: the group of each key, for pairs; else images of one file or series are a group.

    There is at least one test image. Raises UserError when there are too few images for both.
    """
    rule = held_out or hash_picks
    of = group_of or {item.key: item.whole or item.key for item in items}
    groups = dict.fromkeys(of[item.key] for item in items)
    if len(groups) == 1 < len(items):  # slices and windows of one file: the last ones, which lie together
        test = items[-max(1, round(len(items) * percent / 100)) :]
    else:
        picked = {group for group in groups if rule(group, percent)}
        picked = picked or {min(groups, key=_hash)} if len(groups) > 1 else picked
        test = [item for item in items if of[item.key] in picked]
    test = spread(test)
    chosen = {item.key for item in test}
    train = [item for item in items if item.key not in chosen]
    if not train or not test:
        raise UserError(
            f"{what} has {len(items)} images: too few to train on some and keep others for testing (2 at least)."
        )
    return train, test


def some(items: list[Item], count: int) -> list[Item]:
    """`count` of the items (0: all), spread over the set; for equal keys the same in both domains."""
    if not 0 < count < len(items):
        return items
    chosen = {item.key for item in sorted(items, key=lambda item: _hash(item.key))[:count]}
    return [item for item in items if item.key in chosen]


def spread(items: list[Item]) -> list[Item]:
    """Items ordered by a hash of their keys, the same in both domains. The first few are then a fair sample; in order
    of name they would resemble each other."""
    return sorted(items, key=lambda item: _hash(item.key))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
