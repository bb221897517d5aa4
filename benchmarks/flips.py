"""Single bits flipped in the files of a run: named, or harmless, never silently wrong.

A bit of a checkpoint, config.toml, data.json or log.jsonl of a half-finished run is flipped, and its command is given
again; or one of generator.safetensors or best.safetensors of a finished run, which is then also used for converting.
Right: a documented exit code and one sentence that names the file or the setting; or exit code 0 and all other files
equal to those of an undisturbed run. A damaged generator is refused for use, and made good by the command. Not for
Windows.

    OMP_NUM_THREADS=1 python benchmarks/flips.py --count 1900 --seed 0
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import forked

IMAGES = 12  # checkpoints after 0, 4, 8 and 12
STATE = (
    "config.toml",
    "data.json",
    "log.jsonl",
    "checkpoints/000000004.safetensors",
    "checkpoints/000000008.safetensors",
)
GENERATORS = ("generator.safetensors", "best.safetensors")


@dataclass(frozen=True)
class Runs:
    """Of one mode: the finished run, and the same one as a kill before its last checkpoint leaves it."""

    words: list[str]  # of the command
    data: Path
    run: Path  # where the command's run folder is
    finished: Path
    half: Path
    right: dict[str, str]


def prepare(mode: str, data: tuple[Path, Path], root: Path) -> Runs:
    run, finished, half = root / "run", root / "finished", root / "half"
    words = [*forked.command(mode, data, run, IMAGES), "--set", "keep=3"]
    forked.warm(words)
    forked.warm([*words[:-2], "--set", "keep=3"])  # what a finished run imports
    right = forked.facts(run)
    shutil.copytree(run, finished)
    shutil.move(run, half)
    (half / "checkpoints" / f"{IMAGES:09d}.safetensors").unlink()
    return Runs(words, data[0], run, finished, half, right)


def flip(path: Path, place: int) -> None:
    """Change bit `place` of the file."""
    content = bytearray(path.read_bytes())
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def problems_of(runs: Runs, name: str, place: int, root: Path) -> tuple[str, list[str]]:
    """(what became of the flip, what was wrong about that)"""
    shutil.rmtree(runs.run, ignore_errors=True)
    shutil.copytree(runs.finished if name in GENERATORS else runs.half, runs.run)
    flip(runs.run / name, place)
    wrong = []
    if name in GENERATORS:
        out = root / "converted"
        shutil.rmtree(out, ignore_errors=True)
        verb = ["sample", str(runs.run / name), "--out", str(out)]
        if "--b" in runs.words:
            verb = ["convert", str(runs.run / name), str(runs.data), str(out)]
        used = forked.play([*verb, "--device", "cpu"], root / "printed")
        if used.code != 5 or name not in used.err or len(used.err.strip().splitlines()) != 1:
            wrong.append(f"its use ended with {used.code}: {used.err.strip()[-200:]!r}")
    ended = forked.play(runs.words, root / "printed")
    if ended.code:
        if ended.code not in (2, 5) or len(ended.err.strip().splitlines()) != 1 or "Traceback" in ended.err:
            wrong.append(f"exit code {ended.code}: {ended.err.strip()[-300:]!r}")
        elif str(runs.run) not in ended.err:
            wrong.append(f"not named: {ended.err.strip()!r}")
        return "refused and named", wrong
    files = forked.facts(runs.run)
    left = {name} if name in STATE else set()  # the flipped file itself may stay as it is
    differ = sorted(f for f in runs.right.keys() | files.keys() if f not in left and runs.right.get(f) != files.get(f))
    if differ:
        wrong.append(f"exit code 0, but other files: {', '.join(differ)}")
    if name in GENERATORS:
        return "refused for use, made good", wrong
    return ("passed over and named" if Path(name).name in ended.out + ended.err else "harmless"), wrong


def campaign(modes: list[str], count: int, seed: int, root: Path, say=lambda text: None) -> tuple[Counter, list[str]]:
    """(counts, a sentence for each flip after which something was not right)"""
    counts: Counter = Counter()
    wrong: list[str] = []
    data = forked.draw(root / "data")
    every = [prepare(mode, data, root / mode) for mode in modes]
    draw = random.Random(seed)
    for number in range(count):
        runs, name = every[number % len(every)], draw.choice(STATE + GENERATORS)
        of = runs.finished if name in GENERATORS else runs.half
        place = draw.randrange(8 * (of / name).stat().st_size)
        outcome, problems = problems_of(runs, name, place, root)
        counts[f"{name.partition('/')[0]}: {outcome}"] += 1
        if problems:
            wrong.append(f"flip {number} of seed {seed}, bit {place} of {runs.run / name}: {'; '.join(problems)}")
            say(wrong[-1])
        if number % 200 == 199:
            say(f"{number + 1:,} flips, {len(wrong)} wrong")
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=list(forked.MODES), choices=forked.MODES)
    parser.add_argument("--count", type=int, default=1900)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts, wrong = campaign(
            words.modes, words.count, words.seed, Path(folder), lambda text: print(text, flush=True)
        )
    for name, number in sorted(counts.items()):
        print(f"{number:6,}  {name}")
    print(f"{sum(counts.values()):,} flips, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
