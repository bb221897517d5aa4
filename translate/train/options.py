"""From the command line's options to the settings of a run: paper < preset < --config < options < --set."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from translate import catalog
from translate.data import Data
from translate.errors import UserError
from translate.modes import DOMAINS, MODES
from translate.networks import GENERATORS, LATENT
from translate.settings import merge, parse_assignment, read_toml
from translate.system import distributed
from translate.system.device import choose
from translate.train.build import settings_of
from translate.train.presets import automatic, preset
from translate.train.settings import (
    RENAMED,
    Precision,
    RunSettings,
    TrainSettings,
    mode_defaults,
    mode_name,
    renamed,
    settings_class,
)

# Command-line options → the settings that they set.
OPTIONS = {
    "size": ("data", "size"),
    "batch": ("train", "batch"),
    "images": ("train", "images"),
    "lr": ("train", "lr"),
    "precision": ("train", "precision"),
    "device": ("train", "device"),
    "workers": ("train", "workers"),
    "seed": ("seed",),
    "labels": ("data", "labels"),
}


LARGE_SET = 10_000  # images


@dataclass
class Options:
    """The command line's options; None or empty where they are not used."""

    mode: str | None
    a: str | None
    b: str | None
    preset: str | None
    config: Path | None
    sets: list[str]
    init_from: str | None
    options: dict[str, Any]

    def settings(self) -> RunSettings:
        """Complete settings, with no 'auto' left. UserError for anything unknown, impossible or missing."""
        config = renamed(read_toml(self.config)) if self.config else {}
        mode = self._mode(config)
        model = settings_class(mode)
        typed: dict[str, Any] = {
            name: value for name in ("a", "b", "init_from") if (value := getattr(self, name)) is not None
        }
        for name, value in self.options.items():
            typed = merge(typed, _nested(OPTIONS[name], value))
        for text in self.sets:
            typed = merge(typed, parse_assignment(text, model, RENAMED))
        given = _anywhere(merge(config, typed))
        noise = MODES[mode].kind == "noise"
        for name in ("a", "b")[: DOMAINS[MODES[mode].kind]]:
            if not given.get(name):
                raise UserError(f"--{name} is missing: name a folder of images or a set from `translate data list`.")
        if noise and given.get("b"):
            raise UserError(f"--b {given['b']}: --mode {mode} makes images from noise and takes no --b.")
        source = f"{self.config}" if self.config else "the settings"
        # First the user's values only, so that an error message is about them.
        model.parse(merge(mode_defaults(mode), merge(given, {"mode": mode})), source)
        device = choose(given.get("train", {}).get("device", "auto"))
        chosen = (
            self.preset or config.get("preset") or automatic(mode, device, small_images(given["a"], given.get("b")))
        )
        origin = settings_of(given["init_from"], mode) if given.get("init_from") else {}
        discriminator = merge(origin, given).get("discriminator", {}).get("network")
        base = merge(mode_defaults(mode), preset(chosen, mode, discriminator))
        if noise and not isinstance(found := catalog.resolve(given["a"]), Path):
            base = merge(base, {"data": found.data})
            if found.count >= LARGE_SET:  # D doesn't overfit these, and on MNIST augmentation made scores worse
                base = merge(base, {"mode_settings": {"diffaugment": []}})
        base = merge(base, origin)
        fixed = {"mode": mode, "preset": chosen, "train": {"device": device}}
        return complete(model.parse(merge(merge(base, given), fixed), source))

    def _mode(self, config: dict[str, Any]) -> str:
        name = self.mode or config.get("mode")
        if not name:
            raise UserError(f"--mode is missing: one of {', '.join(MODES)}.")
        if not isinstance(name, str):
            raise UserError(f"{self.config}: 'mode' is {name!r:.40}, but it should be one of {', '.join(MODES)}.")
        try:
            return mode_name(name)
        except KeyError:
            raise UserError(f"--mode {name}: there is no such mode; there are {', '.join(MODES)}.") from None


def _anywhere(told: dict[str, Any]) -> dict[str, Any]:
    """With folders and files as they are found from any working folder."""
    for name in ("a", "b"):
        if isinstance(told.get(name), str) and told[name]:
            told = merge(told, {name: catalog.identify(told[name])})
    labels = told["data"].get("labels") if isinstance(told.get("data"), dict) else None
    if isinstance(labels, str) and labels not in ("", "auto"):
        told = merge(told, {"data": {"labels": catalog.absolute(labels)}})
    start = told.get("init_from")
    if isinstance(start, str) and Path(start).expanduser().exists():
        told = merge(told, {"init_from": catalog.absolute(start)})
    return told


def complete(settings: RunSettings) -> RunSettings:
    """The settings with those filled in that depend on the device and the image size. UserError for what can't work."""
    t, size = settings.train, settings.data.size
    if settings.data.augment_on == "auto" and t.device != "cuda":
        settings.data.augment_on = "cpu"  # on CUDA it depends on the data: with_augmentation
    if t.precision == "auto":
        t.precision = best_precision(t.device)
    if t.precision == "fp16" and t.device != "cuda":
        raise UserError(f"--precision fp16 works on CUDA only, not on {t.device}; use fp32 or bf16.")
    if t.precision == "bf16" and t.device == "mps":
        raise UserError("--precision bf16 works on cpu and cuda only, not on mps; use fp32.")
    if t.workers is None:
        t.workers = 0 if t.device == "cpu" else min(8, max(2, (torch.get_num_threads() + 1) // 2))
    if t.channels_last is None:
        t.channels_last = t.device != "mps"  # on a CPU too: a third quicker with small networks
    if t.fuse_passes is None:
        t.fuse_passes = t.device in ("cpu", "cuda")
    _check_parts(t)
    _choose_graphs(settings)
    _check_networks(settings)
    try:
        settings.generator = settings.generator.for_size(*size)
        settings.discriminator = settings.discriminator.for_size(*size)
    except ValueError as error:
        raise UserError(f"--size {size[0]}x{size[1]}: {error}.") from error
    d = settings.discriminator
    shrunk = min(size)
    for stride in [2] * d.layers + [1] * d.stop if d.network == "patch" else []:
        shrunk = (shrunk - 2) // stride + 1
    if shrunk < 1:
        raise UserError(
            f"--size {size[0]}x{size[1]} is too small for discriminator.layers = {d.layers}; use fewer layers."
        )
    return settings


def with_length(settings: RunSettings, data: Data, say: Callable[[str], Any]) -> RunSettings:
    """With the training's length in whole rounds, so that processes and threads have as many images and D takes its k
    steps. By default 200 epochs of the larger domain (papers)."""
    images = settings.train.images or 200 * max(len(data.train_a), len(data.train_b))
    k = MODES[settings.mode].steps_of_d(settings.mode_settings)
    images_per_round = settings.train.batch * settings.train.accumulate * k
    whole = -(-images // images_per_round) * images_per_round
    if settings.train.images and whole != images:
        say(f"--images {images:,} becomes {whole:,}: whole rounds of {images_per_round} images.")
    return settings.model_copy(update={"train": settings.train.model_copy(update={"images": whole})})


def with_augmentation(settings: RunSettings, data: Data, recorded: str | None) -> RunSettings:
    """With the place of augmentation chosen where it is "auto", in the settings and in the data: as the run was begun
    (`recorded`), else on CUDA when kornia is there and the decoded images fit."""
    if settings.data.augment_on == "auto":
        device = settings.train.device
        there = device == "cuda" and find_spec("kornia") is not None and data.fits_on(device)
        chosen = distributed.broadcast(recorded or ("device" if there else "cpu"))
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"augment_on": chosen})})
    data.settings = settings.data
    return settings


def _check_networks(settings: RunSettings) -> None:
    """UserError for a generator of another kind of mode, and for a gradient penalty with batch norm in D."""
    kinds = LATENT if MODES[settings.mode].kind == "noise" else GENERATORS
    if settings.generator.network not in kinds:
        raise UserError(
            f"generator.network = {settings.generator.network} is not for --mode {settings.mode}; "
            f"there are {', '.join(kinds)}."
        )
    if (
        settings.mode_settings.penalty
        and settings.discriminator.norm == "batch"
        and settings.discriminator.network != "mlp"
    ):
        raise UserError(
            "the gradient penalty is defined at single images, and batch norm makes each depend on all others; "
            "use --set discriminator.norm=none, instance or group."
        )


def _check_parts(t: TrainSettings) -> None:
    """Fill in batch_threads. UserError unless a batch can be divided equally among processes and threads."""
    each, left = divmod(t.batch, distributed.launched())
    if left:
        raise UserError(
            f"--batch {t.batch} is for all processes together and can't be divided among {distributed.launched()}; "
            f"use {(each + 1) * distributed.launched()}."
        )
    if t.batch_threads is None:
        cores = torch.get_num_threads() if t.device == "cpu" else 1
        t.batch_threads = max(number for number in range(1, cores + 1) if each % number == 0)
    elif t.device != "cpu" and t.batch_threads > 1:
        raise UserError(f"train.batch_threads = {t.batch_threads} is for the CPU; leave it out on {t.device}.")
    elif each % t.batch_threads:
        raise UserError(f"train.batch_threads = {t.batch_threads} must divide a process's {each} images of a batch.")


def _choose_graphs(settings: RunSettings) -> None:
    """Fill in train.graphs: on CUDA, unless a round can't be recorded. UserError where it is asked for and can't be."""
    t = settings.train
    rmsprop = t.precision == "fp16" and "rmsprop" in (t.optimizer, t.optimizer_d or t.optimizer)
    problems = {
        f"device = {t.device}; it is for cuda": t.device != "cuda",
        "rmsprop in fp16, which waits for the device; use bf16": rmsprop,
        # Seen at batch 1: the warm-up finds a gradient of 3 channels in another layout than the compiler expected.
        "compile = true and fuse_passes = false; change one of them": t.compile and not t.fuse_passes,
    }
    found = [problem for problem, holds in problems.items() if holds]
    if t.graphs and found:
        raise UserError(f"train.graphs can't be had with {found[0]}.")
    if t.graphs is None:  # over several processes only where it is asked for: not yet measured
        t.graphs = not found and distributed.launched() == 1


def best_precision(device: str) -> Precision:
    """What precision 'auto' means on a device."""
    if device != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def small_images(a: str, b: str | None) -> bool:
    """Whether all are named sets of small images (emoji in PNG), for which 64 px is the right size."""
    found = [catalog.resolve(name) for name in (a, b) if name]
    return all(not isinstance(x, Path) and x.keys == "codepoints" and x.format == "png" for x in found)


def default_folder(settings: RunSettings) -> Path:
    """runs/<mode>-<a>-<b>, or without b"""
    names = [re.sub(r"[^\w.-]+", "_", Path(name).resolve().name if Path(name).exists() else name)
             for name in (settings.a, settings.b) if name]  # fmt: skip
    return Path("runs") / "-".join([settings.mode, *names])


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value
