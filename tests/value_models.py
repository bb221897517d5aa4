"""Small generator files of domains of measured values, to convert with."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from translate.model.file import pack
from translate.networks import GeneratorSettings, build_generator
from translate.values.domain import DomainType

HU = DomainType(-1024, 3071, 1, "int16", "HU", -2000.0)


def value_model(path: Path, source: DomainType | None, target: DomainType | None, *, same=False, near=0, **settings):
    """A generator file from `source` to `target`; None: pictures of 8 bits in 3 channels.

    same: the network passes its input x on, so that values come out at the same place of the output's range; with other
    channels in the output or with neighbours it gives tanh(x) of the middle slice. near: slices before and after each
    that the input has.
    """
    torch.manual_seed(0)
    channels = [kind.channels if kind else 3 for kind in (source, target)]
    count = (channels[0] * (2 * near + 1), channels[1])
    plain = {"kernel": 1, "downs": 0, "blocks": 0, "norm": "none", "filters": 2 * channels[0]}
    plain["residual"] = count[0] == count[1]
    chosen = GeneratorSettings(**{"filters": 4, "blocks": 1, "init_gain": 0.1, **(plain if same else {}), **settings})
    network = build_generator(chosen, *count)
    if same:
        _pass_on(network, channels[0], near)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    entry = {"network": chosen.network, "arguments": chosen.arguments(*count), "from": "a", "to": "b"}
    records = {side: kind and kind.record() for side, kind in zip("ab", (source, target), strict=True)}
    if near and records["a"]:
        records["a"]["neighbours"] = near
    description = {"version": "0", "mode": "pix2pix", "size": [32, 32], "values": records}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack({"a2b": (network, entry)}, description))
    return path


def _pass_on(network: nn.Module, channels: int, near: int) -> None:
    """Weights with which relu(x) - relu(-x) = x comes out, before tanh; zeros for a residual network."""
    first, last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for layer in (first, last):
            layer.weight.zero_()
            layer.bias.zero_()
        if network.residual:
            return
        for channel in range(channels):
            first.weight[2 * channel, near * channels + channel] = 1
            first.weight[2 * channel + 1, near * channels + channel] = -1
            last.weight[channel % last.out_channels, 2 * channel] = 1
            last.weight[channel % last.out_channels, 2 * channel + 1] = -1


def ramp(height: int, width: int, channels: int, kind: DomainType) -> np.ndarray:
    """(H, W, C) of the type's numbers, from its lowest to its highest value."""
    share = np.linspace(0, 1, height * width * channels).reshape(height, width, channels)
    values = kind.low + share * (kind.high - kind.low)
    return (values if kind.dtype == "float32" else np.rint(values)).astype(kind.dtype)
