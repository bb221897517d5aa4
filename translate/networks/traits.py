"""What is known of layers: which treat every image by itself, and which see a few pixels around each only.

Both are lists of what is known to be so. A layer of one's own states it in the class that defines its `forward`:

    per_sample = True   # what it makes of an image depends on that image only, and a pass changes nothing in it
    reach = 1           # an output pixel depends on so many pixels around it, 0 on its own only

Of a layer that states nothing, and is in no list, the opposite is assumed: slower, or refused, but never wrong.
"""

from typing import Any

from torch import nn

POINTWISE: tuple[Any, ...] = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.GELU, nn.Mish),
    *(nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign),
)
PADDING: tuple[Any, ...] = (nn.ReflectionPad2d, nn.ReplicationPad2d, nn.ZeroPad2d, nn.ConstantPad2d)
CONVOLUTIONS: tuple[Any, ...] = (nn.Conv2d, nn.ConvTranspose2d)
RESIZING: tuple[Any, ...] = (nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle)
OTHERS: tuple[Any, ...] = (
    *(nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.Linear, nn.Flatten, nn.Unflatten),
    *(nn.InstanceNorm2d, nn.GroupNorm, nn.LayerNorm, nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d),
)


def _forwards(layers: tuple[Any, ...]) -> set[Any]:
    return {layer.forward for layer in layers}


PER_SAMPLE = _forwards((*POINTWISE, *PADDING, *CONVOLUTIONS, *RESIZING, *OTHERS))


def is_per_sample(network: nn.Module) -> bool:
    """Whether what the network makes of an image depends on that image only, and a pass changes nothing in it."""
    return all(map(_is_per_sample, network.modules()))


def _is_per_sample(layer: nn.Module) -> bool:
    if hasattr(layer, "parametrizations") or getattr(layer, "track_running_stats", False):
        return False  # spectral norm's weights and running statistics change with every pass in training
    return type(layer).forward in PER_SAMPLE or bool(stated(layer, "per_sample"))


def stated(layer: nn.Module, name: str) -> Any:
    """What the class that defines the layer's `forward` says of itself; None where it says nothing."""
    owner = next(cls for cls in type(layer).__mro__ if "forward" in vars(cls))
    return vars(owner).get(name)


def reach(layer: nn.Module) -> int | None:
    """How many pixels around its place an output pixel of the layer depends on, at most, in evaluation; None where
    that is not known, or the whole image, as for norms with the image's own statistics."""
    kind = type(layer).forward
    if kind is nn.Sequential.forward:
        parts = [reach(part) for part in layer.children()]
        return None if None in parts else sum(part for part in parts if part is not None)
    if (own := stated(layer, "reach")) is not None:
        return own
    if kind in _forwards(POINTWISE) or kind in _forwards(PADDING) or kind is nn.Dropout.forward:
        return 0
    if kind is nn.BatchNorm2d.forward and getattr(layer, "track_running_stats", False):
        return 0
    if kind in _forwards((nn.PixelShuffle, nn.PixelUnshuffle)):
        return 0
    if isinstance(layer, nn.Upsample) and kind is nn.Upsample.forward:
        local = layer.mode in ("nearest", "nearest-exact") or (layer.mode == "bilinear" and not layer.align_corners)
        return 1 if local and layer.size is None else None
    if kind is nn.AvgPool2d.forward and isinstance(layer.kernel_size, int):
        return layer.kernel_size - 1
    if isinstance(layer, CONVOLUTIONS) and kind in _forwards(CONVOLUTIONS) and layer.padding_mode != "circular":
        return max((size - 1) * step for size, step in zip(layer.kernel_size, layer.dilation, strict=True))
    return None
