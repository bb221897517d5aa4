"""Descriptions of opened data: the printed summary, the fingerprint, and the run folder's data.json."""

import hashlib
import json
from collections import Counter
from typing import Any

from translate.data.dataset import Data
from translate.data.domain import Domain
from translate.data.items import Item
from translate.settings import LETTERS

CLASSES_SHOWN = 12


def describe(data: Data) -> list[str]:
    """The printed summary: each domain with its licence, the classes, then the kind, size and cache."""
    lines = []
    for letter, domain in zip(LETTERS, data.domains, strict=False):
        train, test = len(domain.train), len(domain.test)
        lines.append(f"{letter}: {domain.name}, {train:,} images for training, {test:,} for testing")
        if domain.recipe:
            lines.append(f"   licence: {domain.recipe.licence}")
    if data.classes:
        counts = _counts(data)
        shown = [f"{name} ({sum(counts[name].values()):,})" for name in data.classes[:CLASSES_SHOWN]]
        more = len(data.classes) - len(shown)
        lines.append(f"{len(data.classes)} classes: {', '.join(shown)}{f' and {more:,} more' if more else ''}")
    height, width = data.settings.size
    how = f"{height} x {width} (height x width), {'kept in memory' if data.in_memory else 'read from their files'}"
    if len(data.domains) > 1:
        known = "unpaired; the test images have known partners" if data.truth else "unpaired"
        how = f"{'pairs' if data.paired else known}; {how}"
    return [*lines, how]


def fingerprint(data: Data) -> str:
    """SHA-256 over names, sizes, contents and labels of all images used, and the split; independent of the settings."""
    listing: list[Any] = [data.paired, data.truth]
    for items in (*(domain.train.items for domain in data.domains), *(domain.test.items for domain in data.domains)):
        listing.append([[item.key, item.part, item.height, item.width, item.digest] for item in items])
        if data.classes or data.settings.balance:
            listing.append([item.label for item in items])
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def record(data: Data) -> dict[str, Any]:
    """The contents of data.json in a run folder: every file's SHA-256, the split, the fingerprint, all problems."""
    sides = dict(zip(LETTERS, data.domains, strict=False))
    files: dict[str, str] = {}
    for letter, domain in sides.items():
        files |= {f"{letter}/{_file(item)}": item.digest for item in (*domain.train.items, *domain.test.items)}
    return {
        **{letter: _side(domain) for letter, domain in sides.items()},
        **({"classes": _counts(data)} if data.classes else {}),
        "paired": data.paired,
        "truth": data.truth,
        "fingerprint": fingerprint(data),
        "problems": [[problem.kind, problem.text] for problem in data.problems],
        "files": files,
    }


def _side(domain: Domain) -> dict[str, Any]:
    recipe, test = domain.recipe, domain.test.items
    return {
        "name": domain.name,
        "package": None if recipe is None else f"{recipe.package} {recipe.version}".strip(),
        "sha256": None if recipe is None else recipe.sha256,
        "licence": None if recipe is None else recipe.licence,
        **({"type": domain.type.record()} if domain.type else {}),
        **({"label_map": str(domain.label_map)} if domain.label_map else {}),
        "train": len(domain.train),
        # A data set in one file has its own split, and tens of thousands of numbers instead of names.
        "test": [item.key for item in test] if test[0].place is None else len(test),
    }


def values(data: "Data") -> dict[str, Any]:
    """The types of the domains of measured values, and the classes of label maps, as a generator file has them."""
    found = {letter: _type(domain) for letter, domain in zip(LETTERS, data.domains, strict=False)}
    classes = data.domains[0].label_map
    return ({"values": found} if any(found.values()) else {}) | ({"label_map": str(classes)} if classes else {})


def _type(domain: Domain) -> dict[str, Any] | None:
    if domain.type is None:
        return None
    neighbours = getattr(domain.train.reader, "neighbours", 0)
    return domain.type.record() | ({"neighbours": neighbours} if neighbours else {})


def _file(item: Item) -> str:
    return item.key if item.place is None else item.path.name


def _counts(data: Data) -> dict[str, dict[str, int]]:
    """Class -> its number of training and of test images."""
    train, test = (Counter(item.label for item in items) for items in (data.train_a, data.test_a))
    return {name: {"train": train[name], "test": test[name]} for name in data.classes}
