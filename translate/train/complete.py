"""Completes and checks settings: fills in values that depend on the device, the image size and the data."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch

from translate.data import Data
from translate.data.settings import COLOUR
from translate.errors import UserError
from translate.modes import MODES
from translate.networks import DISCRIMINATORS, GENERATORS, LATENT, SEVERAL
from translate.system import distributed
from translate.train.settings import Precision, RunSettings, TrainSettings


def complete(settings: RunSettings) -> RunSettings:
    """The settings with values that depend on device and image size filled in. UserError for invalid combinations."""
    t, size = settings.train, settings.data.size
    if settings.data.augment_on == "auto" and t.device != "cuda":
        settings.data.augment_on = "cpu"  # on CUDA it depends on the data: with_data
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
    for _ in range(getattr(settings.mode_settings, "scales", 1) - 1):
        shrunk = (shrunk + 1) // 2
    for stride in [2] * d.layers + [1] * d.stop if d.network == "patch" else []:
        shrunk = (shrunk - 2) // stride + 1
    if shrunk < 1:
        raise UserError(
            f"--size {size[0]}x{size[1]} is too small for discriminator.layers = {d.layers}; use fewer layers "
            "or scales."
        )
    return settings


def with_length(settings: RunSettings, data: Data, say: Callable[[str], Any]) -> RunSettings:
    """The settings with the length rounded to whole rounds, so that all processes and threads get equally many images
    and D takes its k steps. Default length: 200 epochs of the larger domain (papers)."""
    images = settings.train.images or 200 * max(len(data.train_a), len(data.train_b))
    images_per_round = whole_round(settings)
    whole = -(-images // images_per_round) * images_per_round
    if settings.train.images and whole != images:
        say(f"--images {images:,} becomes {whole:,}: whole rounds of {images_per_round} images.")
    return settings.model_copy(update={"train": settings.train.model_copy(update={"images": whole})})


def whole_round(settings: RunSettings) -> int:
    """Images of one round."""
    return settings.train.batch * settings.train.accumulate * MODES[settings.mode].steps_of_d(settings.mode_settings)


def with_data(settings: RunSettings, data: Data, recorded: str | None) -> RunSettings:
    """The settings with what follows from the data, also in the data's own settings: channels and nodata values; and
    augment_on = "auto": the value the run was started with (`recorded`), else the device when it is CUDA, kornia is
    installed and the decoded images fit in its memory."""
    found: dict[str, Any] = {}
    for letter, domain in zip("ab", data.domains, strict=False):
        found[f"channels_{letter}"] = domain.type.channels if domain.type else domain.train.reader.channels
        if domain.type and domain.type.nodata is not None:
            found[f"nodata_{letter}"] = f"{domain.type.nodata:.17g}"
        if domain.label_map:
            found["label_map"] = str(domain.label_map)
    if len(data.domains) == 1:
        found["channels_b"] = found["channels_a"]
        if found["channels_a"] not in (1, COLOUR):
            raise UserError(f"images from noise have 1 or 3 channels, and those of {settings.a} {found['channels_a']}.")
        if "nodata_a" in found:
            raise UserError("images from noise have a value in every pixel; fill those without, or set data.nodata_a.")
    if "label_map" in found and settings.discriminator.network == "projected":
        raise UserError("discriminator.network = projected sees pictures, and label maps are none; set it to patch.")
    settings = settings.model_copy(update={"data": settings.data.model_copy(update=found)})
    if settings.data.augment_on == "auto":
        device = settings.train.device
        there = device == "cuda" and find_spec("kornia") is not None and data.fits_on(device)
        chosen = distributed.broadcast(recorded or ("device" if there else "cpu"))
        settings = settings.model_copy(update={"data": settings.data.model_copy(update={"augment_on": chosen})})
    data.settings = settings.data
    return settings


def _check_networks(settings: RunSettings) -> None:
    """UserError for a generator that doesn't fit the mode, and for a gradient penalty with batch norm in D."""
    d = settings.discriminator
    kinds = LATENT if MODES[settings.mode].kind == "noise" else GENERATORS
    if settings.generator.network not in kinds:
        raise UserError(
            f"generator.network = {settings.generator.network} is not for --mode {settings.mode}; "
            f"there are {', '.join(kinds)}."
        )
    if MODES[settings.mode].many and settings.data.colour_changes:
        raise UserError(
            f"data.{settings.data.colour_changes[0]} changes inputs only, and in --mode {settings.mode} every domain "
            "is a target too; set it to 0."
        )
    how = getattr(settings.mode_settings, "class_in_d", "channels")
    if how != "channels" and d.network not in SEVERAL:
        raise UserError(
            f"class_in_d = {how} needs a discriminator with an output for each class, which {d.network} is not; use "
            f"--set discriminator.network={', '.join(SEVERAL[:-1])} or {SEVERAL[-1]}."
        )
    if getattr(settings.mode_settings, "lambda_features", 0) and not hasattr(DISCRIMINATORS[d.network], "features"):
        raise UserError(
            f"mode_settings.lambda_features compares features of D, which {d.network} doesn't give; use "
            "--set discriminator.network=patch, or set it to 0."
        )
    if getattr(settings.mode_settings, "scales", 1) > 1 and d.network not in ("patch", "pixel"):
        raise UserError(
            f"mode_settings.scales = {settings.mode_settings.scales}: {d.network} takes images of one size; use "
            "--set discriminator.network=patch, or one scale."
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
    """Fill in train.graphs: on for CUDA, unless a round can't be recorded. UserError if requested but not possible."""
    t = settings.train
    rmsprop = t.precision == "fp16" and "rmsprop" in (t.optimizer, t.optimizer_d or t.optimizer)
    problems = {
        f"device = {t.device}; it is for cuda": t.device != "cuda",
        "rmsprop in fp16, which waits for the device; use bf16": rmsprop,
        # At batch 1 the warm-up met a gradient of 3 channels in a memory layout that the compiler didn't expect.
        "compile = true and fuse_passes = false; change one of them": t.compile and not t.fuse_passes,
    }
    found = [problem for problem, holds in problems.items() if holds]
    if t.graphs and found:
        raise UserError(f"train.graphs can't be had with {found[0]}.")
    if t.graphs is None:  # with several processes only on request: not yet measured
        t.graphs = not found and distributed.launched() == 1


def best_precision(device: str) -> Precision:
    """The precision that 'auto' selects on a device."""
    if device != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
