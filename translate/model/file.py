"""Generator files: finding, reading and writing them, and building their networks."""

import re
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from translate.errors import DAMAGED, UserError
from translate.model import card, hub
from translate.model.description import check, direction_of
from translate.model.measured import fits
from translate.networks import GENERATORS, LATENT, GeneratorSettings, construct
from translate.networks.targets import of_target
from translate.settings import LETTERS, explain
from translate.system import hashed_tensors
from translate.system.text import printable

NOISE = "z2a"  # the only direction of a GAN's file: from random numbers to images


def find(model: str | Path) -> Path:
    """The path of a generator file. model: a run folder, a file, a name in pretrained/, or hf://user/name, which is
    fetched. UserError without one."""
    if str(model).startswith(hub.PREFIX):
        return hub.download(str(model))
    path = Path(model).expanduser()
    if path.is_dir():
        for name in ("best.safetensors", "generator.safetensors"):
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path} has no generator yet: neither best.safetensors nor generator.safetensors.", DAMAGED)
    if path.exists():
        return path  # reading refuses what is no regular file
    ours = card.zoo()
    if str(model) in ours:
        return ours[str(model)]
    raise UserError(f"there is no model '{model}': no such folder or file, and pretrained/ has: {', '.join(ours)}.")


def read(model: str | Path) -> tuple[dict[str, Tensor], dict[str, Any], Path]:
    """(tensors, description, path) of a generator file. model: see `find`.

    UserError when there is no such file, it is damaged, or it holds no generator.
    """
    path = find(model)
    tensors, description = hashed_tensors.read(path)
    kind = description.get("kind")
    if kind != "generator":
        raise UserError(f"{path} holds a {printable(str(kind))[:40]}, not a generator.", DAMAGED)
    return tensors, check(description, path), path


def load(model: str | Path, direction: str) -> tuple[nn.Module, dict[str, Any], Path]:
    """(network, description, path) of one direction: 'a2b', 'b2a', …, or NOISE for a GAN's generator.

    UserError when the file is missing or damaged, or doesn't have the direction.
    """
    tensors, description, path = read(model)
    direction = direction_of(description, direction)
    said = noise_entry(description, path) if direction == NOISE else entry(description, direction, path)
    return build(said, weights(tensors, said, direction), path), description, path


def weights(tensors: dict[str, Tensor], entry: dict[str, Any], direction: str) -> dict[str, Tensor]:
    """The tensors of a direction's network, which several directions may have in common."""
    return hashed_tensors.nest(tensors, f"{entry.get('weights', direction)}/")


def entry(description: dict[str, Any], direction: str, source: Path | str) -> dict[str, Any]:
    """The description's entry of one direction, 'a2b' or 'b2a'.

    UserError when the file doesn't have the direction, is a GAN's, or its network has other channels than its domains.
    """
    directions, direction = description["directions"], str(direction)
    if NOISE in directions:
        raise UserError(f"{source} makes images from random numbers, not from images: use `translate sample`.")
    if direction not in directions:
        targets = dict.fromkeys(one.get("to", "b") for one in directions.values())
        named = len(directions) > 1 and not re.fullmatch("[a-z]2[a-z]", direction)
        names = f", that is to {' or '.join(targets)}" if named else ""
        raise UserError(f"{source} translates {' and '.join(directions)} only{names}, not {printable(direction)}.")
    found = directions[direction]
    if found["network"] not in GENERATORS or not fits(description, direction):
        raise UserError(
            f"{source} has a {direction} network that takes or makes neither pictures of 1 or 3 channels nor the "
            "values of its domains.",
            DAMAGED,
        )
    return found


def noise_entry(description: dict[str, Any], source: Path | str) -> dict[str, Any]:
    """The description's entry of a GAN's generator.

    UserError when the file's generator translates images, or its size or its number of latents is missing or wrong.
    """
    directions = description["directions"]
    if NOISE not in directions:
        raise UserError(f"{source} translates images and makes none from random numbers: use `translate convert`.")
    entry = directions[NOISE]
    arguments = entry["arguments"]
    numbers = description.get("latent", 0) + len(description.get("classes", []))
    sized = arguments.get("size", description.get("size")) == description.get("size") is not None
    if entry["network"] not in LATENT or arguments.get("in_channels") != numbers or not sized:
        raise UserError(f"{source} doesn't say what its images are made from, so it can't be used.", DAMAGED)
    return entry


def build(entry: dict[str, Any], weights: dict[str, Tensor], source: Path | str) -> nn.Module:
    """The network of one direction. entry: of the description. weights: the tensors, which become its parameters.

    UserError (exit code 5) when they don't fit together. The network is built on the meta device first, so a wrong
    entry can't allocate more memory than the file's tensors need.
    """
    network = outline(entry, len(weights), source)
    expected = network.state_dict()
    for name in sorted(expected.keys() | weights.keys()):
        wanted, found = (_form(tensors.get(name)) for tensors in (expected, weights))
        if wanted != found:
            raise UserError(
                f"{source} can't be used by this version: its network doesn't fit its weights "
                f"('{printable(name)[:80]}' is {found}, where the network has {wanted}).",
                DAMAGED,
            )
    network.load_state_dict(weights, assign=True)
    return of_target(network, entry.get("target", 0))


def outline(entry: dict[str, Any], tensors: int, source: Path | str) -> nn.Module:
    """The network that an entry describes, on the meta device: shapes without memory.

    tensors: the number of its tensors in the file, an upper limit for the number of blocks.
    UserError (exit code 5) when the entry is invalid.
    """
    name, arguments = entry["network"], entry["arguments"]
    try:
        known = {key: value for key, value in arguments.items() if key in GeneratorSettings.model_fields}
        GeneratorSettings.model_validate({"network": name, **known}, strict=True)
        if any(arguments.get(count, 0) > tensors for count in ("blocks", "depth", "downs")):
            raise ValueError(f"it has {tensors} tensors, which are too few for the blocks that it declares")
        channels = (arguments[f"{end}_channels"] for end in ("in", "out"))
        if any(type(count) is not int or not 0 < count < 1 << 20 for count in channels):
            raise ValueError("its numbers of channels are none")
        targets, target = arguments.get("targets", 0), entry.get("target", 0)
        whole = type(targets) is type(target) is int
        if not whole or not 0 <= target < max(1, targets) <= len(LETTERS):
            raise ValueError("its target is none of its domains")
        with torch.device("meta"):
            return construct(name, arguments)
    except ValidationError as error:
        why = explain(error, GeneratorSettings).rstrip(".")
    except (KeyError, TypeError, RuntimeError, ValueError, OverflowError, ArithmeticError, LookupError) as error:
        why = printable(" ".join(str(error).split()))[:200]
    raise UserError(f"{source} can't be used by this version: it describes no network that there is ({why}).", DAMAGED)


def _form(tensor: Tensor | None) -> str:
    """Shape and dtype as text, '8×3×3×3 float32'."""
    if tensor is None:
        return "missing"
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{'×'.join(map(str, tensor.shape)) or 'one number'} {kind}"


def pack(directions: dict[str, tuple[nn.Module, dict[str, Any]]], description: dict[str, Any]) -> bytes:
    """The bytes of a generator file.

    directions: direction -> (network, entry with 'network' and 'arguments', and 'weights', the direction whose network
    it is, if that is another). description: the file's other fields.
    """
    tensors = {
        f"{direction}/{key}": tensor
        for direction, (network, entry) in directions.items()
        if entry.get("weights", direction) == direction
        for key, tensor in network.state_dict().items()
    }
    entries = {direction: entry for direction, (_, entry) in directions.items()}
    return hashed_tensors.dumps(tensors, {"kind": "generator", **description, "directions": entries})
