"""Opening data: names to folders, folders to images, pairs, split, and a complete check before the first step."""

import os
from collections.abc import Callable
from pathlib import Path

from translate import catalog
from translate.data import listing, pairing
from translate.data.dataset import Data
from translate.data.items import Problem, report
from translate.data.listing import Side
from translate.data.pictures import Pictures, Reader
from translate.data.settings import DataSettings
from translate.data.split import some, split, spread
from translate.errors import UserError

Say = Callable[[str], None]
MANY = 1000  # images from which progress is told
SPARE_MEMORY = 0.25


def open_data(a: str, b: str, settings: DataSettings, *, paired: bool, seed: int, say: Say = print) -> Data:
    """Find, check and split the images of two domains, each the name of a data set or a folder.

    Every file is read completely here. What can't be used is left out, and all of it is said at once, before the
    first step. Raises UserError when nothing usable is left or, with `settings.strict`, when anything was left out.
    """
    problems: list[Problem] = []
    data = _opened(a, b, settings, paired, seed, say, problems, frozenset())
    found = [problem for problem in problems if problem.kind == "unreadable"]
    if found and data.train_a and data.train_b and not (data.test_a and data.test_b):
        # The few images that the hash had picked for testing can't be read: pick from those that can.
        problems.clear()
        data = _opened(a, b, settings, paired, seed, say, problems, frozenset(p.text.partition(":")[0] for p in found))
        problems += found
    _say_problems(problems, settings, say)
    for items, name, use in (
        (data.train_a, a, "train on"),
        (data.train_b, b, "train on"),
        (data.test_a, a, "test"),
        (data.test_b, b, "test"),
    ):
        if not items:
            raise UserError(f"{name} has no usable image to {use}{_first(problems)}.")
    return data


def _opened(
    a: str, b: str, settings: DataSettings, paired: bool, seed: int, say: Say, problems: list[Problem],
    without: frozenset[str],
) -> Data:  # fmt: skip
    """The data of two domains, which may be empty; what is wrong is added to `problems`. without: names left out."""
    side_a, side_b = _sides(a, b, settings, paired, problems, say)
    if without:
        dropped = {item.key for side in (side_a, side_b) for item in side.train if item.name in without}
        for side in (side_a, side_b):  # of a pair both
            side.train = [i for i in side.train if i.name not in without and not (paired and i.key in dropped)]
    keys = pairing.common_keys(side_a, side_b)
    if keys is not None:
        pairing.keep(side_a, keys)
        pairing.keep(side_b, keys)
    elif paired:
        pairing.pair(side_a, side_b, (a, b), problems)
    together = paired or keys is not None  # test_a[i] and test_b[i] belong together

    lists = []
    for side, name in ((side_a, a), (side_b, b)):
        whole = side.train
        # A pair of a recipe and a folder: one rule for both, else a test image of one would train the other.
        rule = pairing.rule(side) or (pairing.rule(side_a) or pairing.rule(side_b) if together else None)
        train, test = (
            (whole, spread(side.test)) if side.test is not None else split(whole, settings.test_percent, rule, name)
        )
        lists.append((some(train, settings.max_images), test))
    readers = [Reader.of(settings, channels) for channels in (settings.channels_a, settings.channels_b)]
    train_a, train_b = (Pictures(lists[i][0], readers[i], settings.load_size) for i in (0, 1))
    test_a, test_b = (Pictures(lists[i][1], readers[i], settings.size) for i in (0, 1))

    _scan([train_a, train_b, test_a, test_b], settings, problems, say)
    recipes = tuple(side.folder.recipe if side.folder else None for side in (side_a, side_b))
    for first, second, usable in ((train_a, train_b, paired), (test_a, test_b, together)):
        good = [[bool(item.digest) for item in pictures.items] for pictures in (first, second)]
        if usable:  # leave out both of a pair
            good = [[x and y for x, y in zip(*good, strict=True)]] * 2
        first.keep(good[0])
        second.keep(good[1])
    if paired:
        told = problems if None in recipes else []  # that recipes come in different sizes is no news
        for first, second in ((train_a, train_b), (test_a, test_b)):
            fits = pairing.check_shapes(first.items, second.items, told)
            first.keep(fits)
            second.keep(fits)
    return Data(
        (a, b), (recipes[0], recipes[1]), (train_a, train_b), (test_a, test_b), settings,
        paired=paired, truth=together, seed=seed, problems=problems,
    )  # fmt: skip


def _sides(
    a: str, b: str, settings: DataSettings, paired: bool, problems: list[Problem], say: Say
) -> tuple[Side, Side]:
    found = [catalog.resolve(name) for name in (a, b)]
    first, second = found
    if isinstance(first, Path) and isinstance(second, Path):
        return listing.two_sides(first, second, settings, paired, problems)
    sides = []
    for place in found:
        if isinstance(place, Path):
            sides.append(listing.one_side(place, problems))
        else:
            sides.append(listing.recipe_side(catalog.fetch(place, say)))
    return sides[0], sides[1]


def _scan(parts: list[Pictures], settings: DataSettings, problems: list[Problem], say: Say) -> None:
    total = sum(len(part) for part in parts)
    needed = sum(len(part) * part.size[0] * part.size[1] * part.reader.channels for part in parts)
    in_memory = settings.cache == "ram" or (settings.cache == "auto" and needed < SPARE_MEMORY * _memory())
    count = 0

    def done() -> None:
        nonlocal count
        count += 1
        if total > MANY and (count % max(MANY, total // 10) == 0 or count == total):
            say(f"checking images: {count:,} of {total:,}")

    for part in parts:
        part.scan(in_memory, done, problems)


def _memory() -> int:
    """Bytes of memory of this machine; where it can't be asked, a careful guess."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 8 << 30


def _say_problems(problems: list[Problem], settings: DataSettings, say: Say) -> None:
    for line in report(problems):
        say(line)
    left_out = [problem for problem in problems if problem.kind in ("unreadable", "pair")]
    if settings.strict and left_out:
        raise UserError(
            f"{len(left_out):,} images or pairs can't be used, and strict=true refuses that; the first: {left_out[0]}."
        )


def _first(problems: list[Problem]) -> str:
    bad = [problem for problem in problems if problem.kind in ("unreadable", "pair")]
    return f"; the first that was left out: {bad[0]}" if bad else ""
