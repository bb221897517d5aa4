"""Writing an image that is larger than memory, and reading windows of it: seconds of one core, memory, bytes.

    python benchmarks/large_tiff.py --side 40000

The image is noise of 12 bits in blocks of 8 pixels. The file is deleted at the end.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from translate.values import files
from translate.values.tiled import TiledWriter

ROWS, WINDOW, WINDOWS = 512, 256, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=40_000, help="pixels")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    side, random = options.side, np.random.default_rng(0)
    rows = random.integers(0, 4096, (ROWS, -(-side // 8), 1)).astype(np.uint16).repeat(8, 1)[:, :side]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "x.tif"
        started = time.process_time()
        with TiledWriter(path, side, side, 1, np.uint16) as writer:
            for top in range(0, side, ROWS):
                writer.put(rows[: side - top] + np.uint16(top // 40))
        print(
            f"{side:,} x {side:,} of uint16: {time.process_time() - started:.0f} s, {path.stat().st_size / 1e9:.2f} GB"
        )
        started = time.process_time()
        for top, left in random.integers(0, side - WINDOW, (WINDOWS, 2)):
            files.window(path, int(top), int(left), WINDOW, WINDOW)
        print(f"a window of {WINDOW} x {WINDOW}: {(time.process_time() - started) / WINDOWS * 1000:.1f} ms")
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB")


if __name__ == "__main__":
    main()
