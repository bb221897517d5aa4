"""Inputs for comparing an export with torch: held-out images of the run, a folder's or synthetic images, or seeds."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from translate import catalog
from translate.data import listing
from translate.data.items import Item
from translate.data.reader import Reader
from translate.data.settings import DataSettings
from translate.data.store import Pictures
from translate.errors import UserError
from translate.export.graph import Source
from translate.export.parity import Compared
from translate.image import rgb8
from translate.model.translator import label_map
from translate.settings import LETTERS, read_toml
from translate.system.untrusted import read_object

COUNT = 8


def choose(source: Source, model: str, folder: Path | None = None) -> Compared:
    """(images, text that names them): uint8 (H, W, C) each; for a GAN (seeds, "seeds").

    UserError when `folder` is given and has no usable image.
    """
    images, named = _chosen(source, model, folder)
    if classes := label_map(source.description, source.direction):  # whatever is given: of its colours only
        nearest = replace(classes, ids=(), nearest=True)
        images = [nearest.picture(image) for image in images]
    return images, named


def _chosen(source: Source, model: str, folder: Path | None) -> Compared:
    if source.latent:
        return list(range(COUNT)), "seeds"
    if source.measured:
        return drawn(source), "drawn fields"
    if folder is not None:
        return from_folder(folder, source), f"pictures of {folder.resolve().name}"
    run = Path(model).expanduser()
    own = held_out(run, source)
    missing = " (the run's own are not where they were)" if own is None and (run / "config.toml").is_file() else ""
    return own or (drawn(source), f"drawn pictures{missing}")


def from_folder(folder: Path, source: Source, count: int = COUNT) -> list[np.ndarray]:
    """Up to `count` images of a folder, uint8 (H, W, C), evenly spaced; files that can't be read are skipped.

    UserError when the folder doesn't exist or has no image that can be read.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give a folder of images.")
    found: list[np.ndarray] = []
    items = listing.tree(folder, [])
    background = source.description.get("background", rgb8.WHITE)
    for item in items[:: max(1, len(items) // count)]:
        with contextlib.suppress(rgb8.ImageError):
            found.append(rgb8.read(item.path, channels=source.channels, background=tuple(background)))
    if not found:
        raise UserError(f"{folder} has no image that can be read.")
    return found[:count]


def held_out(run: Path, source: Source) -> tuple[list[np.ndarray], str] | None:
    """(images, text that names them): held-out images of a run folder, by the names in its data.json.

    None when `run` is no run folder or its images are not on this machine.
    """
    letter = source.direction[0]
    try:
        config = read_toml(run / "config.toml")
        record = read_object(run / "data.json")
        keys = set(record[letter]["test"])
        settings = DataSettings.parse(config["data"], str(run))
        names = dict(zip(LETTERS, [config["a"], config["b"], *config.get("more", [])], strict=False))
        items = _items(names[letter], names["b" if letter == "a" else "a"], letter, settings, record["paired"])
        chosen = [item for item in items if item.key in keys][:COUNT]
        pictures = Pictures(chosen, Reader.of(settings, source.channels), settings.size)
        found = [pictures[index] for index in range(len(chosen))]
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return None  # no run folder, or its images are not here: the export uses other images
    return (found, f"held-out pictures of {Path(names[letter]).name}") if found else None


def _items(name: str, other_name: str, letter: str, settings: DataSettings, paired: bool) -> list[Item]:
    """All images of one side, `name`; none when they would have to be downloaded first. other_name: a, or of a b."""
    place, other = catalog.resolve(name), catalog.resolve(other_name)
    if isinstance(place, catalog.Recipe):
        fetched = (catalog.cache_folder() / "datasets" / f"{place.name}-{place.stamp}").is_dir()
        return listing.recipe_side(catalog.fetch(place)).train if fetched else []
    if isinstance(other, catalog.Recipe) or letter not in "ab":
        side = listing.one_side(place, [])
    else:
        sides = listing.two_sides(*((place, other) if letter == "a" else (other, place)), settings, paired, [])
        side = sides["ab".index(letter)]
    return [*side.train, *(side.test or [])]


def drawn(source: Source, count: int = COUNT) -> list[np.ndarray]:
    """Synthetic images for a model of measured values, or whose data is missing: smooth colours, a rectangle and noise,
    from fixed seeds."""
    height, width = source.size
    pictures = []
    for number in range(count):
        random = np.random.default_rng(number)
        planes = []
        for _ in range(0, source.channels, 3):
            picture = rgb8.resize(random.integers(0, 256, (3, 3, 3), dtype=np.uint8), source.size).astype(np.int32)
            picture[height // 3 : height // 3 * 2, width // 4 : width // 2] = random.integers(0, 256, 3)
            planes.append((picture + random.integers(-12, 13, picture.shape)).clip(0, 255).astype(np.uint8))
        pictures.append(np.concatenate(planes, axis=2)[..., : source.channels])
    return pictures
