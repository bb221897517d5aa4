"""Everything that this machine can measure, each part in a process of its own: one JSON file and one Markdown file.

usage: python benchmarks/all.py [--out benchmark] [--seconds 600] [--reference CHECKOUT]

Writes OUT.json and OUT.md. On a GPU all of it takes --seconds at most. A part that fails or has no time left is named,
and the others go on.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import train
from harness import heading, machine, write

from translate.system.device import choose

HERE = Path(__file__).parent
BESIDE = "Training beside the reference"


@dataclass(frozen=True)
class Part:
    """words: the script and its options. share: of the whole time, at most. reference: it is given the checkout."""

    title: str
    words: str
    share: float
    reference: bool = False


def parts(device: str) -> list[Part]:
    """What matters most comes first."""
    rounds = "--rounds 7 --warm 1"
    if device == "cuda":
        training = [
            Part(BESIDE, f"train.py cycle-256 pix2pix-256 --variants default {rounds}", 0.4, reference=True),
            Part("Each setting: CycleGAN", f"train.py cycle-256 --batch 1 16 --precision bf16 {rounds}", 0.3),
            Part("Each setting: pix2pix", f"train.py pix2pix-256 --batch 1 --precision bf16 {rounds}", 0.12),
            Part("Smaller networks", f"train.py dcgan-64 emoji --variants default {rounds}", 0.08),
        ]
    else:
        training = [
            Part(BESIDE, f"train.py small --variants default {rounds}", 0.3, reference=True),
            Part("Each setting", f"train.py emoji dcgan-64 {rounds}", 0.4),
        ]
    count = 500 if device == "cuda" else 60
    return [
        *training,
        Part("Start-up: the command line", "startup.py 7", 0.05),
        Part("Start-up: the first step", "first_step.py --runs 3", 0.1),
        Part("The loader", "loader.py --rounds 3", 0.1),
        Part("Translating a folder", f"convert.py FOLDER --count {count} --size 256", 0.1),
        Part("Memory", "memory.py", 0.1),
    ]


def run(part: Part, seconds: float, reference: Path | None, scratch: Path) -> dict[str, Any]:
    """{"markdown", "json", "failed", "seconds"} of one part; it and all that it started are ended after `seconds`."""
    script, *words = (str(pictures(scratch)) if word == "FOLDER" else word for word in part.words.split())
    line = [sys.executable, str(HERE / script), *words]
    if part.reference and reference:
        line += ["--reference", str(reference.resolve())]
    file = scratch / "part.json"
    file.unlink(missing_ok=True)
    if "--json" in (HERE / script).read_text(encoding="utf-8"):
        line += ["--json", str(file)]
    if script == "train.py":
        line += ["--seconds", str(0.65 * seconds)]  # what is under way then still ends in time
    began, failed = time.monotonic(), ""
    # Files, not pipes: a compiler's process that outlives its parent would keep a pipe open.
    with (scratch / "out").open("w+b") as output, (scratch / "said").open("w+b") as said:
        process = subprocess.Popen(line, stdout=output, stderr=said, start_new_session=True)
        try:
            if process.wait(seconds):
                lines = (scratch / "said").read_text(encoding="utf-8").strip().splitlines()
                failed = (lines or ["it said nothing"])[-1]
        except subprocess.TimeoutExpired:
            failed = f"it was stopped after {seconds:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    out = (scratch / "out").read_text(encoding="utf-8")
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    if failed and found and script == "train.py":
        out = train.report(found)  # what it had when it was stopped
    return {"markdown": out.strip(), "json": found, "failed": failed, "seconds": time.monotonic() - began}


def pictures(scratch: Path) -> Path:
    """A folder of made-up photographs, for the benchmark that converts one."""
    import loader

    folder = scratch / "photos-a"
    return folder if folder.is_dir() else loader.folders(scratch, "photos")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmark"))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--reference", type=Path)
    options = parser.parse_args()
    device, until = choose("auto"), time.monotonic() + options.seconds
    result: dict[str, Any] = {"machine": machine(device), "parts": {}}
    lines = ["# Benchmarks", "", heading(result["machine"]), ""]
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts(device):
            left = until - time.monotonic()
            seconds = min(left, part.share * options.seconds)
            found: dict[str, Any] = {"markdown": "", "json": None, "failed": "no time was left", "seconds": 0.0}
            if seconds > 5:
                found = run(part, seconds, options.reference, Path(scratch))
            result["parts"][part.title] = found
            lines += [f"## {part.title}", ""]
            if found["markdown"]:
                lines += [found["markdown"], ""]
            if found["failed"]:
                lines += [f"Not measured to its end: {found['failed']}", ""]
            write(options.out.with_suffix(".json"), result)
            options.out.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")
            print(f"{part.title}: {found['failed'] or 'measured'} ({found['seconds']:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
