"""Recognises the network of a state dict from its names and shapes only.

The names are those of pytorch-CycleGAN-and-pix2pix, which ours have too: "model.<i>" in a ResNet and a PatchGAN,
"model.model…" nested in a U-Net, "net.<i>" in the 1×1 discriminator.
"""

import re
from typing import Any, TypeVar

from translate.errors import DAMAGED, UserError
from translate.interop.architecture import Architecture, Shapes, in_words, times
from translate.networks import DiscriminatorSettings, GeneratorSettings

Parsed = TypeVar("Parsed", GeneratorSettings, DiscriminatorSettings)

BLOCK = r"model\.(\d{1,6})\.conv_block\."

# Networks with the same names as ours that compute something else: a part that identifies them -> description.
STRANGERS = {
    ".filt": "a network of CUT with its anti-aliased down- and upsampling",
    "mlp_": "the feature sampler of CUT",
    "UpBlock": "a generator of U-GAT-IT",
    "scale0": "the multi-scale discriminator of pix2pixHD",
    "weight_orig": "a network with spectral norm",
    ".parametrizations.": "a network with spectral norm",
}


def recognise(shapes: Shapes, source: str) -> Architecture:
    """The architecture closest to these names and shapes. UserError (exit code 5) if there is none."""
    for mark, what in STRANGERS.items():
        if any(mark in name for name in shapes):
            raise UserError(f"{source} looks like {what}, for which this toolkit has no equal network.", DAMAGED)
    kinds = [
        (BLOCK, _resnet),
        (r"model\.model\.", _unet),
        (r"model\.0\.", _patch),
        (r"net\.0\.", _pixel),
    ]
    for pattern, kind in kinds:
        if any(re.match(pattern, name) for name in shapes):
            return kind(shapes, source)
    raise UserError(
        f"{source} is not a network of pytorch-CycleGAN-and-pix2pix: its weights begin with '{min(shapes)[:60]}', "
        "where a ResNet, a U-Net or a PatchGAN has 'model.'.",
        DAMAGED,
    )


def _resnet(shapes: Shapes, source: str) -> Architecture:
    numbered = [re.match(BLOCK, name) for name in shapes]
    blocks = sorted({int(match[1]) for match in numbered if match})
    downs = (blocks[0] - 4) // 3  # also correct when the first one or two blocks are missing
    first = 4 + 3 * downs
    count = blocks[-1] - first + 1
    if count > 2 * len(blocks):
        raise UserError(f"{source} looks like a ResNet generator, but has {len(blocks)} of {count} blocks.", DAMAGED)
    after = first + count
    what = in_words("resnet", count)
    entry = _convolution(shapes, "model.1.weight", "the first convolution", what, source)
    end = _convolution(shapes, f"model.{after + 3 * downs + 1}.weight", "the last convolution", what, source)
    second = [shape for name, shape in shapes.items() if name.endswith("conv_block.6.weight")]
    return _generator(
        source,
        entry[1],
        end[0],
        network="resnet",
        filters=entry[0],
        blocks=count,
        downs=downs,
        kernel=entry[-1],
        norm=_norm(shapes, source),
        dropout=any(len(shape) == 4 for shape in second),  # dropout moves the second convolution from 5 to 6
        upsampling=_upsampling(shapes, f"model.{after}"),
    )


def _unet(shapes: Shapes, source: str) -> Architecture:
    depth = max(2, max(name.split(".").count("model") for name in shapes) - 1)
    what = in_words("unet", depth)
    entry = _convolution(shapes, "model.model.0.weight", "the first convolution", what, source)
    upsampling = _upsampling(shapes, "model.model.3")
    inner = {"deconv": "", "resize": "1.", "shuffle": "0."}[upsampling]
    end = _convolution(shapes, f"model.model.3.{inner}weight", "the last convolution", what, source)
    out = {"deconv": end[1], "resize": end[0], "shuffle": end[0] // 4}[upsampling]
    norm = _norm(shapes, source)
    # Dropout can't be seen in the weights and has no effect in eval mode. pix2pix (batch norm) trains with it, CycleGAN
    # (instance norm) without, so the norm decides what is recorded for further training and for --stochastic.
    return _generator(
        source,
        entry[1],
        out,
        network="unet",
        filters=entry[0],
        depth=depth,
        norm=norm,
        dropout=norm == "batch",
        upsampling=upsampling,
    )


def _patch(shapes: Shapes, source: str) -> Architecture:
    entry = _convolution(shapes, "model.0.weight", "the first convolution", "a PatchGAN discriminator", source)
    convolutions = [name for name, shape in shapes.items() if name.startswith("model.") and len(shape) == 4]
    values = {"filters": entry[0], "layers": max(1, len(convolutions) - 2), "norm": _norm(shapes, source)}
    return _discriminator(source, entry[1], network="patch", **values)  # two convolutions are of stride 1


def _pixel(shapes: Shapes, source: str) -> Architecture:
    entry = _convolution(shapes, "net.0.weight", "the first convolution", in_words("pixel"), source)
    return _discriminator(source, entry[1], network="pixel", filters=entry[0], norm=_norm(shapes, source))


def _generator(source: str, channels_in: int, channels_out: int, **values: Any) -> Architecture:
    settings = _parse(GeneratorSettings, source, values)
    return Architecture(settings.network, settings.arguments(channels_in, channels_out))


def _discriminator(source: str, channels: int, **values: Any) -> Architecture:
    settings = _parse(DiscriminatorSettings, source, values)
    return Architecture(settings.network, settings.arguments(channels))


def _parse(model: type[Parsed], source: str, values: dict[str, Any]) -> Parsed:
    try:
        return model.parse(values, f"{source} asks for a network that can't be built here")
    except UserError as error:
        raise UserError(str(error), DAMAGED) from error


def _norm(shapes: Shapes, source: str) -> str:
    """The norm, batch, instance or none, from the names in the state dict."""
    scaled = any(name.endswith(".weight") and len(shape) == 1 for name, shape in shapes.items())
    if scaled and not any(name.endswith(".running_mean") for name in shapes):
        raise UserError(
            f"{source} has norms with weights but without running statistics: group norm, or an instance norm with "
            "weights, which pytorch-CycleGAN-and-pix2pix doesn't have.",
            DAMAGED,
        )
    if scaled:
        return "batch"
    # Convolutions have a bias only before instance norm, except at most two that always have one.
    return "instance" if sum(name.endswith(".bias") for name in shapes) > 2 else "none"


def _upsampling(shapes: Shapes, module: str) -> str:
    if f"{module}.1.weight" in shapes:
        return "resize"
    return "shuffle" if f"{module}.0.weight" in shapes else "deconv"


def _convolution(shapes: Shapes, name: str, part: str, what: str, source: str) -> tuple[int, ...]:
    shape = shapes.get(name, ())
    if len(shape) != 4 or 0 in shape:
        problem = f"is {times(shape)}, no convolution" if name in shapes else "is missing"
        raise UserError(f"{source} looks like {what}, but {part} {problem}.", DAMAGED)
    return shape
