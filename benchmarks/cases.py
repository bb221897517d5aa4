"""What is trained in the benchmarks, with real settings, and which settings are switched to see what they bring."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from harness import Work
from limits import count
from torch import Tensor

from translate.errors import UserError
from translate.modes import DOMAINS, MODES
from translate.train.build import build_mode
from translate.train.options import Options
from translate.train.settings import RunSettings, TrainSettings
from translate.train.step.backends import set_backends
from translate.train.step.trainer import Trainer

SEED = 0
DIFFERENT = 4  # batches that are played in turn


@dataclass(frozen=True)
class Case:
    """mode, preset and sets are what a user would type. batches: those measured by default. least: rounds that are
    timed together, because they differ."""

    title: str
    mode: str
    preset: str
    batches: dict[str, tuple[int, ...]]
    sets: tuple[str, ...] = ()
    least: int = 1


CASES = {
    "cycle-256": Case("CycleGAN, ResNet-9, 256 px", "cycle", "paper", {"cuda": (1, 8, 16), "cpu": (1,)}),
    "pix2pix-256": Case("pix2pix, U-Net, 256 px", "pix2pix", "paper", {"cuda": (1, 16), "cpu": (1,)}),
    # Its R1 penalty comes in one round of four.
    "emoji": Case("CycleGAN, preset cpu, 64 px", "cycle", "cpu", {"cuda": (4,), "cpu": (4,)}, least=16),
    "dcgan-64": Case("DCGAN, 64 px", "dcgan", "paper", {"cuda": (128,), "cpu": (16,)}),
    "small": Case(
        "CycleGAN, ResNet-6 of 16 filters, 64 px",
        "cycle",
        "paper",
        {"cuda": (1, 4), "cpu": (1, 4)},
        ("size=64", "generator.blocks=6", "generator.filters=16", "discriminator.filters=16"),
    ),
}

# What each setting for speed is when it is off and when it is on; None: what follows from device and batch.
SWITCHES: dict[str, tuple[str, str | None]] = {
    "channels_last": ("false", "true"),
    "fuse_passes": ("false", "true"),
    "compile": ("false", "true"),
    "graphs": ("false", "true"),
    "batch_threads": ("1", None),
}
PLAIN, ALL, DEFAULT = "plain", "all", "default"
VARIANTS = (PLAIN, *(f"+{name}" for name in SWITCHES), "+bf16", "+fp16", ALL, DEFAULT)


class LeftOut(Exception):
    """Why something is not measured, in one sentence."""


def variant_sets(variant: str, case: Case, batch: int, device: str, precision: str, sets: list[str]) -> list[str]:
    """The settings of a variant, over `sets`. plain: every setting for speed off, in `precision`. +name: only that one
    is on. all: all that can be had here. default: nothing is said, so what a user gets. LeftOut if it can't be had."""
    if variant == DEFAULT:
        return sets
    if variant in ("+bf16", "+fp16"):
        precision = variant.removeprefix("+")

    def switched(*on: str) -> list[str]:
        words = {
            name: words[name in on] for name, words in SWITCHES.items() if {name} & {*TrainSettings.model_fields, *on}
        }
        made = [*sets, *(f"{name}={word}" for name, word in words.items() if word), f"precision={precision}"]
        settings_of(case, batch, device, made)
        return made

    try:
        if variant != ALL:
            return switched(*(name for name in SWITCHES if variant == f"+{name}"))
        possible = []
        for name in SWITCHES:
            with contextlib.suppress(UserError):
                switched(name)
                possible.append(name)
        return switched(*possible)
    except UserError as error:
        raise LeftOut(str(error)) from error


def settings_of(case: Case, batch: int, device: str, sets: list[str]) -> RunSettings:
    """What `translate train` would make of it; UserError where that can't be."""
    options: dict[str, Any] = {"batch": batch, "device": device, "images": 1_000_000}
    folders = (".", "." if MODES[case.mode].kind == "translation" else None)  # any: no data is opened
    return Options(case.mode, *folders, case.preset, None, [*case.sets, *sets], None, options).settings()


def tensors(settings: RunSettings, seed: int = SEED) -> Iterator[tuple[Tensor, ...]]:
    """Batches in [-1, 1] as the loader gives them, without end; the same for all contenders of equal batch and size."""
    mode, random = MODES[settings.mode], torch.Generator().manual_seed(seed)
    many = settings.train.batch * (settings.mode_settings.k if mode.kind == "noise" else 1)
    channels = settings.data.channels[: DOMAINS[mode.kind]]
    made = [
        tuple(torch.rand(many, count, *settings.data.size, generator=random) * 2 - 1 for count in channels)
        for _ in range(DIFFERENT)
    ]
    return itertools.cycle(made)


def pinned(batches: Iterator[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """The same in memory that a GPU copies from by itself, as our loader has it for CUDA."""
    return itertools.cycle([tuple(part.pin_memory() for part in next(batches)) for _ in range(DIFFERENT)])


def prepare(settings: RunSettings) -> Trainer:
    """A trainer with new networks, in a process set up as a training run's."""
    set_backends(settings.train)
    torch.manual_seed(SEED)
    return Trainer(build_mode(settings), settings.train, settings.train.images)


def parameters(networks: dict[str, torch.nn.Module]) -> int:
    return sum(p.numel() for network in networks.values() for p in network.parameters())


def ours(case: Case, batch: int, device: str, sets: list[str]) -> Work:
    """A contender: rounds as `translate train` runs them, without loader, log and files."""
    settings = settings_of(case, batch, device, sets)
    trainer, batches = prepare(settings), tensors(settings)
    if device == "cuda":
        batches = pinned(batches)
    t = settings.train
    facts = {
        "settings": {name: getattr(t, name) for name in SWITCHES if name in TrainSettings.model_fields},
        "precision": t.precision,
        "matrix": "tf32" if device == "cuda" and t.tf32 and t.precision == "fp32" else t.precision,
        "parameters": parameters(trainer.mode.networks),
    }
    return Work(lambda: trainer.play([next(batches)], 0), device, facts)


def demand(case: Case, batch: int, device: str, sets: list[str]) -> dict[str, float]:
    """FLOPs and bytes that an image costs in training, counted in real rounds (`limits.count`)."""
    settings = settings_of(case, batch, device, sets)
    trainer, batches, rounds = prepare(settings), tensors(settings), case.least
    images = batch * rounds * trainer.mode.batches_per_round

    def play() -> None:
        for _ in range(rounds):
            trainer.play([next(batches)], 0)

    flops, traffic = count(play)
    return {"flops": flops / images, "bytes": traffic / images}
