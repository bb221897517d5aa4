"""What a subject is evaluated on: the held-out images of a run or of named sets, or folders."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from translate import catalog
from translate.data import Data, DataSettings, description, listing, open_data
from translate.data.items import Item, Problem
from translate.data.store import Pictures
from translate.errors import UserError
from translate.evaluate.options import Options
from translate.evaluate.subject import Subject
from translate.image import rgb8
from translate.model.description import direction_of
from translate.modes import MODES
from translate.settings import LETTERS
from translate.system.text import printable
from translate.train.folder import RunFolder, run_settings
from translate.train.held_out import NOISE, HeldOut, held_out
from translate.train.teacher import data_of

Say = Callable[[str], Any]
LIMIT = 500  # held-out images at most, where no run says otherwise


@dataclass
class Material:
    """held_out: by direction. outputs: of a folder of outputs, uint8 (N, H, W, C). about: JSON-able."""

    held_out: dict[str, HeldOut]
    outputs: np.ndarray | None = None
    about: dict[str, Any] = field(default_factory=dict)


def material(options: Options, subject: Subject, say: Say) -> Material:
    """UserError where images are missing, don't fit, or can't be found."""
    if not subject.is_model and options.on is None:
        return _folders(options, subject)
    data, limit, about = _data(options, subject, say)
    limit = options.limit or limit
    directions = [options.direction] if options.direction else subject.directions
    if subject.is_model:
        directions = [direction_of(subject.description, direction) for direction in directions]
    if options.a is not None and len(directions) > 2:
        raise UserError(f"{subject.name} has more than two domains: --a and --b also need --direction, such as a2b.")
    for direction in directions:
        if direction not in (subject.directions if subject.is_model else ("a2b", "b2a")):
            raise UserError(f"--direction {direction}: {subject.name} has {' and '.join(subject.directions)} only.")
        if len(data.domains) == 1 and not direction.startswith(NOISE):
            raise UserError(f"{subject.name} translates images, so it needs two sets: --a and --b.")
    given = options.a is not None and len(subject.directions) > 2  # --a is then the direction's source, --b its target
    found = {one: _aligned(held_out(data, "a2b" if given else one, limit), options, subject) for one in directions}
    if subject.is_model:
        return Material(found, about=about)
    images = found[directions[0]]
    items = _by_name_in(
        _listed(str(subject.path)), images.names, str(subject.path), f"the held-out set of {options.on}"
    )
    outputs = _stacked([items], options.size, images.references.shape[1:3], f"what {options.on} is scored at")[0]
    return Material(found, outputs, about)


def _aligned(images: HeldOut, options: Options, subject: Subject) -> HeldOut:
    mode = MODES.get(subject.description.get("mode", ""))
    aligned = mode is None or (mode.pairs(subject.run.mode_settings)[1] if subject.run else mode.aligned)
    return replace(images, aligned=images.aligned and not options.unaligned and aligned)


# A run's images, or named sets ------------------------------------------------------------------------------------


def _data(options: Options, subject: Subject, say: Say) -> tuple[Data, int, dict[str, Any]]:
    """(the data, images at most, what it is)"""
    settings = subject.run
    if options.on is not None:
        folder = Path(options.on).expanduser()
        settings = run_settings(folder if folder.is_dir() else folder.parent)
        if settings is None:
            raise UserError(f"--on {options.on} is not a run folder: it has no config.toml.")
    if settings is not None:
        chosen, seed = settings.data, settings.seed
        paired, _ = MODES[settings.mode].pairs(settings.mode_settings)
        limit = settings.train.score_images
        names = settings.domains
    else:
        chosen, paired = _settings(subject)
        limit, seed = LIMIT, 0
        names = _named(options, subject)
    if options.a is not None:
        names = [options.a, options.b] if options.b else [options.a]
        paired = paired or options.paired
        if options.b is None and NOISE not in subject.directions[0]:
            raise UserError("--b is missing: images of the other domain, to compare the outputs with.")
    if options.size:
        chosen = chosen.model_copy(update={"size": options.size})
    a, b, *more = names if len(names) > 1 else [names[0], None]
    data = open_data(a, b, chosen, more=more, paired=paired, seed=seed, say=say)  # type: ignore[arg-type]
    if options.everything:
        data = _everything(data)
    elif options.a is not None and any(domain.recipe is None for domain in data.domains):
        say("Only the images that training holds out are scored, which are chosen by name; --all scores all.")
    run = _run_folder(options, subject) if options.a is None else None
    if run and (changed := RunFolder(run).compare_data(description.record(data))):
        say(f"The images are not those of {run} any more: {changed}.")
    domains = {letter: domain.name for letter, domain in zip(LETTERS, data.domains, strict=False)}
    return data, limit, {"domains": domains, "fingerprint": description.fingerprint(data)}


def _run_folder(options: Options, subject: Subject) -> Path | None:
    path = Path(options.on).expanduser() if options.on is not None else subject.path.parent
    return next((folder for folder in (path, path.parent) if (folder / "config.toml").is_file()), None)


def _settings(subject: Subject) -> tuple[DataSettings, bool]:
    """(data settings, whether its mode is paired) of a model that lies in no run folder."""
    mode = MODES.get(subject.description.get("mode", ""))
    return DataSettings.parse(data_of(subject.description), str(subject.path)), bool(mode and mode.paired)


def _named(options: Options, subject: Subject) -> list[str]:
    """The domains that the description names, where they are named sets."""
    if options.a is not None:
        return [options.a]
    sides: dict[str, str] = {}
    for direction, entry in subject.description["directions"].items():
        sides |= dict(zip(direction.split("2"), (entry.get("from", "a"), entry.get("to", "b")), strict=True))
    last = max(side for side in sides if side != NOISE)
    wanted = [sides.get(side, "") for side in LETTERS[: LETTERS.index(last) + 1]]
    if not all(name in catalog.recipes() for name in wanted):
        raise UserError(
            f"{subject.name} doesn't say where its images lie ({' and '.join(map(printable, wanted))} are no named "
            "sets): give --a and --b, or --on RUN, the run that it is of."
        )
    return wanted


def _everything(data: Data) -> Data:
    """The same data with all images both as held-out images and as references."""
    whole = []
    for domain in data.domains:
        items = [*domain.train.items, *domain.test.items]
        pictures = Pictures(items, domain.test.reader, data.settings.size)
        whole.append(replace(domain, train=pictures, test=pictures))
    keys = [[item.key for item in domain.test.items] for domain in whole]
    return Data(
        tuple(whole),
        data.settings,
        paired=data.paired,
        truth=data.truth and len(keys) > 1 and all(own == keys[0] for own in keys),
        seed=data.seed,
        problems=data.problems,
        classes=data.classes,
    )


# Folders of outputs -----------------------------------------------------------------------------------------------


def _folders(options: Options, subject: Subject) -> Material:
    items = _listed(str(subject.path))[: options.limit]
    names = [item.key for item in items]
    sets = {"outputs": items}
    for name, folder in (("truth", options.truth), ("inputs", options.a)):
        if folder is not None:
            sets[name] = _by_name_in(_listed(folder), names, folder, subject.name)
    if options.real is not None:
        sets["real"] = _listed(options.real)
    found = dict(zip(sets, _stacked(list(sets.values()), options.size), strict=True))
    truth = found.get("truth")
    references = found.get("real", truth)
    if references is None or min(len(names), len(references)) < 2:
        raise UserError(f"{subject.name}: at least two outputs, and two images to compare them with, are needed.")
    real = truth if "real" in found else None  # the truth compared with itself says nothing
    aligned = truth is not None and not options.unaligned
    about = {"domains": {name: getattr(options, name) for name in ("truth", "real", "a")}}
    return Material(
        {"a2b": HeldOut(names, found.get("inputs"), real, truth, references, aligned)}, found["outputs"], about
    )


def _listed(name: str) -> list[Item]:
    place = catalog.resolve(name)
    if isinstance(place, Path):
        problems: list[Problem] = []
        return listing.tree(place, problems)
    if place.arrays:
        raise UserError(f"{name} is one file of many images without names; give a folder of images.")
    return listing.recipe_side(catalog.fetch(place, print)).train


def _by_name_in(items: list[Item], names: list[str], where: str, of: str) -> list[Item]:
    """Those of `items` that have the names, in their order. UserError if one is missing."""
    known = {item.key: item for item in items}
    missing = [name for name in names if name not in known]
    if missing:
        raise UserError(
            f"{printable(where)} lacks {len(missing):,} of the {len(names):,} images of {printable(of)}, such as "
            f"{printable(missing[0])}: partners are found by the same relative name without suffix."
        )
    return [known[name] for name in names]


def _stacked(
    sets: list[list[Item]], size: tuple[int, int] | None, wanted: tuple[int, ...] | None = None, whose: str = ""
) -> list[np.ndarray]:
    """Each set of files as uint8 (N, H, W, 3). size: resizes all. wanted: the size that they must have, and whose that
    is; None: the first file's. UserError that names the first file of another size."""
    result = []
    for items in sets:
        arrays = []
        for item in items:
            try:
                array = rgb8.read(item.path)
            except rgb8.ImageError as error:
                raise UserError(f"{item.name} can't be used: {error}.") from error
            here = array.shape[:2]
            wanted, whose = (wanted, whose) if wanted else (here, item.name)
            if size is None and here != wanted:
                raise UserError(
                    f"{item.name} is {here[0]} x {here[1]} (height x width), but {whose} {wanted[0]} x {wanted[1]}: "
                    f"only images of one size can be compared; --size {wanted[0]}x{wanted[1]} resizes all of them."
                )
            arrays.append(rgb8.resize(array, size or here))
        result.append(np.stack(arrays))
    return result
