"""From settings to a game with its networks, and from a generator file to the settings and weights of a new run."""

from functools import partial
from pathlib import Path
from typing import Any

from translate import generators
from translate.errors import UserError
from translate.modes import MODES, Mode
from translate.networks import GeneratorSettings, build_discriminator, build_generator
from translate.objectives import OBJECTIVES
from translate.tensors import nest
from translate.training.settings import RunSettings


def build_game(settings: RunSettings) -> Mode:
    """The mode with new networks, drawn from torch's random numbers, or with the generators of `init_from`."""
    mode = MODES[settings.mode](
        settings.game,
        OBJECTIVES[settings.game.objective],
        partial(build_generator, settings.generator),
        partial(build_discriminator, settings.discriminator),
        (settings.data.channels_a, settings.data.channels_b),
    )
    if settings.init_from:
        _start_from(mode, settings)
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


def generator_of(model: str) -> dict[str, Any]:
    """The generator settings of a generator file, so that training from it needs no flags."""
    entry = next(iter(generators.read(model)[1]["directions"].values()))
    arguments = {k: v for k, v in entry["arguments"].items() if k in GeneratorSettings.model_fields}
    return {"network": entry["network"], **arguments}


def _start_from(mode: Mode, settings: RunSettings) -> None:
    tensors, description, path = generators.read(settings.init_from or "")
    wanted = generator_entries(settings)
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
