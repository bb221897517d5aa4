"""Generator files: found by a user's word, read, built into networks, packed. All there is to know is in the file."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from translate.errors import DAMAGED, UserError
from translate.networks import GENERATORS, LATENT
from translate.system import hashed_tensors
from translate.system.files import shipped

NOISE = "z2a"  # the one direction of a GAN's file: from random numbers to images


def find(model: str | Path) -> Path:
    """The generator file that a user's word means."""
    path = Path(model)
    if path.is_dir():
        for name in ("best.safetensors", "generator.safetensors"):
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path} has no generator yet: neither best.safetensors nor generator.safetensors.", DAMAGED)
    if path.is_file():
        return path
    ours = {file.stem: file for file in shipped("pretrained").glob("*.safetensors")}
    if str(model) in ours:
        return ours[str(model)]
    raise UserError(f"there is no model '{model}': no such folder or file, and pretrained/ has: {', '.join(ours)}.")


def read(model: str | Path) -> tuple[dict[str, Tensor], dict[str, Any], Path]:
    """(tensors, description, path) of the generator file that a user's word means."""
    path = find(model)
    tensors, description = hashed_tensors.read(path)
    if description.get("kind") != "generator":
        raise UserError(f"{path} holds a {description.get('kind')}, not a generator.", DAMAGED)
    return tensors, description, path


def load(model: str | Path, direction: str) -> tuple[nn.Module, dict[str, Any], Path]:
    """(network, description, path) of one direction, 'a2b' or 'b2a', or NOISE for a GAN's; UserError says what is wrong
    with the file, or that it is of the other kind."""
    tensors, description, path = read(model)
    said = noise_entry(description, path) if direction == NOISE else entry(description, direction, path)
    return build(said, hashed_tensors.nest(tensors, f"{direction}/"), path), description, path


def entry(description: dict[str, Any], direction: str, source: Path | str) -> dict[str, Any]:
    """What a generator file says of one direction; UserError when it doesn't have it, or translates nothing."""
    directions = description["directions"]
    if NOISE in directions:
        raise UserError(f"{source} makes images from random numbers, not from images: use `translate sample`.")
    if direction not in directions:
        raise UserError(f"{source} translates {' and '.join(directions)} only, not {direction}.")
    return directions[direction]


def noise_entry(description: dict[str, Any], source: Path | str) -> dict[str, Any]:
    """What a GAN's generator file says of its network; UserError when it is of a mode that translates."""
    directions = description["directions"]
    if NOISE not in directions:
        raise UserError(f"{source} translates images and makes none from random numbers: use `translate convert`.")
    entry = directions[NOISE]
    try:
        fits = entry["arguments"]["in_channels"] == description["latent"] + len(description.get("classes", []))
    except (KeyError, TypeError):
        fits = False
    if not fits:
        raise UserError(f"{source} doesn't say what its images are made from, so it can't be used.", DAMAGED)
    return entry


def build(entry: dict[str, Any], weights: dict[str, Tensor], source: Path | str) -> nn.Module:
    """The network of one direction, from its entry in the description and its tensors."""
    try:
        network = {**GENERATORS, **LATENT}[entry["network"]](**entry["arguments"])
        network.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise UserError(
            f"{source} can't be used by this version: its network doesn't fit its weights ({error}).", DAMAGED
        ) from error
    return network


def pack(directions: dict[str, tuple[nn.Module, dict[str, Any]]], description: dict[str, Any]) -> bytes:
    """A generator file: direction -> (network, entry with 'network' and 'arguments'), and what else to say."""
    tensors = {
        f"{direction}/{key}": tensor
        for direction, (network, _) in directions.items()
        for key, tensor in network.state_dict().items()
    }
    entries = {direction: entry for direction, (_, entry) in directions.items()}
    return hashed_tensors.dumps(tensors, {"kind": "generator", **description, "directions": entries})
