"""The generators of pretrained/: trains one, evaluates it and writes its file, its card and its picture.

usage: python benchmarks/zoo.py OUT NAME... [--write] [-- options of `translate train`]
       python benchmarks/zoo.py --table

Trains in OUT/NAME; the same command goes on where it stopped. --write puts what training chose into pretrained/, with
the scores of `translate evaluate`. Whether it is better than what is there: `translate compare OUT/NAME NAME` first.
--table prints the cards as the table of docs/results.md.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from zoo_entries import ZOO

import translate
from translate.catalog.fetch import fetch
from translate.catalog.names import recipes
from translate.evaluate import record
from translate.image import rgb8
from translate.model import card as cards
from translate.model.file import load, read
from translate.model.sampler import Sampler
from translate.model.translator import label_map
from translate.report import gather
from translate.system.files import sha256, write_whole
from translate.system.text import duration
from translate.train.settings import departures

PRETRAINED = Path(__file__).parents[1] / "pretrained"
COLUMNS = 4  # of the pictures on a card
SIDE = 128


def train(name: str, out: Path, more: list[str]) -> None:
    """`translate train`, or what is left of it; then `translate evaluate`."""
    verb = [sys.executable, "-m", "translate"]
    subprocess.run([*verb, "train", *shlex.split(ZOO[name].words), *more, "--out", str(out / name)], check=True)
    subprocess.run([*verb, "evaluate", str(chosen(name, out)), "--out", str(out / f"{name}-evaluation")], check=True)


def chosen(name: str, out: Path) -> Path:
    """The generator that is kept."""
    return out / name / ("best.safetensors" if ZOO[name].chosen_by else "generator.safetensors")


def write(name: str, out: Path, more: list[str]) -> None:
    """NAME.safetensors, NAME.toml and NAME.png in pretrained/."""
    target = PRETRAINED / f"{name}.safetensors"
    write_whole(target, chosen(name, out).read_bytes())
    write_whole(target.with_suffix(".png"), picture(name, out))
    write_whole(target.with_suffix(".toml"), tomli_w.dumps(card(name, out, target, more)).encode())


def card(name: str, out: Path, target: Path, more: list[str]) -> dict[str, Any]:
    direction, found = next(iter(read(target)[1]["directions"].items()))
    network, about, _ = load(target, direction)
    run = gather.gather(out / name, departures)
    start = run.history.starts[0]
    evaluation, _ = record.read(out / f"{name}-evaluation")
    scored = evaluation["directions"][direction]
    settings = {key: value for key, value in run.settings["generator"].items() if key in found["arguments"]}
    return {
        "title": ZOO[name].title,
        "mode": about["mode"],
        "direction": f"{direction} ({' to '.join(run.domains)})",
        "file": target.name,
        "sha256": sha256(target),
        "bytes": target.stat().st_size,
        "size": about["size"],
        "toolkit": f"imgtranslate {translate.__version__}",
        "licence": ZOO[name].licence,
        "limits": ZOO[name].limits,
        "data": {side: data_set(run.data[side]) for side in ("a", "b") if side in run.data},
        "generator": {
            "network": found["network"],
            "parameters": sum(value.numel() for value in network.parameters()),
            **settings,
        },
        "training": {
            "command": " ".join(["translate train", ZOO[name].words, *more]),
            "seed": run.settings["seed"],
            "images": about["images"],
            "images_of_the_run": run.total,
            "seconds": round(run.history.seconds),
            "seconds_include": "scorings and sample sheets",
            "machine": f"{start['threads']} of 2 CPU cores, no GPU, beside other work",
            "torch": start["versions"]["torch"],
        },
        "scores": {
            "held_out_images": scored["n"],
            **choice(name),
            **{row["name"]: score(row) for row in scored["scores"]},
        },
    }


def choice(name: str) -> dict[str, str]:
    if not ZOO[name].chosen_by:
        return {"chosen_by": "", "note": "95 % intervals. The newest generator of the training."}
    note = "95 % intervals. The choice between the checkpoints used the same held-out images."
    return {"chosen_by": ZOO[name].chosen_by, "note": note}


def data_set(about: dict[str, Any]) -> dict[str, Any]:
    """Of one domain, what data.json says."""
    kept = {key: about[key] for key in ("name", "package", "sha256", "licence", "train")}
    package = f"{recipes()[about['name']].kind} {about['package']}"
    test = about["test"]  # keys of images, or of a set of arrays their number
    return {**kept, "package": package, "held_out": test if isinstance(test, int) else len(test)}


def score(row: dict[str, Any]) -> dict[str, Any]:
    kept = {"value": row["value"], "low": row["low"], "high": row["high"], "n": row["n"]}
    kept |= {"doing_nothing": row["nothing"]["value"]} if row["nothing"] else {}
    kept |= {"real_images": row["real"]["value"]} if row["real"] else {}
    return {key: round(value, 4) for key, value in kept.items() if value is not None}


def picture(name: str, out: Path) -> bytes:
    """Held-out pictures above, what it made of them below; of a GAN two rows of samples."""
    run = gather.gather(out / name, departures)
    if run.noise:
        sampler = Sampler.load(chosen(name, out))
        classes = list(range(2 * COLUMNS)) if sampler.classes else None
        made = [_enlarged(one) for one in sampler(sampler.latents(range(2 * COLUMNS)), classes)]
        rows = [made[:COLUMNS], made[COLUMNS:]]
    else:
        translator = translate.load(chosen(name, out))
        folder = fetch(recipes()[run.domains[0]]).path
        keys = ZOO[name].keys or run.data["a"]["test"][:COLUMNS]
        paths = [next(folder.glob(f"{key}.*")) for key in keys]
        height, width = translator.description["size"]
        how = "nearest" if label_map(translator.description, "a2b") else "lanczos"
        given = [rgb8.resize(rgb8.read(path), (height, width), how) for path in paths]
        rows = [[_enlarged(one, how) for one in given], [_enlarged(np.asarray(translator(one))) for one in given]]
    return rgb8.to_png(np.concatenate([np.concatenate(row, 1) for row in rows]))


def _enlarged(picture: np.ndarray, how: str = "lanczos") -> np.ndarray:
    colours = np.broadcast_to(picture, (*picture.shape[:2], 3))
    return rgb8.resize(np.ascontiguousarray(colours), (SIDE, SIDE), how)


def table() -> str:
    """The cards in pretrained/ as Markdown."""
    lines = ["| name | what | command | images, time | score |", "|---|---|---|---|---|"]
    for name, path in cards.zoo().items():
        card = cards.beside(path)
        about = f"{card.title}; {path.stat().st_size / 1e6:.1f} MB, {card.short_licence}"
        took = f"{card.training['images']:,}, {duration(card.training['seconds'])}"
        cells = [f"`{name}`", about, f"`{card.training['command']}`", took, card.score_lines()[0]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    if sys.argv[1:] == ["--table"]:
        return print(table())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="+", choices=ZOO, metavar="NAME")
    parser.add_argument("--write", action="store_true")
    words, more = sys.argv[1:], []
    if "--" in words:
        words, more = words[: words.index("--")], words[words.index("--") + 1 :]
    options = parser.parse_args(words)
    for name in options.names:
        train(name, options.out, more)
        if options.write:
            write(name, options.out, more)


if __name__ == "__main__":
    main()
