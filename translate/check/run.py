"""`translate data check`: everything that training checks and more, with the settings that suit the images."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from translate import catalog
from translate.check import advice, copies, facts, images, page, sheet, words
from translate.check.images import Seen
from translate.convert.progress import Progress
from translate.data import Data, DataSettings, Problem, open_data
from translate.data.items import HEADINGS
from translate.data.opening import Listing, list_data
from translate.data.reader import Reader
from translate.errors import UNTRAINABLE, USAGE, UserError
from translate.image import rgb8
from translate.settings import merge, parse_assignment
from translate.system.device import choose
from translate.system.files import write_whole
from translate.system.text import printable
from translate.train.options import small_images


@dataclass
class Options:
    """The command line's options. b: None for images from noise. sets: --set words, of the data's settings only."""

    a: str
    b: str | None = None
    paired: bool = False
    quick: bool = False
    as_json: bool = False
    html: Path | None = None
    sheet: Path | None = None
    sets: list[str] = field(default_factory=list)

    def given(self) -> dict[str, Any]:
        """What --set sets."""
        values: dict[str, Any] = {}
        for text in self.sets:
            values = merge(values, parse_assignment(text.strip().removeprefix("data."), DataSettings))
        return values

    def settings(self) -> DataSettings:
        # Images are read at their own size; they are resized for one check only, for which a small size is enough.
        return DataSettings.parse({"size": 64, "load": 1, **self.given(), "cache": "none"}, "--set")

    def typed(self) -> tuple[str, ...]:
        """The domains as they were typed. One folder may hold both: trainA and trainB, or with --paired files side by
        side."""
        one = catalog.resolve(self.a)
        both = self.paired or (isinstance(one, Path) and all((one / name).is_dir() for name in ("trainA", "trainB")))
        b = self.b or (self.a if both else None)
        return tuple(name for name in (self.a, b) if name)


def check(options: Options) -> None:
    """Print the result. UserError: with code UNTRAINABLE after it, where the images can't be trained on; with code
    USAGE for names and settings that don't exist."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    settings, names = options.settings(), tuple(catalog.identify(name) for name in options.typed())
    result, seen, groups, read = examine(names, settings, options, console)
    if options.as_json:
        print(json.dumps(result, indent=1))
    else:
        print("\n".join(words.lines(result)))
    caption = " and ".join(dict.fromkeys(one["name"] for one in result["domains"]))
    drawn = sheet.sheet(seen, groups, read, caption) if options.sheet else None
    if options.sheet and drawn is not None:
        write_whole(options.sheet, rgb8.to_png(drawn))
        console.print(f"contact sheet: {options.sheet}")
    if options.html:
        write_whole(options.html, page.page(result, seen, groups, read).encode())
        console.print(f"page: {options.html}")
    if not result["trainable"]:
        raise UserError(result["why_not"], UNTRAINABLE)


def examine(
    names: tuple[str, ...], settings: DataSettings, options: Options, console: Console
) -> tuple[dict[str, Any], list[Seen], list[copies.Group], sheet.Read]:
    """(the result, JSON-able; all images; groups of copies; a function that reads an image)."""
    began = time.monotonic()
    problems: list[Problem] = []
    data: Data | None = None
    why_not = ""
    try:
        listing = list_data(names, settings, paired=options.paired, problems=problems, say=console.print)
    except UserError as error:
        if error.code != USAGE:
            raise
        listing, why_not = Listing([], [], False), str(error)
    parts = [dict(zip(("train", "test"), both, strict=True)) for both in listing.parts]
    paths = [item.path for both in parts for items in both.values() for item in items if item.place is None]
    with Progress(len(set(paths)), console) as progress:
        files = images.files(paths, settings.max_pixels, progress.advance)
    quick_seconds = time.monotonic() - began
    if not options.quick and not why_not:
        count = sum(len(items) for both in parts for items in both.values())
        with Progress(count, console) as progress:
            looker = images.Looker(progress.advance)
            try:
                data = open_data(*_two(names), settings, paired=options.paired, seed=0, say=_quiet, watcher=looker)
            except UserError as error:
                if error.code != USAGE:
                    raise
                why_not = str(error)
        if data is not None:
            problems = data.problems
            parts = [{"train": domain.train.items, "test": domain.test.items} for domain in data.domains]
    seen = [
        Seen(letter, part, item, files.get(item.path, images.File(None)), looker.of(item) if data else None)
        for letter, both in zip("ab", parts, strict=False)
        for part, items in both.items()
        for item in items
    ]
    if data is None:  # what training would leave out, by the headers
        problems += [Problem("unreadable", f"{one.item.name}: {one.file.problem}") for one in seen if one.file.problem]
        seen = [one for one in seen if not one.file.problem]
        why_not = why_not or _too_few(seen, names)
    groups = copies.copies(seen)
    typed = [printable(name) for name in options.typed()]
    domains = [_facts(letter, name, listing, data, seen) for letter, name in zip("ab", typed, strict=False)]
    number = copies.counts(groups, listing.together)
    result = {
        "trainable": not why_not,
        "why_not": why_not,
        "complete": not options.quick,
        "paired": options.paired,
        "domains": domains,
        "problems": {kind: texts for kind in HEADINGS if (texts := _texts(problems, kind))},
        "copies": [group.plain() for group in groups],
        "numbers": number,
        "warnings": advice.warnings(domains, number, options.paired) if seen else [],
        "advice": None if why_not else _advice(names, options, settings, domains, seen, listing),
        "seconds": {"without decoding": round(quick_seconds, 1), "in all": round(time.monotonic() - began, 1)},
    }

    def read(one: Seen):
        reader = data.domains["ab".index(one.letter)].train.reader if data else Reader.of(settings, 3)
        return reader.shown(reader.whole(one.item))

    return result, seen, groups, read


def _quiet(line: str) -> None:
    """Problems are in the result."""


def _two(names: tuple[str, ...]) -> tuple[str, str | None]:
    return names[0], names[1] if len(names) > 1 else None


def _texts(problems: list[Problem], kind: str) -> list[str]:
    return [problem.text for problem in problems if problem.kind == kind]


def _too_few(seen: list[Seen], names: tuple[str, ...]) -> str:
    for letter, name in zip("ab", names, strict=False):
        for part, use in (("train", "train on"), ("test", "test")):
            if not any(one.letter == letter and one.part == part for one in seen):
                return f"{name} has no usable image to {use}."
    return ""


def _facts(letter: str, name: str, listing: Listing, data: Data | None, seen: list[Seen]) -> dict[str, Any]:
    place = "ab".index(letter)
    folder = listing.sides[place].folder if listing.sides else None
    found = data.domains[place].type if data else None
    own = [one for one in seen if one.letter == letter]
    return facts.facts(letter, name, own, folder.recipe.licence if folder else "", found)


def _advice(
    names: tuple[str, ...], options: Options, settings: DataSettings, domains: list[dict], seen: list[Seen],
    listing: Listing,
) -> dict[str, Any]:  # fmt: skip
    mode = advice.mode_of(len(names), options.paired)
    device = choose("auto")
    grounds = [side.folder.recipe.background if side.folder else "" for side in listing.sides]
    small = small_images(*_two(names))
    preset, chosen = advice.settings(domains, seen, settings, mode, device, small, grounds)
    chosen = [one for one in chosen if one.name.removeprefix("data.") not in options.given()]
    command = advice.command(options.typed(), mode, preset, chosen, options.sets)
    return {
        "mode": mode,
        "device": device,
        "preset": preset,
        "settings": [one._asdict() for one in chosen],
        "command": command,
    }
