"""Unpaired training on a panel of pairs of named sets, with default settings: `python benchmarks/panel.py OUT`.

One run of `translate train --mode cycle` trains both directions of a pair, and both are scored on held-out images by
EfficientNet-lite2, which no discriminator uses: KID with a 95 % interval beside those of doing nothing and of
real images, and the mean cosine to the true partner. OUT/panel.json and OUT/panel.md are written after each pair; the
run folders stay in OUT, the last sheet of each is copied to OUT/sheets. The same command goes on where it stopped.

--half search or confirm: recipes are chosen on the first half and confirmed on the second. --seconds gives every run
as many images as it can train in that time, by the speed of a rehearsal. After `--` follow options of `translate train`
for all runs: `-- --images 2000`, or `-- --preset paper --size 64` for the papers' settings.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from translate import catalog
from translate.data import open_data
from translate.metrics.distance import cosines
from translate.metrics.intervals import of_kid
from translate.metrics.lite import Lite
from translate.model.translator import Translator
from translate.settings import read_toml
from translate.system.files import write_whole
from translate.train.settings import settings_class


@dataclass(frozen=True)
class Pair:
    a: str
    b: str
    half: str
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.a}-{self.b}"


PANEL = [
    Pair("windows_emoji", "apple_emoji", "search", "outlines go or come"),
    Pair("facebook_emoji", "twitter_emoji", "search"),
    Pair("fluent_flat", "fluent_3d", "search", "flat and shaded, unpaired"),
    Pair("google_emoji", "facebook_emoji", "search"),
    Pair("apple_emoji", "google_emoji", "confirm"),
    Pair("apple_emoji", "twitter_emoji", "confirm"),
    Pair("twitter_emoji", "windows_emoji", "confirm"),
    Pair("openmoji_color", "twitter_emoji", "confirm", "outlines go or come"),
    Pair("openmoji_line", "openmoji_color", "confirm", "line and colour, unpaired"),
    Pair("satellite", "relief", "confirm", "200 images"),
    Pair("fashion_mnist", "mnist", "confirm", "nothing in common: failure is expected"),
    Pair("twitter_emoji/0", "twitter_emoji/1", "confirm", "one set split in two: doing nothing is right"),
]


def source(name: str, out: Path) -> str:
    """`name`, or for SET/0 and SET/1 a folder of every second image of the set."""
    if "/" not in name:
        return name
    whole, part = name.split("/")
    folder = out / "halves" / f"{whole}-{part}"
    if not folder.is_dir():
        from translate.catalog.fetch import fetch

        recipe = catalog.resolve(whole)
        assert not isinstance(recipe, Path)
        files = sorted(path for path in fetch(recipe).rglob("*") if path.suffix in (".png", ".svg", ".jpg"))
        folder.mkdir(parents=True)
        for file in files[int(part) :: 2]:
            (folder / file.name).symlink_to(file)
    return str(folder)


def command(pair: Pair, out: Path, words: list[str]) -> list[str]:
    domains = ["--a", source(pair.a, out), "--b", source(pair.b, out)]
    return [sys.executable, "-m", "translate", "train", "--mode", "cycle", *domains, *words]


def train(pair: Pair, run: Path, out: Path, words: list[str], seconds: float) -> None:
    """Train, or continue what was begun."""
    if seconds and not (run / "config.toml").exists():
        said = subprocess.run([*command(pair, out, words), "--dry-run"], check=True, capture_output=True, text=True)
        speed = next(line for line in said.stdout.splitlines() if line.startswith("One step of"))
        words = [*words, "--images", str(int(seconds * float(speed.split(":")[1].split()[0])))]
    elif seconds:
        words = [*words, "--images", str(read_toml(run / "config.toml")["train"]["images"])]
    subprocess.run([*command(pair, out, words), "--out", str(run)], check=True)


def score(run: Path, net: Lite) -> dict[str, dict[str, Any]]:
    """direction → scores of the newest generator on all held-out images."""
    config = read_toml(run / "config.toml")
    settings = settings_class(config["mode"]).parse(config, str(run))
    data = open_data(settings.a, settings.b, settings.data, paired=False, seed=settings.seed, say=lambda line: None)
    held_out: dict[str, np.ndarray] = {side: data.test_images(side) for side in ("a", "b")}  # type: ignore[misc]
    references = {}
    for side, count in (("a", len(data.train_a)), ("b", len(data.train_b))):
        references[side] = net.features(data.train_images(side, every=max(1, min(4, count // 300)))[:1000])  # type: ignore[arg-type]
    real = {side: net.features(images) for side, images in held_out.items()}
    found = {}
    for x, y in (("a", "b"), ("b", "a")):
        translator = Translator.load(run / "generator.safetensors", direction=f"{x}2{y}")
        outputs = np.stack([np.asarray(translator(image)) for image in held_out[x]])
        made = net.features(outputs)
        row: dict[str, Any] = {
            "images": len(outputs),
            "change": float(np.abs(outputs / 255 - held_out[x] / 255).mean()),
        }
        found_kid = {"kid": made, "nothing": real[x], "real": real[y]}
        estimates = {name: of_kid(features, references[y]) for name, features in found_kid.items()}
        for name, one in estimates.items():
            row |= {name: one.value, f"{name}_interval": one.interval()}
        row["gain_interval"] = (estimates["nothing"] - estimates["kid"]).interval()
        if data.truth:
            for name, features in (("cosine", made), ("cosine_nothing", real[x])):
                row[name] = float(cosines(features, real[y]).mean())
        found[f"{x}2{y}"] = row
    return found


def markdown(results: dict[str, Any]) -> str:
    lines = [
        "| pair, held out | half | images | seconds | KID-lite2 (95 %) | nothing | real | ratio | cosine (nothing) |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for pair in PANEL:
        for direction, row in results.get(pair.name, {}).get("scores", {}).items():
            a, b = (pair.a, pair.b) if direction == "a2b" else (pair.b, pair.a)
            low, high = row["kid_interval"]
            cosines = f"{row['cosine']:.3f} ({row['cosine_nothing']:.3f})" if "cosine" in row else ""
            run = results[pair.name]
            cells = [
                f"{a} → {b}",
                pair.half,
                f"{run['seen']:,}",
                f"{run['seconds']:,.0f}",
                f"{row['kid']:.4f} ({low:.4f} to {high:.4f})",
                *(f"{row[name]:.4f}" for name in ("nothing", "real")),
                f"{row['kid'] / row['nothing']:.2f}",
                cosines,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", nargs="*", help="names as A-B; default: all")
    parser.add_argument("--half", choices=("search", "confirm"))
    parser.add_argument("--seconds", type=float, default=0)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, words = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    out = options.out
    (out / "sheets").mkdir(parents=True, exist_ok=True)
    record = out / "panel.json"
    results = json.loads(record.read_text()) if record.exists() else {}
    net = Lite("lite2")
    for pair in PANEL:
        if (options.pairs and pair.name not in options.pairs) or (options.half and pair.half != options.half):
            continue
        if "scores" in results.get(pair.name, {}):
            continue
        run = out / pair.name.replace("/", "_")
        result = results.setdefault(pair.name, {"seconds": 0.0, "words": words})
        began = time.monotonic()
        try:
            train(pair, run, out, words, options.seconds)
        finally:  # a run that was stopped goes on another time
            result["seconds"] += time.monotonic() - began
            write_whole(record, json.dumps(results, indent=1).encode())
        result |= {"seen": read_toml(run / "config.toml")["train"]["images"], "scores": score(run, net)}
        for sheet in sorted((run / "samples").glob("*.png"))[-2:]:
            shutil.copy(sheet, out / "sheets" / f"{run.name}-{sheet.name}")
        write_whole(record, json.dumps(results, indent=1).encode())
        write_whole(out / "panel.md", markdown(results).encode())
        print(markdown(results), flush=True)


if __name__ == "__main__":
    main()
