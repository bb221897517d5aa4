"""The translator: loads a trained generator from one file and translates images of any size and type."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from translate.errors import UserError
from translate.image import picture, rgb8
from translate.image.picture import Picture
from translate.image.raw import Range
from translate.model.arrays import given, taken
from translate.model.measured import Types, measured
from translate.model.rules import Rules
from translate.system.text import in_short
from translate.values.domain import DomainType
from translate.values.label_map import LabelMap

SEALED = "tiles need the generator file: an ONNX file has its layers sealed inside."


class Engine(Protocol):
    """Runs a generator: levels (N, H, W, C) → levels (N, H, W, C') of the same dtype. See torch_engine.py."""

    description: dict[str, Any]
    direction: str
    high_bit: bool  # whether it accepts more than 8 bits

    def __call__(self, levels: np.ndarray) -> np.ndarray: ...

    def exact(self, x: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, C) in [-1, 1] → the same with C' channels."""
        ...


class Translator:
    """One direction of a trained model. Calling it translates an image; equal inputs give equal outputs.

    description: the model file's: mode, domains, directions, training size, background, scores.
    measured: the types of its domains, if these are of measured values (16 bits, floats, many channels); else None.
    label_map: the classes of its inputs, if these are label maps; else None.
    """

    def __init__(self, engine: Engine):
        self.engine, self.description, self.direction = engine, engine.description, engine.direction
        entry = self.description["directions"][self.direction]
        self.channels_in = entry["arguments"]["in_channels"]
        self.domains = entry.get("from", "a"), entry.get("to", "b")
        self.background: tuple[int, int, int] = tuple(self.description.get("background", rgb8.WHITE))
        source, target = self.direction.split("2")
        self.adds_colour = adds_colour(self.description, self.direction)
        self.label_map = label_map(self.description, self.direction)
        self.measured = measured(self.description, self.direction)
        # (black, white) of the training images, where these were of floats or of 16 bits.
        values = self.description.get("values") or {}
        self.trained_on_values = any(values.values())
        self.values_in, self.values_out = (_span(values.get(domain)) for domain in (source, target))

    @classmethod
    def load(cls, model: str | Path, *, direction: str = "a2b", device: str = "cpu", **options) -> "Translator":
        """model: a run folder (its best generator), a generator file (safetensors or ONNX), a name in pretrained/, or
        hf://user/name, which is fetched.

        direction: such as 'b2a', or the name of the domain that it leads to. device: 'cpu', 'cuda', 'auto' etc.
        options: precision ('fp32', 'bf16', 'fp16'), stochastic (pix2pix's dropout stays on).
        UserError when there is no such model, it is damaged, it has no such direction, or an option is invalid.
        """
        if str(model).lower().endswith(".onnx"):
            from translate.model.onnx_engine import OnnxEngine

            return cls(OnnxEngine.load(model, direction, device=device, **options))
        from translate.model.torch_engine import TorchEngine

        return cls(TorchEngine.load(model, direction, device=device, **options))

    @property
    def type_in(self) -> DomainType | None:
        """The type of the input's values; None for pictures of 8 bits."""
        return self.measured.source if self.measured and not self.measured.pictures[0] else None

    @property
    def type_out(self) -> DomainType | None:
        """The type of the output's values; None for pictures of 8 bits."""
        return self.measured.target if self.measured and not self.measured.pictures[1] else None

    def __call__(self, image, *, nodata: float | None = None, **rules):
        """A path or PIL image gives a PIL image; an array gives an array, a torch tensor gives a tensor.

        Arrays: (H, W), (H, W, 1) or (H, W, 3) of uint8, uint16, or float32 in [0, 1]. Tensors: (C, H, W), of floats
        in [-1, 1], or of uint8 or uint16; the result is of floats in [-1, 1]. If the model was trained on values
        (description["values"]), uint16 and float32 arrays hold such values, in inputs and results.

        Any size; the result has the same size and type: grayscale stays grayscale, alpha and 16 bits are kept.
        With label_map, files, arrays and tensors hold its classes' colours or grey levels, and results colours.
        With type_in, arrays are (H, W, C) of its numbers, tensors (C, H, W), and files hold such values; with type_out
        the result is an array (or tensor) of its numbers and dtype, of a volume's file (S, H, W, C).
        nodata: the number that stands for no value; the result has type_out.nodata there, see Types.nodata_out.

        rules: the fields of Rules. UserError for other types and shapes, and for values outside of the range (which in
        files are cut off).
        """
        return self.batch([image], nodata=nodata, **rules)[0]

    def batch(self, pictures: list, *, nodata: float | None = None, **rules) -> list:
        """Several images of any types and sizes → results in the same order; images of equal shape form one batch."""
        wanted = Rules(**rules)
        if self.measured:
            return [self._measured(self.measured, image, nodata, wanted) for image in pictures]
        if nodata is not None:
            raise UserError("nodata= is for models of measured values; this one was trained on pictures of 8 bits.")
        inputs = [taken(image, self.values_in) for image in pictures]
        levels = [self._prepared(source, name, wanted) for source, name in zip(inputs, pictures, strict=True)]
        outputs: list[Any] = [None] * len(levels)
        for kind in {(array.shape, array.dtype) for array in levels}:
            places = [i for i, array in enumerate(levels) if (array.shape, array.dtype) == kind]
            try:
                results = self.run(np.stack([levels[i] for i in places]), wanted)
            except (ArithmeticError, MemoryError, RuntimeError) as error:  # NaN, too little memory, an engine's error
                height, width = levels[places[0]].shape[:2]
                raise UserError(f"an image of {height} × {width} can't be translated: {in_short(error)}.") from error
            for place, result in zip(places, results, strict=True):
                outputs[place] = self.finish(inputs[place], result, wanted)
        return [given(result, like) for result, like in zip(outputs, pictures, strict=True)]

    def _measured(self, types: Types, image: Any, nodata: float | None, rules: Rules) -> Any:
        """The result for an input of measured values, or for a picture that becomes measured values."""
        rules.refuse_for_values()
        if types.pictures[0]:
            x = types.of_levels(self._prepared(taken(image), image, rules))
            pairs, number = [(x, np.zeros(x.shape[:2], bool))], None
        elif isinstance(image, str | Path):
            from translate.model.slices import Slices  # imports the readers of all kinds of files

            try:
                source = Slices(image, types, nodata)
                pairs, number = list(source.inputs()), source.nodata
            except rgb8.ImageError as error:
                raise UserError(f"{image}: {error}.") from error
        else:
            pairs, number = [types.taken(image, nodata)], types.nodata_in(nodata)
        number = types.nodata_out(number)
        results = []
        for x, absent in pairs:
            try:
                [y] = self.exact(x[None], rules)
            except (ArithmeticError, MemoryError, RuntimeError) as error:
                height, width = x.shape[:2]
                raise UserError(f"an image of {height} × {width} can't be translated: {in_short(error)}.") from error
            results.append(types.from_network(y, absent, number))
        return types.given(results[0] if len(results) == 1 else np.stack(results), image)

    def _prepared(self, source: Picture, image: Any, rules: Rules) -> np.ndarray:
        """`prepare`, whose ImageErrors become UserErrors."""
        try:
            return self.prepare(source, rules)
        except rgb8.ImageError as error:
            raise UserError(f"{image if isinstance(image, str | Path) else 'the image'}: {error}.") from None

    # The three parts of a translation, which translate/convert calls one by one ---------------------------------------

    def prepare(self, source: Picture, rules: Rules) -> np.ndarray:
        """The network's input: levels (H, W, C), on the background and resized. ImageError for a label map with other
        classes than the model's."""
        colours = picture.flatten(source, rules.background or self.background)
        if self.label_map:
            return rgb8.resize(self.label_map.picture(colours), target_size(source.size, rules.size), "nearest")
        if self.channels_in == 1 and not source.grey:
            colours = picture.luma(colours)
        elif self.channels_in == 3 and source.grey:
            colours = np.repeat(colours, 3, axis=2)
        if not self.engine.high_bit:
            colours = picture.to_bytes(colours)
        return picture.resize(colours, target_size(source.size, rules.size))

    def run(self, levels: np.ndarray, rules: Rules) -> np.ndarray:
        """The network: levels (N, H, W, C) → levels (N, H, W, C'). UserError when the engine can't use tiles."""
        if rules.tile and max(levels.shape[1:3]) > rules.tile:
            from translate.model.tiles import translate_tiled
            from translate.model.torch_engine import TorchEngine

            if not isinstance(self.engine, TorchEngine):
                raise UserError(SEALED)
            return np.stack([translate_tiled(self.engine, array, rules.tile) for array in levels])
        return self.engine(levels)

    def exact(self, x: np.ndarray, rules: Rules) -> np.ndarray:
        """The network on measured values: float32 (N, H, W, C) in [-1, 1] → (N, H, W, C'). UserError as in `run`."""
        if rules.tile and max(x.shape[1:3]) > rules.tile:
            from translate.model.tiles import exact_tiled
            from translate.model.torch_engine import TorchEngine

            if not isinstance(self.engine, TorchEngine):
                raise UserError(SEALED)
            return np.stack([exact_tiled(self.engine, array, rules.tile) for array in x])
        return self.engine.exact(x)

    def finish(self, source: Picture, levels: np.ndarray, rules: Rules) -> Picture:
        """The result from the network's output (H, W, C'), with grayscale and alpha as in `source`, see Rules."""
        keep = rules.grey == "keep" or (rules.grey == "auto" and not self.adds_colour and not self.label_map)
        if source.grey and keep and levels.shape[2] == 3:
            levels = picture.luma(levels)
        alpha = source.alpha
        if alpha is not None:
            if not self.engine.high_bit:
                alpha = picture.to_bytes(alpha)
            alpha = picture.resize(alpha[..., None], levels.shape[:2])[..., 0]
        result = replace(source, colours=levels, alpha=alpha, notes=list(source.notes))
        if self.trained_on_values and levels.dtype != np.uint8:
            result.scale = self.values_out
        if alpha is not None and rules.alpha != "keep":
            if rules.alpha == "background":
                result.colours = picture.flatten(result, rules.background or self.background)
            result.alpha = None
        return result


def adds_colour(description: dict[str, Any], direction: str) -> bool:
    """Whether it was trained from grey images to coloured ones, so that grayscale files get colours."""
    grey = description.get("grey", {})
    source, target = direction.split("2")
    return bool(grey.get(source)) and not grey.get(target, True)


def label_map(description: dict[str, Any], direction: str) -> LabelMap | None:
    """The classes of a checked description's inputs, if these are label maps."""
    text = description.get("label_map") if direction == "a2b" else None
    return LabelMap.parse(text) if text else None


def target_size(size: tuple[int, int], wanted: int | tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of an image of `size` after resizing by Rules.size."""
    if not isinstance(wanted, int):
        return wanted or size
    longer = max(size)
    return max(1, round(size[0] * wanted / longer)), max(1, round(size[1] * wanted / longer))


def _span(values: Any) -> Range | None:
    """A description's value range as (black, white); None when it is missing or invalid."""
    try:
        low, high = (float(value) for value in values)
    except (TypeError, ValueError):
        return None
    return (low, high) if np.isfinite([low, high]).all() and low < high else None
