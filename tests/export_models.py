"""Small untrained generators to export or draw with, and the sizes at which an export must equal them."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from translate.model.file import pack
from translate.networks import GeneratorSettings, build_generator

SIZES = [(5, 3), (2, 7), (17, 40), (32, 32), (31, 45), (70, 33)]  # odd ones, a multiple, larger than the training
ONE = (1, 1)


def write_model(path: Path, *, directions=("a2b",), channels=(3, 3), names=("lines", "filled"), **settings) -> Path:
    """A generator file of networks with random weights, and statistics as a trained batch norm has them."""
    torch.manual_seed(0)
    chosen = GeneratorSettings(**{"filters": 4, "blocks": 1, "depth": 3, "init_gain": 0.1, **settings})
    packed = {}
    for direction in directions:
        network = build_generator(chosen, *channels)
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
        arguments, (before, after) = chosen.arguments(*channels), names
        entry = {"network": chosen.network, "arguments": arguments, "from": before, "to": after}
        packed[direction] = (network, entry)
    description = {"version": "0", "mode": "pix2pix", "size": [32, 32], "background": [255, 255, 255]}
    path.write_bytes(pack(packed, description))
    return path


def write_gan(path: Path, *, classes=(), latent=8, size=(16, 16), channels=3, seed=0, **settings) -> Path:
    """A GAN's generator file with random weights, which makes a different picture of every latent and class."""
    torch.manual_seed(seed)
    chosen = GeneratorSettings(**{"network": "dcgan", "filters": 4, "norm": "batch", **settings})
    network = build_generator(chosen, latent + len(classes), channels, size, len(classes))
    for layer in network.modules():
        if isinstance(layer, (nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    arguments = chosen.arguments(latent + len(classes), channels, size, len(classes))
    entry = {"network": chosen.network, "arguments": arguments, "from": "z", "to": "shapes"}
    description = {
        "version": "0", "mode": "dcgan", "size": list(size), "background": [255, 255, 255], "images": 640,
        "grey": {"a": channels == 1}, "latent": latent, "classes": list(classes),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack({"z2a": (network, entry)}, description))
    return path


def pixels(shape, seed=0) -> np.ndarray:
    """Noise, uint8."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
