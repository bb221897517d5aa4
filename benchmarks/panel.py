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

from translate import catalog
from translate.evaluate.options import Options as Evaluating
from translate.evaluate.run import run as evaluate
from translate.settings import read_toml
from translate.system.files import write_whole


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


def score(run: Path) -> dict[str, dict[str, Any]]:
    """direction → scores of the newest generator on the held-out images, by `translate evaluate`."""
    record, _ = evaluate(Evaluating(str(run / "generator.safetensors")))
    found = {}
    for direction, entry in record["directions"].items():
        rows = {row["name"]: row for row in entry["scores"]}
        own = rows["KID-lite2"]
        row: dict[str, Any] = {"images": entry["n"], "change": rows["change"]["value"]}
        for name, part in (("kid", own), ("nothing", own["nothing"]), ("real", own["real"]), ("gain", own["gain"])):
            row |= {name: part["value"], f"{name}_interval": [part["low"], part["high"]]}
        if "cosine-lite2" in rows:
            cosine = rows["cosine-lite2"]
            row |= {"cosine": cosine["value"], "cosine_nothing": cosine["nothing"]["value"]}
        found[direction] = row
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
        result |= {"seen": read_toml(run / "config.toml")["train"]["images"], "scores": score(run)}
        for sheet in sorted((run / "samples").glob("*.png"))[-2:]:
            shutil.copy(sheet, out / "sheets" / f"{run.name}-{sheet.name}")
        write_whole(record, json.dumps(results, indent=1).encode())
        write_whole(out / "panel.md", markdown(results).encode())
        print(markdown(results), flush=True)


if __name__ == "__main__":
    main()
