"""Generator files: found by a user's word, read, built into networks, packed. All there is to know is in the file."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from translate import tensors as tensor_files
from translate.errors import DAMAGED, UserError
from translate.files import shipped
from translate.networks import GENERATORS


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
    tensors, description = tensor_files.read(path)
    if description.get("kind") != "generator":
        raise UserError(f"{path} holds a {description.get('kind')}, not a generator.", DAMAGED)
    return tensors, description, path


def entry(description: dict[str, Any], direction: str, source: Path | str) -> dict[str, Any]:
    """What a generator file says of one direction; UserError when it doesn't have it."""
    directions = description["directions"]
    if direction not in directions:
        raise UserError(f"{source} translates {' and '.join(directions)} only, not {direction}.")
    return directions[direction]


def build(entry: dict[str, Any], weights: dict[str, Tensor], source: Path | str) -> nn.Module:
    """The network of one direction, from its entry in the description and its tensors."""
    try:
        network = GENERATORS[entry["network"]](**entry["arguments"])
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
    return tensor_files.dumps(tensors, {"kind": "generator", **description, "directions": entries})
