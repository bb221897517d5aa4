"""A trained generator to use: loaded from one self-describing file, it translates images of any size and kind."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from translate import images
from translate import tensors as tensor_files
from translate.errors import DAMAGED, UserError
from translate.files import shipped
from translate.networks import GENERATORS
from translate.tensors import nest


def to_input(arrays: np.ndarray | Tensor) -> Tensor:
    """uint8 (N, H, W, C) → float32 (N, C, H, W) in [-1, 1]."""
    return torch.as_tensor(arrays).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1


def to_image(outputs: Tensor) -> np.ndarray:
    """(N, C, H, W) in [-1, 1] → uint8 (N, H, W, C), rounded, on the CPU."""
    levels = ((outputs.float().clamp(-1, 1) + 1) * 127.5).round()
    return levels.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


@torch.inference_mode()
def translate_arrays(generator: nn.Module, arrays: np.ndarray, device: torch.device | str, batch: int = 16):
    """uint8 (N, H, W, C) → uint8 (N, H, W, C'): in evaluation mode, which is the same every time; puts `generator`
    back as it was."""
    training = generator.training
    generator.eval()
    parts = [to_image(generator(to_input(arrays[i : i + batch]).to(device))) for i in range(0, len(arrays), batch)]
    generator.train(training)
    return np.concatenate(parts)


class Translator:
    """One direction of a trained model. Calling it translates an image; equal inputs give equal outputs.

    description: what the file says of itself: mode, domains, directions, training size, background, scores.
    """

    def __init__(self, generator: nn.Module, description: dict[str, Any], direction: str, device: str = "cpu"):
        self.generator = generator.eval().to(device)
        self.description, self.direction, self.device = description, direction, device
        arguments = description["directions"][direction]["arguments"]
        self.channels_in, self.channels_out = arguments["in_channels"], arguments["out_channels"]
        self.background = tuple(description["background"])

    @classmethod
    def load(cls, model: str | Path, *, direction: str = "a2b", device: str = "cpu") -> "Translator":
        """model: a run folder (its best generator), a generator file, or a name in pretrained/.

        UserError when there is no such thing, or it is damaged, or has no such direction.
        """
        tensors, description, path = read(model)
        directions = description["directions"]
        if direction not in directions:
            raise UserError(f"{path} translates {' and '.join(directions)} only, not {direction}.")
        return cls(build(directions[direction], nest(tensors, f"{direction}/"), path), description, direction, device)

    def __call__(self, image: "str | Path | Image.Image | np.ndarray") -> "Image.Image | np.ndarray":
        """A path or PIL image gives a PIL image, a uint8 array (H, W, 3), (H, W, 1) or (H, W) gives such an array.

        Any size; the result has the same size and the same kind: grayscale stays grayscale, and an image with alpha
        is translated on the model's background and gets its alpha back.
        """
        if isinstance(image, np.ndarray):
            return self._array(image)
        if not isinstance(image, Image.Image):
            path = Path(image)
            try:
                image = images.load(path)
            except images.ImageError as error:
                raise UserError(f"{path}: {error}.") from error
        else:
            image = images.upright(image)
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        array = images.from_pil(image, background=self.background, channels=self.channels_in)
        result = images.to_pil(self._translate(array))
        if image.mode in ("1", "L", "LA", "I;16", "I", "F") and result.mode != "L":
            result = result.convert("L")
        if alpha is not None:
            result.putalpha(alpha)
        return result

    def _array(self, array: np.ndarray) -> np.ndarray:
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
            raise UserError(
                f"an array must be uint8 of shape (H, W), (H, W, 1) or (H, W, 3), not {array.dtype} of {array.shape}."
            )
        grey = array.ndim == 2 or array.shape[2] == 1
        picture = images.to_pil(array if array.ndim == 3 else array[..., None])
        result = self._translate(images.from_pil(picture, channels=self.channels_in))
        if grey and result.shape[2] == 3:
            result = np.asarray(images.to_pil(result).convert("L"))[..., None]
        return result.reshape(array.shape) if grey else result

    def _translate(self, array: np.ndarray) -> np.ndarray:
        return translate_arrays(self.generator, array[None], self.device)[0]


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
