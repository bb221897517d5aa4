"""Conversion of a Translator's Python inputs (paths, PIL images, arrays, tensors) to Picture and of results back."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from translate.errors import UserError
from translate.image import picture, rgb8
from translate.image.picture import Picture
from translate.image.raw import Range, Raw

SLACK = 1e-3  # tolerated rounding error beyond a range, as a fraction of it
KINDS = "an array must be uint8, uint16 or float32 of shape (H, W), (H, W, 1) or (H, W, 3)"
TENSORS = "a tensor must be (C, H, W) with 1 or 3 channels, of floats in [-1, 1], or of uint8 or uint16"


def taken(image: Any, values: Range | None = None) -> Picture:
    """A path, PIL image, array or tensor as a Picture. See Translator.__call__ for shapes and ranges.

    values: (black, white) of files and of uint16 and float32 arrays, for a model that was trained on such values.
    UserError for other types, shapes and values, and for files that can't be read.
    """
    try:
        if isinstance(image, Image.Image):
            return picture.of_pil(image, values=values)
        if isinstance(image, str | Path):
            return picture.read(image, values=values)
    except rgb8.ImageError as error:
        name = "the PIL image" if isinstance(image, Image.Image) else image
        raise UserError(f"{name}: {error}.") from error
    if type(image).__module__ == "torch":
        return _of_tensor(image)
    array = np.asarray(image)
    if array.dtype.name not in ("uint8", "uint16", "float32") or not (
        array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
    ):
        raise UserError(f"{KINDS}, not {array.dtype} of {array.shape}{_one_by_one(array)}.")
    refuse_empty(array)
    array = array if array.ndim == 3 else array[..., None]
    if values is not None and array.dtype != np.uint8:
        refuse_outside(array, *values, f"a {array.dtype} array for this model")
        peak = 65535 if array.dtype == np.uint16 else None
        return picture.of_raw(Raw(array, peak=peak), values)
    if array.dtype == np.float32:
        refuse_outside(array, 0, 1, "a float array")
        array = array.clip(0, 1)
    return Picture(array)


def given(result: Picture, like: Any) -> Any:
    """The result in the type of the input `like`: a PIL image, an array or a tensor."""
    if isinstance(like, str | Path | Image.Image):
        return picture.to_pil(result)
    if isinstance(like, np.ndarray):
        found = picture.in_values(result).colours
        return found if like.ndim == 3 else found[..., 0]
    import torch

    levels = result.colours.transpose(2, 0, 1) / np.float32(picture.PEAKS[result.colours.dtype.name])
    return torch.from_numpy(levels.astype(np.float32)).to(like.device) * 2 - 1


def _of_tensor(tensor: Any) -> Picture:
    """A torch tensor: integers by the peak of their type, floats in [-1, 1]."""
    name = str(tensor.dtype).removeprefix("torch.")
    floats = tensor.is_floating_point()
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3) or (name not in ("uint8", "uint16") and not floats):
        raise UserError(f"{TENSORS}, not {name} of {tuple(tensor.shape)}{_one_by_one(tensor)}.")
    array = (tensor.detach().float() if floats else tensor.detach()).cpu().numpy().transpose(1, 2, 0)
    refuse_empty(array)
    if not floats:
        return Picture(np.ascontiguousarray(array))
    refuse_outside(array, -1, 1, "a float tensor")
    if array.min() == 0 < array.max():
        # None of the 256 levels is exactly 0 in [-1, 1], so this tensor is probably in [0, 1].
        raise UserError(
            "a float tensor's values lie in [-1, 1]; this one's go from exactly 0 upwards, as torchvision's ToTensor "
            "makes them: give x * 2 - 1."
        )
    return Picture((array.clip(-1, 1) + 1) / 2)


def refuse_empty(array: np.ndarray) -> None:
    if 0 in array.shape:
        raise UserError(f"the image is empty: its shape is {array.shape}.")


def refuse_outside(array: np.ndarray, low: float, high: float, what: str) -> None:
    lowest, highest = float(array.min()), float(array.max())
    if not np.isfinite([lowest, highest]).all():
        raise UserError("the image that was given holds NaN or infinity.")
    slack = SLACK * (high - low)
    if lowest < low - slack or highest > high + slack:
        scale = " (divide by 255)" if 1 < highest <= 255 and lowest >= 0 and high == 1 else ""
        raise UserError(
            f"the values of {what} lie in [{low:g}, {high:g}]; this one's go from {lowest:g} to {highest:g}{scale}."
        )


def _one_by_one(array: Any) -> str:
    return "; `batch` takes a list of several" if array.ndim == 4 else ""
