"""The settings that suit the images, each with its reason, and the command that trains with them."""

import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from translate.check.images import Seen
from translate.data.settings import DataSettings
from translate.image import decode
from translate.image.raw import levels, range_words
from translate.image.source import ImageError, contents
from translate.train.presets import PRESETS, automatic

SAMPLED = 60  # transparent images that are looked at
LIGHT = 0.75  # mean brightness of what is visible, from which black is the better background
FEW = 100  # training images
SIDES = (32, 64, 128, 256, 512)


class Setting(NamedTuple):
    name: str
    value: str
    why: str


def mode_of(letters: int, paired: bool) -> str:
    return "dcgan" if letters == 1 else "pix2pix" if paired else "cycle"


def preset_of(mode: str, device: str, side: float, small: bool) -> tuple[str, int]:
    """(the preset for images whose shorter side is `side`, the size it trains at)."""
    name = automatic(mode, device, small)
    sizes = {known: _size(table[mode]) for known, table in PRESETS.items() if mode in table and known.startswith("gpu")}
    if device != "cpu" and sizes:
        fitting = {known: size for known, size in sizes.items() if size <= 1.15 * side}
        name = max(fitting, key=fitting.__getitem__) if fitting else min(sizes, key=sizes.__getitem__)
    return name, _size(PRESETS[name][mode])


def _size(table: dict[str, Any]) -> int:
    return table.get("data", {}).get("size", [256, 256])[0]


def settings(
    domains: Sequence[dict[str, Any]], images: list[Seen], given: DataSettings, mode: str, device: str, small: bool,
    backgrounds: Sequence[str],
) -> tuple[str, list[Setting]]:  # fmt: skip
    """(preset, settings). domains: their facts. given: the user's own. backgrounds: those of named sets, or ""."""
    side = min(one["sides"] for one in domains)
    preset, native = preset_of(mode, device, side, small)
    found = [_shape(domains, side, native, preset)]
    if any(one["not_square"] > 0.1 for one in domains) and "x" not in found[0].value:
        share = max(one["not_square"] for one in domains)
        found.append(
            Setting(
                "data.fit", "cover", f"{100 * share:.0f} % are not square, and stretching would change their shapes"
            )
        )
    background = next(filter(None, backgrounds), "") or _background([one for one in images if _alpha(one)])
    if background and background != given.background:
        found.append(Setting("data.background", background, "what is visible is light, and part of it transparent"))
    for one in domains:
        letter = one["letter"]
        if one["range"]:
            span = range_words((one["range"][0], one["range"][1]))
            why = "more than 8 bits: so that later images are read alike"
            found.append(Setting(f"data.range_{letter}", span, why))
        elif one["grey"] == one["images"] and mode != "cycle":
            found.append(Setting(f"data.channels_{letter}", "1", f"all images of {letter} are grey"))
    if len(domains) == 1 and not given.labels and any("/" in one.item.key for one in images):
        found.append(Setting("data.labels", "auto", "the sub-folders may be classes"))
    return preset, found


def _shape(domains: Sequence[dict[str, Any]], side: float, native: int, preset: str) -> Setting:
    """The size: the preset's, or smaller where the images are; of the images' own shape where all have the same."""
    size = native if side >= 0.8 * native else max(one for one in SIDES if one <= max(side, SIDES[0]))
    why = f"the shorter sides have {side:.0f} pixels (median); preset {preset} trains at {native}"
    shapes = [one["aspects"]["median"] for one in domains]
    alike = all(one["alike"] >= 0.9 for one in domains) and max(shapes) / min(shapes) < 1.05
    if alike and abs(np.log(shapes[0])) > 0.1:
        height, width = (max(16, round(size * factor / 16) * 16) for factor in (shapes[0] ** -0.5, shapes[0] ** 0.5))
        return Setting("data.size", f"{height}x{width}", f"{why}; nearly all have this shape")
    return Setting("data.size", str(size), why)


def _alpha(one: Seen) -> bool:
    """Whether it may be partly transparent. Not where pixels weren't to be read."""
    return one.pixels is not None and one.file.header is not None and one.file.header.alpha


def _background(transparent: list[Seen]) -> str:
    """'black' for light drawings on nothing, 'white' for others; '' where nothing is transparent."""
    found = []
    for one in transparent[:: max(1, len(transparent) // SAMPLED)]:
        try:
            own = levels(decode.decode(contents(one.item.path)))
        except ImageError:
            continue
        if own.alpha is not None:
            top = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(own.colours.dtype, 1)
            share = own.alpha.astype(np.float64) / top
            if share.min() < 0.5 < share.max():
                found.append(float((own.colours.mean(axis=2) / top * share).sum() / share.sum()))
    return ("black" if np.mean(found) >= LIGHT else "white") if found else ""


def command(names: Sequence[str], mode: str, preset: str, chosen: Sequence[Setting], given: Sequence[str]) -> str:
    """given: --set words of the user's own."""
    words = ["translate", "train", "--mode", mode, "--a", names[0], *(["--b", names[1]] if len(names) > 1 else [])]
    words += ["--preset", preset]
    for one in chosen:
        words += ["--size", one.value] if one.name == "data.size" else ["--set", f"{one.name}={one.value}"]
    for text in given:
        words += ["--set", text]
    return shlex.join(words)


def warnings(domains: Sequence[dict[str, Any]], number: dict[str, int], paired: bool) -> list[str]:
    """Sentences about what would make training or its scores worse."""
    found = []
    for one in domains:
        letter = one["letter"]
        if leaks := number[f"leaks_{letter}"]:
            found.append(
                f"copies of {leaks:,} of the {one['test']:,} test images of {letter} are among its training images, "
                "which makes scores look better than they are: remove the copies, or sort the images into folders "
                "train and test yourself."
            )
        if number[f"within_{letter}"] > 0.02 * one["images"]:
            found.append(
                f"of the {one['images']:,} images of {letter}, {number[f'within_{letter}']:,} are copies of others."
            )
        if one["train"] < FEW:
            found.append(f"{letter} has {one['train']:,} images for training; some hundreds are usual.")
        if one["odd"]:
            found.append(f"images of {letter} with an odd shape or size: {len(one['odd']):,}.")
        counts = [own["train"] for own in one["classes"].values()]
        if counts and max(counts) > 10 * max(1, min(counts)):
            found.append(f"the classes of {letter} are unequal: {min(counts):,} to {max(counts):,} training images.")
    if number["across"] and not paired:
        found.append(f"pictures in both domains: {number['across']:,}; what is in both needs no translation.")
    if equal := number["equal_pairs"]:
        found.append(f"pairs of two nearly equal images: {equal:,}; they teach nothing.")
    return found
