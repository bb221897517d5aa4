"""The table and the sheet of docs/results.md for GANs: `python benchmarks/gan_results.py SHEET.png RUN...`

Prints a row for each run folder (its scores, beside those of real images, and what was said of its samples), and draws
the same seeds of all of them: two rows of an unconditional run, a row for each class of a conditional one.
"""

import json
import sys
from pathlib import Path

from translate.image import rgb8
from translate.model.sampler import Sampler
from translate.settings import read_toml
from translate.system.files import write_whole

COLUMNS = 14


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def table(runs: list[Path]) -> None:
    print("| command | images | images/s | KID-lite0 (best; at the end) | real images | the samples at the end |")
    print("|---|---|---|---|---|---|")
    for run in runs:
        config, lines = read_toml(run / "config.toml"), events(run)
        labels = f" --labels {config['data']['labels']}" if config["data"].get("labels") else ""
        scored = [line for line in lines if "scores" in line]
        values = [line["scores"][0] for line in scored]
        speeds = sorted(line["images_per_second"] for line in lines if "images_per_second" in line)
        best = min(value["value"] for value in values)
        print(
            f"| `translate train --mode {config['mode']} --a {config['a']}{labels}` | {scored[-1]['images']:,} "
            f"| {speeds[len(speeds) // 2]:.0f} | {best:.3f}; {values[-1]['value']:.3f} (n={values[-1]['n']}) "
            f"| {values[-1]['real_images']:.3f} | {', '.join(scored[-1]['samples'])} |"
        )


def sheet(runs: list[Path]) -> bytes:
    rows, names = [], []
    for run in runs:
        mode, sampler = read_toml(run / "config.toml")["mode"], Sampler.load(run)
        for number, name in enumerate(sampler.classes or [mode, ""]):
            seeds = range(COLUMNS) if sampler.classes else range(number * COLUMNS, (number + 1) * COLUMNS)
            rows.append(list(sampler(sampler.latents(seeds), [number] * COLUMNS if sampler.classes else None)))
            names.append(name)
    return rgb8.to_png(rgb8.sheet(rows, headings=[""] * COLUMNS, names=names, scale=2))


if __name__ == "__main__":
    folders = [Path(name) for name in sys.argv[2:]]
    table(folders)
    write_whole(Path(sys.argv[1]), sheet(folders))
