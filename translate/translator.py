"""A trained generator to use: loaded from one self-describing file, it translates images of any size and kind."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from translate import images
from translate.errors import UserError


class Engine(Protocol):
    """What runs a generator: levels (N, H, W, C) → levels (N, H, W, C') of the same kind. See translate/engine.py."""

    description: dict[str, Any]
    direction: str

    def __call__(self, levels: np.ndarray) -> np.ndarray: ...


class Translator:
    """One direction of a trained model. Calling it translates an image; equal inputs give equal outputs.

    description: what the file says of itself: mode, domains, directions, training size, background, scores.
    """

    def __init__(self, engine: Engine):
        self.engine, self.description, self.direction = engine, engine.description, engine.direction
        arguments = self.description["directions"][self.direction]["arguments"]
        self.channels_in, self.channels_out = arguments["in_channels"], arguments["out_channels"]
        self.background = tuple(self.description["background"])

    @classmethod
    def load(cls, model: str | Path, *, direction: str = "a2b", device: str = "cpu", **options) -> "Translator":
        """model: a run folder (its best generator), a generator file (safetensors or ONNX), or a name in pretrained/.

        UserError when there is no such thing, or it is damaged, or has no such direction.
        """
        if str(model).lower().endswith(".onnx"):
            from translate.onnx_engine import OnnxEngine

            return cls(OnnxEngine.load(model, direction, device=device, **options))
        from translate.engine import TorchEngine

        return cls(TorchEngine.load(model, direction, device=device, **options))

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
        return self.engine(array[None])[0]
