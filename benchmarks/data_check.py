"""`translate data check`: its speed on many files, and which copies it finds.

python benchmarks/data_check.py                    # 100,000 files, headers only, and all copies of the emoji sets
python benchmarks/data_check.py --files 2000 --sets openmoji_color
"""

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from translate import catalog
from translate.check import likeness
from translate.image import rgb8

SETS = ["windows_emoji", "apple_emoji", "google_emoji", "facebook_emoji", "twitter_emoji"]
COPIES = 300  # of each set


def speed(files: int, name: str) -> None:
    """Seconds of a check of so many different PNG files of 72 px without decoding."""
    sources = [path.read_bytes() for path in sorted(catalog.fetch(catalog.recipes()[name]).path.iterdir())]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            content = sources[number % len(sources)] + number.to_bytes(8, "big")  # the same picture, another file
            (Path(folder) / f"{number:07d}.png").write_bytes(content)
        began = time.perf_counter()
        command = [sys.executable, "-m", "translate", "data", "check", folder, "--quick"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{files:,} files, headers only: {taken:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of a processor")


def changed(picture: np.ndarray, how: str) -> np.ndarray:
    """Another copy of uint8 (H, W, 3)."""
    image, buffer = Image.fromarray(picture), io.BytesIO()
    if how in ("1/2", "1/3"):
        size = (image.width // int(how[2]), image.height // int(how[2]))
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    kind, quality = how.split()
    image.save(buffer, kind, quality=int(quality))
    return np.asarray(Image.open(buffer).convert("RGB"))


def recall(name: str) -> None:
    """Which copies are found, and how many pairs of a set's own pictures are nearly equal."""
    paths = sorted(catalog.fetch(catalog.recipes()[name]).path.iterdir())
    pictures = [rgb8.read(path) for path in paths]
    small = np.stack([likeness.reduced(picture) for picture in pictures])
    own = likeness.groups(small, np.ones(len(small)))
    chosen = np.random.default_rng(0).choice(len(pictures), min(COPIES, len(pictures)), replace=False)
    found = []
    for how in ("1/2", "1/3", "WEBP 80", "JPEG 85", "JPEG 60", "JPEG 30"):
        pairs = [np.stack([small[i], likeness.reduced(changed(pictures[i], how))]) for i in chosen]
        share = np.mean([len(likeness.groups(pair, np.ones(2))) for pair in pairs])
        found.append(f"{how}: {100 * share:.0f} %")
    print(f"{name}: {len(own)} groups of nearly equal pictures, with {sum(map(len, own))} of {len(paths)} pictures")
    print(f"  copies found: {'; '.join(found)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--sets", nargs="*", default=SETS)
    given = parser.parse_args()
    for one in given.sets:
        recall(one)
    if given.files:
        speed(given.files, given.sets[0])
