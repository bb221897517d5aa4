"""The loader alone: images/s of the batches that a training would get, in this process and from worker processes.

usage: python benchmarks/loader.py [--workers 0 1 2] [--images 256] [--rounds 5] [--json FILE]

drawings  PNG of 72 px with transparency, trained on at 64 px; decoded once and kept, as such small sets are
photos    JPEG of 512 px, loaded at 286 and cropped to 256; kept decoded, and decoded anew each time (cache=none)
All are made up here. Each number of workers is paired with none. A round reads --images of them; with W workers the
clock runs from the first batch, when the others have one each, which are not counted.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import alternate, brief, faster, heading, machine, spread, table, write
from PIL import Image, ImageDraw

from translate.data import Data, DataSettings, open_data

BATCH = 8
FILES = 64


def drawing(number: int) -> Image.Image:
    """72 px, RGBA: shapes on nothing, as emoji are."""
    random = np.random.default_rng(number)
    picture = Image.new("RGBA", (72, 72))
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = random.integers(0, 40, 2)
        wide, high = random.integers(8, 32, 2)
        colour = (*random.integers(0, 256, 3), 255)
        draw.ellipse([int(v) for v in (left, top, left + wide, top + high)], tuple(int(v) for v in colour), "black", 2)
    return picture


def photo(number: int) -> Image.Image:
    """512 px: noise at all sizes, which JPEG finds as hard as a photograph."""
    random = np.random.default_rng(number)
    picture = np.zeros((512, 512, 3))
    for side, weight in ((4, 60), (16, 30), (64, 15), (256, 5)):
        noise = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        picture += weight / 110 * np.asarray(noise.resize((512, 512), Image.Resampling.BICUBIC))
    return Image.fromarray(picture.astype(np.uint8))


def folders(root: Path, name: str) -> tuple[Path, Path]:
    """Two domains of FILES pictures each."""
    made = root / f"{name}-a", root / f"{name}-b"
    for start, folder in enumerate(made):
        folder.mkdir(parents=True)
        for number in range(FILES):
            if name == "drawings":
                drawing(2 * number + start).save(folder / f"{number:03d}.png")
            else:
                photo(2 * number + start).save(folder / f"{number:03d}.jpg", quality=92)
    return made


def seconds_an_image(data: Data, images: int, workers: int) -> float:
    """Each image of either domain counts."""
    batches = data.batches(0, images // 2, BATCH, workers=workers)
    done = 0 if workers == 0 else workers - 1  # ready besides the first when the clock starts
    began = time.perf_counter()
    if workers:
        next(batches)
        began = time.perf_counter()
    counted = sum(2 * len(batch[0]) for batch in batches) - 2 * BATCH * done
    return (time.perf_counter() - began) / counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.images < 4 * BATCH * (1 + max(options.workers)):
        parser.error(
            f"--images {options.images} are too few for {max(options.workers)} workers with batches of {BATCH}"
        )
    kinds = {
        "drawings, 64 px, kept": ("drawings", DataSettings(size=(64, 64), interpolation="lanczos")),
        "photos, 286 → 256 px, kept": ("photos", DataSettings()),
        "photos, 286 → 256 px, decoded anew": ("photos", DataSettings(cache="none")),
    }
    result: dict[str, Any] = {"machine": machine("cpu"), "loaders": []}
    rows: list[tuple[str, ...]] = []
    numbers = [0, *(number for number in options.workers if number)]
    with tempfile.TemporaryDirectory() as scratch:
        made = {name: folders(Path(scratch), name) for name in ("drawings", "photos")}
        for title, (name, settings) in kinds.items():
            a, b = made[name]
            data = open_data(str(a), str(b), settings, paired=False, seed=0, say=lambda line: None)
            plays = {str(n): partial(seconds_an_image, data, options.images, n) for n in numbers}
            times = alternate(plays, options.rounds)
            for number, ours in times.items():
                rate, ratio = spread(1 / value for value in ours), faster(times, number, "0")
                found = {"images_per_second": rate, "to_none": ratio, "seconds": ours}
                result["loaders"].append({"what": title, "workers": int(number), **found})
                rows.append((title, number, brief(rate), "" if number == "0" else brief(ratio, "×")))
    write(options.json, result)
    print(heading(result["machine"]), end="\n\n")
    print(table(("images", "workers", "images/s", "times no workers"), rows))


if __name__ == "__main__":
    main()
