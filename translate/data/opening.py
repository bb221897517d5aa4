"""Opening data: names to folders, folders to images, pairs, split, and a complete check before the first step."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from translate import catalog
from translate.data import grids, label_maps, labels, listing, pairing, parts
from translate.data.dataset import Data
from translate.data.domain import Domain
from translate.data.items import LEFT_OUT, Item, Problem, report
from translate.data.listing import Side
from translate.data.reader import Reader, ValuesReader
from translate.data.settings import COLOUR, DataSettings
from translate.data.split import some, split, spread
from translate.data.store import Pictures, Watcher
from translate.data.types import domain_type
from translate.errors import UserError
from translate.image.raw import parse_range
from translate.settings import LETTERS
from translate.system.memory import free_memory
from translate.values.shown import Shown
from translate.values.shown import words as shown_words

Say = Callable[[str], None]
MANY = 1000  # from this number of images on, progress is printed
SPARE_MEMORY = 0.25


def open_data(
    a: str,
    b: str | None,
    settings: DataSettings,
    *,
    more: Sequence[str] = (),
    paired: bool,
    seed: int,
    say: Say = print,
    watcher: Watcher | None = None,
) -> Data:
    """Find, check and split the images of two domains, of one (b=None), or of others besides (more): each the name of
    a data set or a folder.

    Every file is read completely here. Unusable files are left out, and all of them are reported together before the
    first step. Raises UserError when nothing usable is left or, with `settings.strict`, when anything was left out.
    watcher: sees every image that is read.
    """
    names = (a,) if b is None else (a, b, *more)
    if settings.labels and b is not None:
        raise UserError(
            f"labels={settings.labels} is for GANs, which learn one set of images; with two sets leave labels out."
        )
    problems: list[Problem] = []
    data = _opened(names, settings, paired, seed, say, problems, frozenset(), watcher)
    found = [problem for problem in problems if problem.kind in ("unreadable", "empty")]
    trainable = all(domain.train.items for domain in data.domains)
    if found and trainable and not all(domain.test.items for domain in data.domains):
        # The images that were selected for testing can't be used: select again from those that can.
        problems.clear()
        left_out = frozenset(problem.text.partition(":")[0] for problem in found)
        data = _opened(names, settings, paired, seed, say, problems, left_out, watcher)
        problems += found
    _say_problems(problems, settings, say)
    used = [(domain, domain.train, "train on") for domain in data.domains]
    used += [(domain, domain.test, "test") for domain in data.domains]
    for domain, pictures, use in used:
        if not pictures.items:
            raise UserError(f"{domain.name} has no usable image to {use}{_first(problems)}.")
    return data


@dataclass
class Listing:
    """The images of the domains before any of them is read: (training, test images) of each."""

    sides: list[Side]
    parts: list[tuple[list[Item], list[Item]]]
    together: bool  # the test images are pairs in the same order


def list_data(
    names: tuple[str, ...], settings: DataSettings, *, paired: bool, problems: list[Problem], say: Say = print,
    without: frozenset[str] = frozenset(),
) -> Listing:  # fmt: skip
    """Find and split the images; only names and folders are read. without: names to leave out. UserError as
    `open_data`."""
    sides = _sides(names, settings, paired, problems, say)
    if settings.labels:
        labels.assign(sides[0], names[0], settings.labels, problems, say)
    elif settings.balance:
        labels.assign_all(sides, names, settings.balance, problems, say)
    for side in sides:
        side.train = parts.expand(side.train, settings)
        side.test = None if side.test is None else parts.expand(side.test, settings)
    if without:
        dropped = {item.key for side in sides for item in side.train if item.name in without}
        for side in sides:  # all domains
            side.train = [i for i in side.train if i.name not in without and not (paired and i.key in dropped)]
    together = pairing.match(sides, names, paired, problems)  # test_a[i] and test_b[i] are a pair
    rules = [side.folder.recipe.held_out if side.folder else None for side in sides]
    splits = []
    for index, (side, name) in enumerate(zip(sides, names, strict=True)):
        # A recipe paired with a folder: both need the same rule, or a test image's partner would be trained on.
        rule = rules[index] or (next(filter(None, rules), None) if together else None)
        if side.test is not None:
            splits.append((side.train, spread(side.test)))
            continue
        groups = pairing.groups([other.train for other in sides]) if together else None
        splits.append(split(side.train, settings.test_percent, rule, name, groups))
    return Listing(sides, splits, together)


def _opened(
    names: tuple[str, ...], settings: DataSettings, paired: bool, seed: int, say: Say, problems: list[Problem],
    without: frozenset[str], watcher: Watcher | None,
) -> Data:  # fmt: skip
    """The data, which may be empty; problems are added to `problems`. without: names to leave out."""
    listing = list_data(names, settings, paired=paired, problems=problems, say=say, without=without)
    together = listing.together
    domains = []
    for index, (side, name) in enumerate(zip(listing.sides, names, strict=True)):
        train, test = listing.parts[index]
        items = [*train, *test]
        label_reader = label_maps.reader(items, side.folder, settings, paired, say) if index == 0 else None
        reader = label_reader or _reader(LETTERS[index], items, settings, say, measured=side.folder is None)
        domains.append(
            Domain(
                name,
                side.folder.recipe if side.folder else None,
                Pictures(some(train, settings.max_images), reader, settings.load_size),
                Pictures(test, reader, settings.size),
            )
        )
    trains, tests = [domain.train for domain in domains], [domain.test for domain in domains]
    _scan([*trains, *tests], settings, problems, say, watcher)
    for of_domains, linked in ((trains, paired), (tests, together)):
        good = [[bool(item.digest) for item in pictures.items] for pictures in of_domains]
        if linked:  # leave out all images of a pair
            good = [[all(each) for each in zip(*good, strict=True)]] * len(of_domains)
        for pictures, wanted in zip(of_domains, good, strict=True):
            pictures.keep(wanted)
    if paired:
        # Recipes are known to have different sizes: not reported.
        reported = [] if all(domain.recipe for domain in domains) else problems
        for first, second in (trains, tests):
            checks = [pairing.check_shapes(first.items, second.items, reported)]
            if all(domain.type for domain in domains):
                checks.append(grids.check_grids(first.items, second.items, problems))
            fits = [all(both) for both in zip(*checks, strict=True)]
            first.keep(fits)
            second.keep(fits)
    classes = labels.settle(domains[0].train, domains[0].test, names[0], problems) if settings.labels else []
    return Data(tuple(domains), settings, paired=paired, truth=together, seed=seed, problems=problems, classes=classes)


def _reader(letter: str, items: list[Item], settings: DataSettings, say: Say, *, measured: bool) -> Reader:
    """The reader of a domain. measured: whether its files may hold measured values. UserError for settings that don't
    fit them."""
    found = domain_type(letter, items, settings, say) if measured else None
    ground = parse_range(settings.of_domain("ground", letter))
    if found is None:
        return Reader.of(settings, settings.of_domain("channels", letter) or COLOUR, ground=ground)
    if letter not in "ab":
        raise UserError(f"domain {letter} holds measured values, which only the first two domains may.")
    if settings.colour_changes and letter == "a":
        raise UserError(
            f"data.{settings.colour_changes[0]} would change the values of a, which are measured; set it to 0."
        )
    if settings.augment_on == "device":
        raise UserError("data.augment_on = device is for pictures of 8 bits; measured values need cpu, or auto.")
    window = parse_range(getattr(settings, f"window_{letter}"))
    try:
        how = Shown.of(found, getattr(settings, f"show_{letter}"), window)
    except ValueError as error:
        raise UserError(f"data.show_{letter} = {getattr(settings, f'show_{letter}')}: {error}.") from None
    say(f"   sheets and the networks of scores see {shown_words(how, found)} (data.show_{letter}, window_{letter})")
    neighbours = settings.neighbours if letter == "a" else 0
    channels = found.channels * (2 * neighbours + 1)
    ground = ground and found.levels_of(ground)
    return ValuesReader.of(settings, channels, type=found, how=how, neighbours=neighbours, ground=ground)


def _sides(
    names: tuple[str, ...], settings: DataSettings, paired: bool, problems: list[Problem], say: Say
) -> list[Side]:
    places = [catalog.resolve(name) for name in names]
    folders = [place for place in places if isinstance(place, Path)]
    if len(folders) == 2:
        return list(listing.two_sides(folders[0], folders[1], settings, paired, problems))
    return [
        listing.one_side(place, problems) if isinstance(place, Path) else listing.recipe_side(catalog.fetch(place, say))
        for place in places
    ]


def _scan(
    parts: list[Pictures], settings: DataSettings, problems: list[Problem], say: Say, watcher: Watcher | None
) -> None:
    total = sum(len(part) for part in parts)
    needed = sum(
        len(part) * part.size[0] * part.size[1] * part.reader.channels * np.dtype(part.reader.dtype).itemsize
        for part in parts
    )
    in_memory = settings.cache == "ram" or (settings.cache == "auto" and needed < SPARE_MEMORY * _memory())
    count = 0

    def done() -> None:
        nonlocal count
        count += 1
        if total > MANY and (count % max(MANY, total // 10) == 0 or count == total):
            say(f"checking images: {count:,} of {total:,}")

    for part in parts:
        part.scan(in_memory, done, problems, watcher, settings.empty)


def _memory() -> float:
    """Bytes of free memory for this process; from the machine's total or a low estimate if it is unknown."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        whole = 8 << 30
    return min(whole, free_memory()) / int(os.environ.get("LOCAL_WORLD_SIZE", 1))  # per process of torchrun


def _say_problems(problems: list[Problem], settings: DataSettings, say: Say) -> None:
    for line in report(problems):
        say(line)
    left_out = [problem for problem in problems if problem.kind in LEFT_OUT]
    if settings.strict and left_out:
        raise UserError(
            f"{len(left_out):,} images or pairs can't be used, and strict=true refuses that; the first: {left_out[0]}."
        )


def _first(problems: list[Problem]) -> str:
    bad = [problem for problem in problems if problem.kind in LEFT_OUT]
    return f"; the first that was left out: {bad[0]}" if bad else ""
