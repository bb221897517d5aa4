"""Images a second of a folder conversion, beside the bare network and beside a plain loop, in alternating rounds.

usage: python benchmarks/convert.py FOLDER [--model fluent_flat2shaded] [--count 2000] [--size 64] [--rounds 3]
                                    [--json FILE]

FOLDER: any images, the first COUNT of which are resized so that the longer side is SIZE, as PNG (or --format jpg).
convert  what `translate convert` runs: decoding, network, encoding, report; each image durable on the disk
network  the same network in evaluation mode, called by plain torch on the same batches, already decoded, channels last;
         levels to floats and back, nothing read or written; torch decides on its threads
loop     one image at a time: Pillow opens and converts it to RGB, torch runs it, Pillow saves a PNG
Also the largest resident memory after the first and after the last tenth of all files (`--memory`, no other rounds).
"""

import argparse
import itertools
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from harness import alternate, brief, faster, machine, spread, timed, write
from PIL import Image
from rich.console import Console

from translate import images
from translate.convert.options import Options
from translate.convert.pipeline import BATCH, BATCH_PIXELS
from translate.convert.run import convert
from translate.translator import Translator, target_size


def prepare(source: Path, folder: Path, count: int, size: int, suffix: str) -> int:
    paths = sorted(path for path in source.rglob("*") if images.is_image_name(path.name))
    folder.mkdir()
    for number in range(count):
        array = images.read(paths[number % len(paths)])
        array = images.resize(array, target_size(array.shape[:2], size))
        Image.fromarray(array).save(folder / f"{number:05d}.{suffix}", quality=92)
    return min(count, len(paths))


def by_convert(model: str, folder: Path, out: Path) -> None:
    with open(os.devnull, "w", encoding="utf-8") as silent:
        convert(Options(model, (str(folder),), out, device="auto"), Console(file=silent))


def batches(folder: Path, translator: Translator, kind: str) -> list[np.ndarray]:
    """All images, decoded, in the batches that convert makes."""
    groups: dict[tuple, list[np.ndarray]] = {}
    for path in sorted(folder.iterdir()):
        array = images.read(path)
        groups.setdefault(array.shape, []).append(array)
    made = []
    for (height, width, _), group in groups.items():
        batch = max(1, min(BATCH[kind], BATCH_PIXELS[kind] // (height * width)))
        made += [np.stack(group[start : start + batch]) for start in range(0, len(group), batch)]
    return made


def by_network(translator: Translator, decoded: list[np.ndarray]) -> None:
    """Nothing of convert's engine, so that what makes that faster shows."""
    network, device = translator.engine.network, translator.engine.device
    with torch.inference_mode():
        for batch in decoded:
            x = torch.from_numpy(batch).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            network(x).clamp(-1, 1).add_(1).mul_(127.5).round_().byte().permute(0, 2, 3, 1).cpu().numpy()


def by_loop(translator: Translator, folder: Path, out: Path) -> None:
    """As test scripts in this field do it."""
    network, device = translator.engine.network.to(memory_format=torch.contiguous_format), translator.engine.device
    out.mkdir()
    with torch.no_grad():
        for path in sorted(folder.iterdir()):
            array = np.array(Image.open(path).convert("RGB"))
            x = torch.from_numpy(array).permute(2, 0, 1)[None].float().div(127.5).sub(1).to(device)
            y = network(x)[0].clamp(-1, 1).add(1).mul(127.5).round().byte().permute(1, 2, 0).cpu().numpy()
            Image.fromarray(y).save(out / f"{path.stem}.png")


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
    wishes = parser.parse_args()
    translator = Translator.load(wishes.model, device="cuda" if torch.cuda.is_available() else "cpu")
    loop = Translator.load(wishes.model, device=translator.engine.device)
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        different = prepare(wishes.folder, root / "in", wishes.count, wishes.size, wishes.format)
        print(f"{wishes.count} images ({different} different), longer side {wishes.size}, {wishes.model}, torch "
              f"{torch.__version__}, {torch.get_num_threads()} threads, {kind}")  # fmt: skip
        if wishes.memory:
            return memory(wishes.model, root)
        decoded = batches(root / "in", translator, kind)
        by_network(translator, decoded[:1])
        places = (root / f"out{number}" for number in itertools.count())
        ways: dict[str, Callable[[], None]] = {
            "convert": lambda: by_convert(wishes.model, root / "in", next(places)),
            "network": lambda: by_network(translator, decoded),
            "loop": lambda: by_loop(loop, root / "in", next(places)),
        }
        times = alternate({name: partial(timed, way, kind) for name, way in ways.items()}, wishes.rounds, warm=0)
        ratios = {other: faster(times, "convert", other) for other in ("network", "loop")}
        rates = {name: spread(wishes.count / value for value in values) for name, values in times.items()}
        for name, rate in rates.items():
            print(f"{name:8} {brief(rate)} images/s")
        for other, ratio in ratios.items():
            print(f"convert / {other}: {brief(ratio)}")
        write(wishes.json, {"machine": machine(kind), "images_per_second": rates, "ratios": ratios, "seconds": times})


def memory(model: str, root: Path) -> None:
    from translate.convert.pipeline import Pipeline

    seen: list[float] = []
    step = Pipeline._write

    def watched(self, ready, levels):
        step(self, ready, levels)
        seen.append(resident())

    Pipeline._write = watched  # type: ignore[method-assign]
    by_convert(model, root / "in", root / "out")
    tenth = len(seen) // 10
    first, last = max(seen[tenth : 2 * tenth]), max(seen[-tenth:])
    print(f"resident memory, largest: second tenth {first:.0f} MB, last tenth {last:.0f} MB ({last / first - 1:+.1%})")
    print(f"open files at the end: {len(os.listdir('/proc/self/fd'))}")


if __name__ == "__main__":
    main()
