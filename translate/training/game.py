"""From settings to a game with its networks, and from a generator file to the settings and weights of a new run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate import generators
from translate.errors import UserError
from translate.modes import MODES, Mode
from translate.networks import DiscriminatorSettings, GeneratorSettings, build_discriminator, build_generator
from translate.objectives import OBJECTIVES
from translate.settings import Settings
from translate.tensors import nest
from translate.training.settings import RunSettings


def build_game(settings: RunSettings, say: Callable[[str], None] = print) -> Mode:
    """The mode with new networks, drawn from torch's random numbers, or with those of `init_from`, as is then said."""
    mode = MODES[settings.mode](
        settings.game,
        OBJECTIVES[settings.game.objective],
        partial(build_generator, settings.generator),
        partial(build_discriminator, settings.discriminator),
        (settings.data.channels_a, settings.data.channels_b),
    )
    if settings.init_from:
        _start_from(mode, settings, say)
    return mode


def generator_entries(settings: RunSettings) -> dict[str, dict[str, Any]]:
    """direction -> what a generator file says of it: its network, the arguments that build it, and its domains."""
    names = {"a": settings.a, "b": settings.b}
    channels = {"a": settings.data.channels_a, "b": settings.data.channels_b}
    entries = {}
    for direction in MODES[settings.mode].generators:
        source, target = direction.split("2")
        entries[direction] = {
            "network": settings.generator.network,
            "arguments": settings.generator.arguments(channels[source], channels[target]),
            "from": Path(names[source]).name,
            "to": Path(names[target]).name,
        }
    return entries


def settings_of(model: str, mode: str) -> dict[str, Any]:
    """The settings that a generator file fixes (channels, networks), so that training from it needs no flags."""
    description = generators.read(model)[1]
    direction, entry = next(iter(description["directions"].items()))
    channels = entry["arguments"]["in_channels"], entry["arguments"]["out_channels"]
    a, b = channels if direction == "a2b" else channels[::-1]
    settings = {"data": {"channels_a": a, "channels_b": b}, "generator": _settings(entry, GeneratorSettings)}
    wanted = {name for names in MODES[mode].players.values() for name in names}
    for name, judge in description.get("discriminators", {}).items():
        if name in wanted:
            settings["discriminator"] = {**_settings(judge, DiscriminatorSettings), "spectral_norm": False}
    return settings


def _settings(entry: dict[str, Any], model: type[Settings]) -> dict[str, Any]:
    arguments = {name: value for name, value in entry["arguments"].items() if name in model.model_fields}
    return {"network": entry["network"], **arguments}


def _start_from(mode: Mode, settings: RunSettings, say: Callable[[str], None]) -> None:
    """Load what the file of `init_from` has of this game: generators, which must fit, and discriminators that do."""
    tensors, description, path = generators.read(settings.init_from or "")
    wanted = generator_entries(settings)
    loaded = []
    for direction, name in mode.generators.items():
        entry = description["directions"].get(direction)
        if entry is None:
            continue  # a pix2pix file starts one direction of a CycleGAN; the other begins anew
        for key in ("network", "arguments"):
            if entry[key] != wanted[direction][key]:
                raise UserError(
                    f"--init-from {path}: its {direction} generator is {entry['network']} {entry['arguments']}, but "
                    f"the settings ask for {wanted[direction]['network']} {wanted[direction]['arguments']}; leave the "
                    "generator settings out to take the file's."
                )
        mode.networks[name].load_state_dict(nest(tensors, f"{direction}/"))
        loaded.append(name)
    for name, entry in description.get("discriminators", {}).items():
        weights, own = nest(tensors, f"{name}/"), mode.networks.get(name)
        same = _settings(entry, DiscriminatorSettings).items() <= settings.discriminator.model_dump().items()
        if own and same and _shapes(own.state_dict()) == _shapes(weights):
            own.load_state_dict(weights)
            loaded.append(name)
    anew = [name for name in mode.networks if name not in loaded]
    say(f"From {path}: {', '.join(loaded) or 'nothing'}; begun anew: {', '.join(anew) or 'nothing'}.")


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}
