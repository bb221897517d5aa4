"""The reference's CycleGAN as a contender of `table.py`: trained on our images by its own code, at its kind of settings
cut down to 64 px; writes its outputs for the held-out images, by name.

usage: python benchmarks/table_reference.py CHECKOUT A B SEED (--dry-run | --images N --out FOLDER)
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from reference import build

from translate.data import open_data
from translate.evaluate.programs import write_images
from translate.model.torch_engine import to_image, to_input
from translate.train.options import Options

# As in the papers but for size, filters and batch, which two cores can't do.
SETS = ["size=64", "generator.blocks=6", "generator.filters=24", "discriminator.filters=24", "batch=4"]
REHEARSED = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("seed", type=int)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = {"device": "cpu", "seed": options.seed, "images": max(64, options.images)}
    settings = Options("cycle", options.a, options.b, "paper", None, SETS, None, chosen).settings()
    data = open_data(options.a, options.b, settings.data, paired=False, seed=options.seed, say=lambda line: None)
    model, networks = build(options.checkout, settings)
    batch, before = settings.train.batch, 0
    stop = batch * (1 + REHEARSED) if options.dry_run else options.images
    began = time.perf_counter()
    for number, (x, y) in enumerate(data.batches(0, stop, batch)):
        if number == 1:
            began, before = time.perf_counter(), batch
        rate = max(0.0, min(1.0, 2 - 2 * number * batch / stop))  # the papers': constant, then to 0 in the second half
        for optimizer in model.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * settings.train.lr
        model.set_input({"A": x, "B": y, "A_paths": [], "B_paths": []})
        model.optimize_parameters()
    if options.dry_run:
        speed = (stop - before) / (time.perf_counter() - began)
        print(f"One step of {batch} images takes {batch / speed:.3f} s: {speed:.1f} images/s.")
        return
    network = networks["G_A"].eval()
    inputs = data.test_images("a")
    with torch.inference_mode():
        parts = [to_image(network(to_input(inputs[i : i + batch]))) for i in range(0, len(inputs), batch)]
    write_images(options.out, [item.key for item in data.test_a], np.concatenate(parts))


if __name__ == "__main__":
    main()
