"""Largest difference between an ONNX export and the network it was made of, as a Markdown table.

usage: python benchmarks/export_parity.py [NETWORK …]      (72 exports: some minutes)

Every network × norm × upsampling, small and untrained, on noise: in fp32 at each size, and the worst size in fp16.
"""

import math
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn

from translate.export.graph import Source
from translate.export.onnx import checked, convert
from translate.model.file import pack
from translate.model.onnx_engine import OnnxEngine
from translate.model.torch_engine import to_input
from translate.networks import GENERATORS, GeneratorSettings, build_generator

SIZES = [(1, 1), (5, 3), (32, 32), (31, 45), (70, 133)]
NORMS, UPSAMPLINGS = ("instance", "batch", "group", "none"), ("deconv", "resize", "shuffle")


def write_model(path: Path, network: str, norm: str, upsampling: str) -> None:
    """A generator file with weights that keep the activations' size, and statistics as after a training."""
    torch.manual_seed(0)
    settings = GeneratorSettings(
        network=network, filters=8, blocks=2, depth=3, norm=norm, upsampling=upsampling, init="kaiming"
    )
    generator = build_generator(settings, 3, 3)
    for layer in generator.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    entry = {"network": network, "arguments": settings.arguments(3, 3), "from": "a", "to": "b"}
    path.write_bytes(pack({"a2b": (generator, entry)}, {"size": [32, 32], "background": [255, 255, 255]}))


@torch.inference_mode()
def differences(path: Path, precision: str) -> list[float]:
    """The largest difference at each of SIZES, batch 2."""
    source = Source.load(path, "a2b")
    proto = convert(source, "float", precision)
    content, _ = checked(source, proto, "float", precision, ([], "no pictures"), tolerance=(math.inf, math.inf))
    engine = OnnxEngine(content, "the export", threads=1)
    found = []
    for number, (height, width) in enumerate(SIZES):
        levels = np.random.default_rng(number).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        x = to_input(levels)
        found.append(float(np.abs(engine.raw(x.numpy()) - source.network(x).numpy()).max()))
    return found


def main(networks: list[str]) -> None:
    sizes = [f"{height}×{width}" for height, width in SIZES]
    print(f"| network | norm | upsampling | {' | '.join(sizes)} | fp16, worst |")
    print("|---|---|---|" + "---|" * (len(sizes) + 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.safetensors"
        for network, norm, upsampling in product(networks, NORMS, UPSAMPLINGS):
            write_model(path, network, norm, upsampling)
            full, half = differences(path, "fp32"), differences(path, "fp16")
            # One pixel is one colour, which instance norm turns into rounding noise, in torch as well.
            cells = [
                "–" if norm == "instance" and size == "1×1" else f"{d:.0e}" for size, d in zip(sizes, full, strict=True)
            ]
            worst = max(half[norm == "instance" :])
            print(f"| {network} | {norm} | {upsampling} | {' | '.join(cells)} | {worst:.0e} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:] or list(GENERATORS))
