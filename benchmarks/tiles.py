"""Tiled against untiled translation of one large picture: how far apart they are, how long each takes, at which memory.

usage: python benchmarks/tiles.py PICTURE [--model fluent_flat2shaded] [--tile 512]

Each runs in a process of its own, so that the peak of memory is its own (Linux).
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np

from translate.image.rgb8 import read


def work(model: str, array: np.ndarray, tile: int, answer) -> None:
    from translate.model.rules import Rules
    from translate.model.translator import Translator

    translator = Translator.load(model)
    translator(array[:64, :64])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    result = translator.run(array[None].astype(np.float32) / 255, Rules(tile=tile))[0]
    took = time.perf_counter() - began
    answer.put((result, took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--model", default="fluent_flat2shaded")
    parser.add_argument("--tile", type=int, default=512)
    options = parser.parse_args()
    array, results = read(options.picture), {}
    context = multiprocessing.get_context("spawn")
    for name, tile in (("untiled", 0), (f"tiles of {options.tile}", options.tile)):
        answer = context.Queue()
        process = context.Process(target=work, args=(options.model, array, tile, answer))
        process.start()
        results[name], took, memory = answer.get()
        process.join()
        print(f"{name:14} {took:7.1f} s   {memory:7.0f} MB more than before")
    whole, tiled = results.values()
    levels = np.abs(np.rint(whole * 255) - np.rint(tiled * 255))
    print(f"{array.shape[1]} × {array.shape[0]}: largest difference {np.abs(whole - tiled).max():.1e} of the range, in "
          f"8 bits at most {levels.max():.0f} level, in {(levels > 0).mean():.4%} of the values")  # fmt: skip


if __name__ == "__main__":
    main()
