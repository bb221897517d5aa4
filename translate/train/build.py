"""Builds a run's mode and networks from its settings, and takes settings and weights from a generator file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import translate
from translate.errors import UserError
from translate.model import file as generator_file
from translate.model.valued import keep_absent
from translate.modes import MODES, Mode
from translate.modes.objectives import OBJECTIVES
from translate.networks import (
    DiscriminatorSettings,
    GeneratorSettings,
    build_discriminator,
    build_generator,
    checkpoint_activations,
)
from translate.networks.labelled import Labelled
from translate.settings import LETTERS, Settings
from translate.system.hashed_tensors import nest
from translate.train import teacher
from translate.train.settings import RunSettings


def build_mode(settings: RunSettings, classes: int = 0, say: Callable[[str], None] = print) -> Mode:
    """The mode with new networks, initialised from torch's random numbers, or with the weights of `init_from`.

    classes: how many the mode is conditioned on (`conditional_classes`). say: gets a sentence about `init_from`.
    """
    mode_class = MODES[settings.mode]
    taught = teacher.load(settings) if mode_class.taught else None
    mode = mode_class(
        settings.mode_settings,
        OBJECTIVES[settings.mode_settings.objective],
        partial(build_generator, settings.generator, size=settings.data.size, palette=settings.data.palette),
        partial(build_discriminator, settings.discriminator, size=settings.data.size),
        settings.channels,
        **({"classes": classes} if classes else {}),
        **({"teacher": taught[0]} if taught else {}),
    )
    if taught:
        mode.licences = dict(taught[1].get("licences") or {})
        say(teacher.compared(mode, settings))
    if {settings.data.nodata_a, settings.data.nodata_b} != {"auto"}:
        for name in set(mode.generators.values()):
            mode.networks[name].register_forward_hook(keep_absent)
    if settings.train.checkpointing:
        for network in mode.networks.values():
            checkpoint_activations(network.network if isinstance(network, Labelled) else network)
    if settings.init_from:
        _initialise_from(mode, settings, classes, say)
    return mode


def conditional_classes(settings: RunSettings, classes: list[str]) -> list[str]:
    """The names of the data's classes if the mode is conditioned on them, else []."""
    return classes if MODES[settings.mode].kind == "noise" and settings.mode_settings.conditional else []


def generator_entries(settings: RunSettings, classes: int = 0) -> dict[str, dict[str, Any]]:
    """direction → its entry in a generator file: the network, the arguments that build it, and its domains."""
    mode, domains = MODES[settings.mode], settings.domains
    names = {"z": "z", **dict(zip(LETTERS, domains, strict=False))}
    channels = dict(zip(LETTERS, settings.channels, strict=False))
    if mode.kind == "noise":
        channels["z"] = settings.mode_settings.latent + classes
    targets = len(domains) if mode.many else 0
    entries: dict[str, dict[str, Any]] = {}
    for direction in mode.directions(len(domains)):
        source, target = direction.split("2")
        sizes = channels[source], channels[target]
        entries[direction] = {
            "network": settings.generator.network,
            "arguments": settings.generator.arguments(
                *sizes, settings.data.size, classes, settings.data.palette, targets
            ),
            "from": Path(names[source]).name,
            "to": Path(names[target]).name,
        }
        if targets:  # one network for all directions
            entries[direction] |= {"target": LETTERS.index(target), "weights": next(iter(entries))}
    return entries


def generator_description(settings: RunSettings, classes: list[str], licences: dict[str, str]) -> dict[str, Any]:
    """The description in a generator file, without its networks and the state of their training."""
    description: dict[str, Any] = {
        "version": translate.__version__,
        "mode": settings.mode,
        "size": list(settings.data.size),
        "background": list(settings.data.background_rgb),
        "fit": settings.data.fit,
        "interpolation": settings.data.interpolation,
        "range": [-1, 1],
        "licences": licences,
    }
    if MODES[settings.mode].taught:
        description["teacher_sha256"] = settings.mode_settings.teacher_sha256
    if MODES[settings.mode].kind == "noise":
        description |= {"latent": settings.mode_settings.latent, "classes": classes}
    return description


def settings_of(model: str, mode: str) -> dict[str, Any]:
    """The settings that a generator file determines (channels, networks), so that training from it needs no options.
    UserError if the file is of another kind of mode."""
    description = generator_file.read(model)[1]
    direction, entry = next(iter(description["directions"].items()))
    source, target = direction.split("2")
    channels = {source: entry["arguments"]["in_channels"], target: entry["arguments"]["out_channels"]}
    if ("z" in channels) != (MODES[mode].kind == "noise"):
        does = "makes images from noise" if "z" in channels else "translates images"
        raise UserError(f"--init-from {model}: it {does}, which --mode {mode} does not.")
    settings: dict[str, Any] = {"generator": _settings(entry, GeneratorSettings)}
    for side, record in (description.get("values") or {}).items():
        if isinstance(record, dict) and side in channels:  # of measured values, whose slices may be further channels
            channels[side] = record["channels"]
    settings["data"] = {f"channels_{side}": count for side, count in channels.items() if side != "z"}
    if classes := description.get("label_map"):
        settings["data"]["label_map"] = classes
    if "z" in channels:
        settings["mode_settings"] = {"latent": description["latent"]}
        settings["data"]["size"] = description["size"]
    networks = {name for names in MODES[mode].players.values() for name in names}
    for name, entry in description.get("discriminators", {}).items():
        if name in networks:
            settings["discriminator"] = {**_settings(entry, DiscriminatorSettings), "spectral_norm": False}
    return settings


def _settings(entry: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    arguments = {name: value for name, value in entry["arguments"].items() if name in model.model_fields}
    return {"network": entry["network"], **arguments}


def _initialise_from(mode: Mode, settings: RunSettings, classes: int, say: Callable[[str], None]) -> None:
    """Load the weights in the file of `init_from`: the generators, and discriminators that fit. UserError if a
    generator doesn't."""
    tensors, description, path = generator_file.read(settings.init_from or "")
    expected = generator_entries(settings, classes)
    loaded = []
    for direction, name in mode.generators.items():
        entry = description["directions"].get(direction)
        if entry is None:
            continue  # a pix2pix file has one direction of a CycleGAN
        for key in ("network", "arguments"):
            if entry[key] != expected[direction][key]:
                raise UserError(
                    f"--init-from {path}: its {direction} generator is {entry['network']} {entry['arguments']}, but "
                    f"the settings ask for {expected[direction]['network']} {expected[direction]['arguments']}; leave "
                    "the generator settings out to take the file's."
                )
        mode.networks[name].load_state_dict(generator_file.weights(tensors, entry, direction))
        loaded += [name] * (name not in loaded)
    for name, entry in description.get("discriminators", {}).items():
        weights, network = nest(tensors, f"{name}/"), mode.networks.get(name)
        same = _settings(entry, DiscriminatorSettings).items() <= settings.discriminator.model_dump().items()
        if network and same and _shapes(network.state_dict()) == _shapes(weights):
            network.load_state_dict(weights)
            loaded.append(name)
    new = [name for name in mode.networks if name not in loaded]
    say(f"From {path}: {', '.join(loaded) or 'nothing'}; new: {', '.join(new) or 'nothing'}.")


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}
