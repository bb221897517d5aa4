"""Images a second of a folder conversion, beside the bare network and beside a plain loop, in alternating rounds.

usage: python benchmarks/convert.py FOLDER [--model fluent_flat2shaded] [--count 2000] [--size 64] [--rounds 3]
                                    [--json FILE]

FOLDER: any images, the first COUNT of which are resized so that the longer side is SIZE, as PNG (or --format jpg).
convert  what `translate convert` runs: decoding, network, encoding, report; each image durable on the disk
network  the same network in evaluation mode, called by plain torch on the same batches, already decoded, channels last;
         levels to floats and back, nothing read or written; torch decides on its threads
loop     one image at a time: Pillow opens and converts it to RGB, torch runs it, Pillow saves a PNG
Each in a process of its own, whose first round doesn't count.
Also the largest resident memory after the first and after the last tenth of all files (`--memory`, no other rounds).
"""

import argparse
import itertools
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from harness import Contender, Work, alternate, brief, faster, machine, spread, write
from PIL import Image
from rich.console import Console

from translate.convert.options import Options
from translate.convert.reader import BATCH, BATCH_PIXELS
from translate.convert.run import convert
from translate.image import rgb8
from translate.model.translator import Translator, target_size

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def prepare(source: Path, folder: Path, count: int, size: int, suffix: str) -> int:
    paths = sorted(path for path in source.rglob("*") if rgb8.is_image_name(path.name))
    folder.mkdir()
    for number in range(count):
        array = rgb8.read(paths[number % len(paths)])
        array = rgb8.resize(array, target_size(array.shape[:2], size))
        Image.fromarray(array).save(folder / f"{number:05d}.{suffix}", quality=92)
    return min(count, len(paths))


def by_convert(model: str, folder: Path) -> Work:
    places = (folder.parent / f"out{number}" for number in itertools.count())

    def step() -> None:
        with open(os.devnull, "w", encoding="utf-8") as silent:
            convert(Options(model, (str(folder),), next(places), device="auto"), Console(file=silent))

    return Work(step, DEVICE)


def by_network(model: str, folder: Path) -> Work:
    """Nothing of convert's engine, so that what makes that faster shows."""
    engine = Translator.load(model, device=DEVICE).engine
    groups: dict[tuple, list[np.ndarray]] = {}
    for path in sorted(folder.iterdir()):
        array = rgb8.read(path)
        groups.setdefault(array.shape, []).append(array)
    decoded = []  # in the batches that convert makes
    for (height, width, _), group in groups.items():
        size = max(1, min(BATCH, BATCH_PIXELS[DEVICE] // (height * width)))
        decoded += [np.stack(group[start : start + size]) for start in range(0, len(group), size)]

    @torch.inference_mode()
    def step() -> None:
        for batch in decoded:
            x = torch.from_numpy(batch).to(DEVICE).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            y = engine.network(x).clamp(-1, 1).add_(1).mul_(127.5).round_().byte()
            y.permute(0, 2, 3, 1).cpu().numpy()

    return Work(step, DEVICE)


def by_loop(model: str, folder: Path) -> Work:
    """As test scripts in this field do it."""
    network = Translator.load(model, device=DEVICE).engine.network.to(memory_format=torch.contiguous_format)
    places = (folder.parent / f"loop{number}" for number in itertools.count())

    @torch.no_grad()
    def step() -> None:
        out = next(places)
        out.mkdir()
        for path in sorted(folder.iterdir()):
            array = np.array(Image.open(path).convert("RGB"))
            x = torch.from_numpy(array).permute(2, 0, 1)[None].float().div(127.5).sub(1).to(DEVICE)
            y = network(x)[0].clamp(-1, 1).add(1).mul(127.5).round().byte().permute(1, 2, 0).cpu().numpy()
            Image.fromarray(y).save(out / f"{path.stem}.png")

    return Work(step, DEVICE)


WAYS = {"convert": by_convert, "network": by_network, "loop": by_loop}


def resident() -> float:
    """MB of this process now (Linux)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="fluent_flat2shaded")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--format", default="png")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        different = prepare(options.folder, folder, options.count, options.size, options.format)
        print(f"{options.count} images ({different} different), longer side {options.size}, {options.model}, torch "
              f"{torch.__version__}, {torch.get_num_threads()} threads, {DEVICE}", flush=True)  # fmt: skip
        if options.memory:
            return memory(options.model, folder)
        contenders = {name: Contender(make, options.model, folder) for name, make in WAYS.items()}
        times = alternate({name: partial(entry.play, 1) for name, entry in contenders.items()}, options.rounds)
        for entry in contenders.values():
            entry.close()
    ratios = {other: faster(times, "convert", other) for other in ("network", "loop")}
    rates = {name: spread(options.count / value for value in values) for name, values in times.items()}
    for name, rate in rates.items():
        print(f"{name:8} {brief(rate)} images/s")
    for other, ratio in ratios.items():
        print(f"convert / {other}: {brief(ratio)}")
    write(options.json, {"machine": machine(DEVICE), "images_per_second": rates, "ratios": ratios, "seconds": times})


def memory(model: str, folder: Path) -> None:
    from translate.convert.pipeline import Pipeline

    seen: list[float] = []
    encode = Pipeline._encode

    def watched(self, ready, levels):
        seen.append(resident())
        return encode(self, ready, levels)

    Pipeline._encode = watched  # type: ignore[method-assign]
    by_convert(model, folder).step()
    tenth = len(seen) // 10
    first, last = max(seen[tenth : 2 * tenth]), max(seen[-tenth:])
    print(f"resident memory, largest: second tenth {first:.0f} MB, last tenth {last:.0f} MB ({last / first - 1:+.1%})")
    print(f"open files at the end: {len(os.listdir('/proc/self/fd'))}")


if __name__ == "__main__":
    main()
