"""Real odd image files, from the test suites of Pillow and others: what is read, what is refused, and why.

Each file is read for training and for use, and compared with what Pillow, OpenCV and (of TIFF) tifffile make of it,
where those can be compared at all: opaque, 8 bits, upright. Prints every file that neither of them agrees with, every
refusal with its reason, and the counts. An exception that is no ImageError ends it with exit code 1.

    python benchmarks/odd_files.py --fetch /tmp/odd        # the source archives of some packages
    python benchmarks/odd_files.py /tmp/odd /usr/share/doc
"""

import argparse
import io
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from translate.image import picture, rgb8

PACKAGES = ("pillow", "imagesize", "piexif")
DEBIAN = ("giflib", "libjpeg-turbo", "libpng1.6", "libwebp", "tiff")
NEAR = 3.0  # mean difference in levels of 255 that rounding and colour conversions explain


def fetch(folder: Path) -> None:
    """The packages' source archives, unpacked; Debian's where apt-get has deb-src lines. What fails is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    for package in PACKAGES:
        subprocess.run([*pip, package], cwd=folder, check=False)
    if shutil.which("apt-get"):
        subprocess.run(["apt-get", "source", "--download-only", *DEBIAN], cwd=folder, check=False)
    for archive in [*folder.glob("*.tar.*"), *folder.glob("*.zip")]:
        if archive.suffix != ".asc":
            shutil.unpack_archive(archive, folder)


def others(data: bytes) -> dict[str, np.ndarray]:
    """uint8 (H, W, 3) as other programs see the file, transparency laid on white."""
    found: dict[str, np.ndarray] = {}
    with suppress(Exception), Image.open(io.BytesIO(data)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode[0] not in "IF":
            clear = image.convert("RGBA")
            ground = Image.new("RGBA", clear.size, "white")
            found["Pillow"] = np.asarray(Image.alpha_composite(ground, clear).convert("RGB"))
    with suppress(Exception):
        import cv2

        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if values is not None:
            found["OpenCV"] = values[..., ::-1]
    with suppress(Exception):
        import tifffile

        with tifffile.TiffFile(io.BytesIO(data)) as file:
            values = file.pages.first.asarray()
        if values.dtype in (np.uint8, np.uint16) and values.ndim in (2, 3):
            values = values if values.dtype == np.uint8 else np.rint(values / 257).astype(np.uint8)
            values = values[..., None] if values.ndim == 2 else values
            found["tifffile"] = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[..., :3]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--fetch", action="store_true")
    words = parser.parse_args()
    if words.fetch:
        fetch(words.folders[0])
    counts: Counter = Counter()
    files = sorted(path for folder in words.folders for path in folder.rglob("*") if rgb8.is_image_name(path.name))
    for path in files:
        if not path.is_file():
            continue
        counts["files"] += 1
        try:
            used = picture.read(path)
            seen = rgb8.read(path)
        except rgb8.ImageError as error:
            counts["refused"] += 1
            print(f"refused: {path.name}: {error}")
            continue
        except Exception as error:
            counts["uncaught"] += 1
            print(f"UNCAUGHT: {path}: {type(error).__name__}: {error}")
            continue
        counts["read"] += 1
        if used.size != seen.shape[:2]:
            counts["doors disagree"] += 1
            print(f"DOORS DISAGREE: {path}")
        away = {
            name: float(np.abs(array.astype(int) - seen).mean())
            for name, array in others(path.read_bytes()).items()
            if array.shape == seen.shape
        }
        if away and min(away.values()) > NEAR:
            counts["differs from Pillow and OpenCV"] += 1
            words_away = ", ".join(f"{value:.0f} from {name}" for name, value in away.items())
            print(f"differs from Pillow and OpenCV: {path.name}: {words_away}; notes {used.notes}")
    print(", ".join(f"{number:,} {name}" for name, number in counts.items()))
    return bool(counts["uncaught"] or counts["doors disagree"])


if __name__ == "__main__":
    sys.exit(main())
