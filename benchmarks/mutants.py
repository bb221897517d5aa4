"""Damaged image files by the thousand: whether one raises anything but ImageError, or takes much memory or time.

Files of every kind that is read are made, then damaged: bytes changed, cut out, put in, repeated, numbers of headers
replaced by extreme ones. Each mutant is read twice in a child process, for training and for use; Linux, which tells the
peak of a process's memory. Prints a line for each that took more than 300 MB or 2 s or ended otherwise, and the counts
of readings; exit code 1 when there was one.

    python benchmarks/mutants.py --count 100000 --seed 0 --processes 2
"""

import argparse
import io
import multiprocessing
import os
import struct
import sys
import time
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

MEMORY, SECONDS = 300e6, 2.0  # seconds of the processor, so that a busy machine changes nothing
NUMBERS = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 4096, 20_000, 32_767, 65_535, 65_536, 1 << 31, (1 << 32) - 1)
BATCH = 200  # mutants that one child reads


def sources() -> dict[str, bytes]:
    """Small files of every kind, by name."""
    generator = np.random.default_rng(0)
    smooth = Image.fromarray(generator.integers(0, 256, (5, 6, 3), dtype=np.uint8)).resize((41, 33))
    shades, ink = smooth.convert("L"), smooth.convert("CMYK")
    clear = smooth.copy()
    clear.putalpha(shades)
    found: dict[str, bytes] = {}

    def put(name: str, image: Image.Image, kind: str, **options) -> None:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        found[name] = buffer.getvalue()

    exif = Image.Exif()
    exif[274], exif[271] = 6, "camera"
    for name, image in {"rgb": smooth, "grey": shades, "rgba": clear, "bits": shades.convert("1")}.items():
        put(f"png {name}", image, "PNG")
    put("png palette", smooth.quantize(16), "PNG", transparency=3)
    put("png key", shades, "PNG", transparency=90, dpi=(300, 300))
    put("apng", smooth, "PNG", save_all=True, append_images=[smooth.rotate(90)])
    for name, options in {"": {}, " rst": {"restart_marker_rows": 1}, " progressive": {"progressive": True}}.items():
        put(f"jpeg{name}", smooth, "JPEG", exif=exif, **options)
    put("jpeg grey", shades, "JPEG")
    put("jpeg cmyk", ink, "JPEG")
    put("webp", clear, "WEBP")
    put("webp lossless", smooth, "WEBP", lossless=True)
    put("webp frames", smooth, "WEBP", save_all=True, append_images=[clear.convert("RGB").rotate(90)])
    put("gif", smooth, "GIF", save_all=True, append_images=[smooth.rotate(90)])
    put("bmp", smooth, "BMP")
    put("bmp palette", smooth.quantize(16), "BMP")
    put("dib", smooth, "DIB")
    put("tga", smooth, "TGA")
    put("tga rle", shades, "TGA", compression="tga_rle")
    put("pbm", shades.convert("1"), "PPM")
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        put(f"tiff {compression}", smooth, "TIFF", compression=compression)
    put("tiff g4", shades.convert("1"), "TIFF", compression="group4")
    put("tiff cmyk", ink, "TIFF")
    put("tiff lab", Image.fromarray(np.asarray(smooth), "LAB"), "TIFF")
    put("tiff palette", smooth.quantize(16), "TIFF")
    if "AVIF" in Image.SAVE:
        put("avif", smooth, "AVIF")
    return found | _deep(np.asarray(smooth), np.asarray(shades))


def _deep(smooth: np.ndarray, shades: np.ndarray) -> dict[str, bytes]:
    """Files of 16 bits and floats: our own writers', and the test suite's layouts of TIFF."""
    from translate.image import picture
    from translate.image.picture import Picture

    colours, alpha = smooth.astype(np.uint16) * 257, shades.astype(np.uint16) * 257
    found = {
        "png 16": picture.encode(Picture(colours), ".png")[0],
        "png 16 grey alpha": picture.encode(Picture(alpha[..., None], alpha), ".png")[0],
        "png 16 key": _with_key(picture.encode(Picture(alpha[..., None]), ".png")[0]),
        "ppm 16": picture.encode(Picture(colours), ".ppm")[0],
        "pgm 12": b"P5 41 33 4095\n" + (alpha >> 4).astype(">u2").tobytes(),
        "pgm text": b"P2\n41 33\n255\n" + b" ".join(b"%d" % v for v in shades.ravel()),
        "tiff float": picture.encode(Picture((colours / 65535).astype(np.float32)), ".tif")[0],
    }
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import tiff_files

    for case in list(tiff_files.every_case())[::211]:
        found[f"tiff {case}"] = tiff_files.file(case)
    found["tiff tiled"] = tiff_files.file(tiff_files.Case(16, 3, 2, tiled=True, compression=8))
    return found


def _with_key(data: bytes) -> bytes:
    content = struct.pack(">H", 0)
    chunk = struct.pack(">I", 2) + b"tRNS" + content + struct.pack(">I", zlib.crc32(b"tRNS" + content))
    return data[:33] + chunk + data[33:]


def mutant(number: int, seed: int, files: list[bytes]) -> bytes:
    """Mutant `number`, the same for the same seed."""
    generator = np.random.default_rng([seed, number])
    data = bytearray(files[generator.integers(len(files))])
    for _ in range(generator.integers(1, 5)):
        if not data:
            break
        place = int(generator.integers(len(data) if generator.random() < 0.5 else min(len(data), 64)))
        match generator.integers(7):
            case 0:
                data[place] ^= 1 << int(generator.integers(8))
            case 1:
                data[place] = int(generator.integers(256))
            case 2:
                form = str(generator.choice(["<H", ">H", "<I", ">I"]))
                value = NUMBERS[generator.integers(len(NUMBERS))] % (1 << 8 * struct.calcsize(form))
                data[place : place + struct.calcsize(form)] = struct.pack(form, value)
            case 3:
                del data[place : place + int(generator.integers(1, 64))]
            case 4:
                data[place:place] = generator.bytes(int(generator.integers(1, 64)))
            case 5:
                end = place + int(generator.integers(1, 256))
                data[place:place] = data[place:end]
            case 6:
                del data[place:]
    return _true_sums(bytes(data)) if generator.random() < 0.5 else bytes(data)


def _true_sums(data: bytes) -> bytes:
    """A PNG with its checksums put right, so that what stands behind them is reached; other files as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    result, place = bytearray(data), 8
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        if end + 4 > len(data):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(result)


def _peak() -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def _reset() -> int:
    """Forget the peak; bytes that are in use now."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    return _peak()


def read_some(numbers: range, seed: int, queue) -> None:
    """Reads mutants and reports (number, outcome, bytes, seconds, whether it was refused) of each."""
    from translate.image import picture, rgb8

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say past everything
    files = list(sources().values())
    original = rgb8.contents
    for data in sources().values():  # what loads once
        with suppress(rgb8.ImageError):
            picture.parse(data)
    for number in numbers:
        data = mutant(number, seed, files)
        rgb8.contents = lambda _, data=data: data  # type: ignore[assignment]
        for read in (lambda: rgb8.read(""), lambda data=data: picture.parse(data)):
            before, began, outcome, refused = _reset(), time.process_time(), "", False
            try:
                read()
            except rgb8.ImageError:
                refused = True
            except BaseException as error:
                outcome = f"{type(error).__name__}: {error}"[:200]
            queue.put((number, outcome, _peak() - before, time.process_time() - began, refused))
    rgb8.contents = original
    queue.put(None)


def campaign(count: int, seed: int, processes: int, say=lambda text: None) -> tuple[Counter, list[str]]:
    """(counts, a line for each mutant that is not as it should be)"""
    context = multiprocessing.get_context("spawn")
    counts: Counter = Counter()
    lines: list[str] = []
    rest = [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)][::-1]
    running: list = []
    while rest or running:
        while rest and len(running) < processes:
            numbers, queue = rest.pop(), context.Queue()
            child = context.Process(target=read_some, args=(numbers, seed, queue))
            child.start()
            running.append([child, queue, numbers, numbers.start])
        for entry in list(running):
            child, queue, numbers, _ = entry
            try:
                found = queue.get(timeout=0.05)
            except Exception:
                if child.is_alive() or not queue.empty():
                    continue
                lines.append(f"mutant {entry[3]} of seed {seed}: the process ended with {child.exitcode}")
                running.remove(entry)
                if entry[3] + 1 < numbers.stop:
                    rest.append(range(entry[3] + 1, numbers.stop))
                continue
            while found is not None:
                number, outcome, size, seconds, refused = found
                entry[3] = number
                counts["read"] += 1
                counts["refused"] += refused
                counts["uncaught"] += bool(outcome)
                counts["large"] += size > MEMORY
                counts["slow"] += seconds > SECONDS
                if outcome or size > MEMORY or seconds > SECONDS:
                    what = f"{outcome or 'read'}, {size / 1e6:.0f} MB, {seconds:.1f} s"
                    lines.append(f"mutant {number} of seed {seed}: {what}")
                found = queue.get(timeout=120)
            child.join()
            running.remove(entry)
            if counts["read"] % (50 * BATCH) == 0:
                say(words_of(counts))
    return counts, lines


def words_of(counts: Counter) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    words = parser.parse_args()
    counts, lines = campaign(words.count, words.seed, words.processes, lambda text: print(text, flush=True))
    print("\n".join([*lines, words_of(counts)]))
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
