"""onnxruntime against eager torch, one thread each, in alternating rounds: the median of the paired ratios.

usage: python benchmarks/onnx_speed.py [ROUNDS]

Both engines get the same batch of levels and give levels; a round runs one after the other, in turns the first. The
spread is the middle half of the rounds' ratios. Weights of the paper's networks are random, which costs the same.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from harness import alternate, brief, faster, spread, timed

from translate.export.graph import Source
from translate.export.onnx import convert, onnx_bytes
from translate.export.probes import drawn
from translate.export.quantize import quantize
from translate.model.file import find, pack
from translate.model.onnx_engine import OnnxEngine
from translate.model.torch_engine import TorchEngine
from translate.networks import GeneratorSettings, build_generator

SHIPPED = ("openmoji_line2color", "fluent_flat2shaded")
PAPERS = {
    "ResNet, 9 blocks": GeneratorSettings(network="resnet"),
    "U-Net, depth 7": GeneratorSettings(network="unet", depth=7, norm="batch"),
}


def compare(name: str, model: str, sides: tuple[int, ...], batches: tuple[int, ...], rounds: int) -> None:
    content = onnx_bytes(model)
    theirs, ours = OnnxEngine(content, name, threads=1), TorchEngine.load(model)
    for side in sides:
        for batch in batches:
            levels = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
            engines = {"onnx": partial(timed, partial(theirs, levels)), "torch": partial(timed, partial(ours, levels))}
            times = alternate(engines, rounds, warm=2)
            ms = {engine: 1000 * spread(seconds)["median"] for engine, seconds in times.items()}
            ratio = brief(faster(times, "onnx", "torch"), "×")
            print(f"| {name} | {side} | {batch} | {ms['torch']:.1f} ms | {ms['onnx']:.1f} ms | {ratio} |", flush=True)


def sizes(name: str, model: str) -> None:
    """The files' sizes in MB; int8 with drawn pictures, which changes nothing about it."""
    source = Source.load(model, "a2b")
    files = [find(model).stat().st_size]
    files += [len(convert(source, "float", precision).SerializeToString()) for precision in ("fp32", "fp16")]
    small = quantize(convert(source, "float"), "float", drawn(source, 2), (64, 64))
    files.append(small.ByteSize())
    print(f"| {name} | {' | '.join(f'{size / 1e6:.2f}' for size in files)} |", flush=True)


def main(rounds: int = 15) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        papers = {}
        for name, settings in PAPERS.items():
            entry = {"network": settings.network, "arguments": settings.arguments(3, 3), "from": "a", "to": "b"}
            path = Path(folder) / f"{settings.network}.safetensors"
            network = build_generator(settings, 3, 3)
            path.write_bytes(pack({"a2b": (network, entry)}, {"size": [64, 64], "background": [255, 255, 255]}))
            papers[name] = str(path)
        print("| model | px | batch | torch | onnxruntime | torch / onnxruntime |\n|---|---|---|---|---|---|")
        for name in SHIPPED:
            compare(name, name, (64, 128, 256), (1, 8), rounds)
        for name, model in papers.items():
            compare(name, model, (128,), (1, 8), max(3, rounds // 3))
        print("\n| model, MB | safetensors | onnx fp32 | fp16 | int8 |\n|---|---|---|---|---|")
        for name, model in {SHIPPED[0]: SHIPPED[0], **papers}.items():
            sizes(name, model)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
