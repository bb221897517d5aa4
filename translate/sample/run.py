"""`translate sample`: checks the options, then writes samples and sheets into one folder."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from translate.errors import DAMAGED, UserError
from translate.image import rgb8
from translate.model import file as generator_file
from translate.model.sampler import Sampler
from translate.sample import neighbours, sheets
from translate.sample.expression import Expression
from translate.sample.folder import Folder
from translate.system import device
from translate.system.files import sha256
from translate.system.lock import claim

COUNT = 64
WRITE_BATCH = 1024  # samples per update of the folder's record
LARGEST_SEED = 2**62


@dataclass
class Options:
    """The command line's options."""

    model: str
    out: Path | None = None
    count: int | None = None
    seed: int = 0
    chosen: str | None = None  # --class
    interpolate: bool = False
    expr: str | None = None
    neighbours: bool = False
    device: str = "auto"


def sample(options: Options, say: Callable[[str], Any] = print) -> Path:
    """Generate the samples and sheets; returns the folder. UserError before anything is written."""
    sampler = Sampler.load(options.model, device=device.choose(options.device))
    chosen = _class(options, sampler)
    seeds = _seeds(options, sampler)
    if options.interpolate and len(seeds) < 2:
        raise UserError("--interpolate goes from one seed to the next; it needs -n 2 or more.")
    if options.expr is not None and sampler.classes and chosen is None:
        raise UserError(f"--expr needs --class NAME here: one of {_some(sampler.classes)}.")
    found = None if options.expr is None else Expression(options.expr, sampler.latent)
    path = Path(options.model)
    name = path.resolve().name if path.is_dir() else path.stem
    out = options.out or Path(f"{name}-samples")
    with claim(out, say):
        return _sample(options, sampler, chosen, seeds, found, path, name, out, say)


def _sample(
    options: Options,
    sampler: Sampler,
    chosen: int | None,
    seeds: range,
    found: Expression | None,
    path: Path,
    name: str,
    out: Path,
    say: Callable[[str], Any],
) -> Path:
    folder = Folder(out, sha256(generator_file.find(options.model)))
    data = neighbours.open_training_data(path, say) if options.neighbours else None

    classes = [*range(len(sampler.classes))] if chosen is None else [chosen]
    caption = _caption(sampler, name, chosen)
    try:
        pictures = _pictures(sampler, seeds, classes, folder)
        if len(pictures) == 1:
            sheet = sheets.grid(next(iter(pictures.values())), seeds, caption)
        else:
            sheet = sheets.by_class(pictures, seeds, caption)
        files = {"sheet.png": sheet}
        if options.interpolate:
            files["interpolation.png"] = sheets.interpolation(sampler, seeds, classes, caption)
        if found:
            files["expression.png"] = sheets.expression(sampler, found, chosen, caption)
        if data:
            mixed = np.stack([picture for row in zip(*pictures.values(), strict=True) for picture in row])
            files["neighbours.png"], sentence = neighbours.compare(mixed, data, caption)
            say(sentence)
    except FloatingPointError as error:
        raise UserError(f"{options.model} can't be used: {error}.", DAMAGED) from error
    folder.write(files)
    total = len(seeds) * max(1, len(classes))
    say(f"wrote {out}: {total:,} picture{'s' * (total > 1)} (seeds {seeds[0]} to {seeds[-1]}), {', '.join(files)}")
    return out


def _pictures(sampler: Sampler, seeds: range, classes: list[int], folder: Folder) -> dict[str, np.ndarray]:
    """Write the sample of each seed, in one folder per class if there are classes. Returns the first MAX_SAMPLES of
    each class, uint8 (N, H, W, C)."""
    jobs = list(product(classes or [-1], seeds))
    folders = _folder_names(sampler.classes)
    kept: dict[int, list[np.ndarray]] = {number: [] for number in classes or [-1]}
    for start in range(0, len(jobs), WRITE_BATCH):
        part = jobs[start : start + WRITE_BATCH]
        samples = sampler(
            sampler.latents([seed for _, seed in part]), [number for number, _ in part] if classes else None
        )
        files = {}
        for (number, seed), picture in zip(part, samples, strict=True):
            files[f"{folders[number] if classes else '.'}/{seed:06d}.png".removeprefix("./")] = rgb8.to_png(picture)
            if len(kept[number]) < neighbours.MAX_SAMPLES:
                kept[number].append(picture)
        folder.write(files)
    return {sampler.classes[number] if classes else "": np.stack(found) for number, found in kept.items()}


def _class(options: Options, sampler: Sampler) -> int | None:
    if options.chosen is None:
        return None
    if not sampler.classes:
        raise UserError(f"--class {options.chosen}: {options.model} was trained without classes.")
    if options.chosen not in sampler.classes:
        raise UserError(f"--class {options.chosen}: there is no such class; there are {_some(sampler.classes)}.")
    return sampler.classes.index(options.chosen)


def _seeds(options: Options, sampler: Sampler) -> range:
    all_classes = sampler.classes and options.chosen is None
    count = options.count or (sheets.PER_CLASS if all_classes else COUNT)
    if options.seed + count > LARGEST_SEED:
        raise UserError(f"--seed {options.seed} is too large; seeds go up to {LARGEST_SEED - 1:,}.")
    return range(options.seed, options.seed + count)


def _some(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _caption(sampler: Sampler, name: str, chosen: int | None) -> str:
    images_seen = sampler.description.get("images")
    parts = [f"{name}: {sampler.description.get('mode', 'GAN')}, {sampler.name}"]
    if chosen is not None:
        parts.append(f"class {sampler.classes[chosen]}")
    if images_seen:
        parts.append(f"{images_seen:,} images seen")
    return ", ".join(parts)


def _folder_names(classes: list[str]) -> list[str]:
    """A different folder name for each class (the name "T-shirt/top" has a slash)."""
    names = [re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "_", name).strip(". ") or "_" for name in classes]
    same = len({name.casefold() for name in names}) < len(names)
    return [f"{number}-{name}" for number, name in enumerate(names)] if same else names
