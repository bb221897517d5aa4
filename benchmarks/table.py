"""Which method is best: {every translation mode} x {four pairs of named sets}, at equal seconds and at equal images.

usage: python benchmarks/table.py OUT [--hours 2] [--jobs CORES] [--seeds 3] [--modes NAME...] [--pairs A-B...]
                                  [--limit 500] [--reference CHECKOUT] [-- options of `translate train`]

Each training has one thread and an equal share of --hours: at equal seconds as many images as it can train in that
time, by the speed of a rehearsal; at equal images as many as the slowest mode can. The newest and the best generator
are scored by `translate evaluate` on the same held-out images, the seeds are pooled as in `translate compare`, and
OUT/table.md has the scores with 95 % intervals, the cost of an image, and those of doing nothing and of real images.
The same command goes on where it stopped. --reference: a checkout of pytorch-CycleGAN-and-pix2pix, which takes part
with its own CycleGAN (`table_reference.py`).
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from translate.compare.gather import Evaluated, Group, directions
from translate.compare.words import value
from translate.evaluate import record
from translate.metrics.measures import digits
from translate.modes import MODES
from translate.system.files import write_whole

PAIRS = {
    "windows_emoji-apple_emoji": ("windows_emoji", "apple_emoji"),
    "openmoji_line-openmoji_color": ("openmoji_line", "openmoji_color"),
    "fluent_flat-fluent_3d": ("fluent_flat", "fluent_3d"),
    "google_emoji-facebook_emoji": ("google_emoji", "facebook_emoji"),
}
# spade takes label maps, and distill a teacher.
TRANSLATING = [
    name for name, mode in MODES.items() if mode.kind == "translation" and not mode.taught and name != "spade"
]
SCORES = ("KID-lite2", "cosine-lite2", "ST-LPIPS")
REFERENCE = "reference"
BESIDE = 60.0  # seconds beside each training: its start, two scorings of 64 images, an evaluation or two
LEAST = 15.0
TRAINING = ("--set", "score_images=64", "--set", "batch_threads=1")
SCORINGS = 2
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
TRANSLATE = (sys.executable, "-m", "translate")


@dataclass(frozen=True)
class Job:
    """One training. equal: what is equal for all modes, "seconds" or "images"."""

    pair: str
    mode: str
    equal: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.pair}-{self.mode}-{self.equal}-{self.seed}"


class Table:
    """The trainings and evaluations of OUT, and table.json, which says how long each is and took."""

    def __init__(self, out: Path, options: argparse.Namespace, words: list[str]):
        self.out, self.options, self.words, self.path = out, options, words, out / "table.json"
        self.writing = threading.Lock()
        self.known: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.modes = (options.modes or TRANSLATING) + ([REFERENCE] if options.reference else [])
        self.jobs = [
            Job(pair, mode, equal, seed)
            for equal in ("seconds", "images")
            for seed in range(options.seeds)  # a whole table of one seed first
            for pair in options.pairs or PAIRS
            for mode in self.modes
        ]

    def plan(self) -> None:
        """Measure the speeds, and share the time among the trainings. Ends where it is too short."""
        for job in self.jobs:
            self.speed(job)
        jobs = {self.played(job): self.part(job) for job in self.jobs}
        share = (self.options.hours * 3600 * self.options.jobs - BESIDE * len(jobs)) / sum(jobs.values())
        if share < LEAST:
            sys.exit(f"{len(jobs)} trainings don't fit into {self.options.hours:g} hours: give more --hours, or fewer "
                     "--modes, --pairs or --seeds.")  # fmt: skip
        self.seconds = self.remember("seconds", round(share))

    def remember(self, name: str, new: Any) -> Any:
        """What table.json has under the name, or now gets."""
        with self.writing:
            if name not in self.known:
                self.known[name] = new
                write_whole(self.path, json.dumps(self.known, indent=1).encode())
            return self.known[name]

    def command(self, job: Job) -> list[str]:
        """`translate train` of this job, without its length and folder."""
        a, b = PAIRS[job.pair]
        chosen = ("--mode", job.mode, "--a", a, "--b", b, "--seed", str(job.seed))
        return [*TRANSLATE, "train", *chosen, *TRAINING, *self.words]

    def beside(self, job: Job, *words: str) -> list[str]:
        """The command of the reference's contender."""
        script = str(Path(__file__).with_name("table_reference.py"))
        return [sys.executable, script, self.options.reference, *PAIRS[job.pair], str(job.seed), *words]

    def speed(self, job: Job) -> float:
        """Images a second of its mode on its pair, by a rehearsal, while nothing else of ours runs."""
        name = f"speed {job.pair} {job.mode}"
        if name not in self.known:
            line = self.beside(job, "--dry-run") if job.mode == REFERENCE else [*self.command(job), "--dry-run"]
            said = run(line).stdout.splitlines()
            words = next(line for line in said if line.startswith("One step of"))
            self.remember(name, float(words.split(":")[1].split()[0]))
        return self.known[name]

    def part(self, job: Job) -> float:
        """The job's training time, where 1 is that of equal seconds."""
        slowest = min(self.known[f"speed {job.pair} {mode}"] for mode in self.modes)
        return 1 if job.equal == "seconds" else slowest / self.known[f"speed {job.pair} {job.mode}"]

    def played(self, job: Job) -> Job:
        """The slowest mode's training at equal images is that at equal seconds."""
        return replace(job, equal="seconds") if self.part(job) == 1 else job

    def images(self, job: Job) -> int:
        """The job's length."""
        return max(32, round(self.seconds * self.part(job) * self.known[f"speed {job.pair} {job.mode}"]))

    def play(self, job: Job) -> None:
        """Train and evaluate, or continue what was begun."""
        if "seconds" in self.known.get(job.name, {}) or job != self.played(job):
            return
        folder, images = self.out / "runs" / job.name, self.images(job)
        began = time.monotonic()
        if job.mode == REFERENCE:
            beside = self.played(Job(job.pair, self.modes[0], job.equal, job.seed))
            held_out = self.out / "runs" / beside.name
            run(self.beside(job, "--images", str(images), "--out", str(folder)))
            took = time.monotonic() - began
            self.evaluate(job, "last", folder, "--on", str(held_out))
        else:
            every = ("--set", f"score_every={max(1, images // SCORINGS)}")
            run([*self.command(job), *every, "--images", str(images), "--out", str(folder)])
            took = time.monotonic() - began
            last, best = (folder / f"{file}.safetensors" for file in ("generator", "best"))
            self.evaluate(job, "last", last)
            if best.read_bytes() != last.read_bytes():
                self.evaluate(job, "best", best)
        self.remember(job.name, {**asdict(job), "trained": images, "seconds": took})
        print(f"{job.name}: {images:,} images in {took:,.0f} s", flush=True)

    def evaluation(self, job: Job, which: str) -> Path:
        """Where the job's newest or best generator is evaluated; the best one may be the newest."""
        folder = self.out / "evaluations" / f"{job.name}-{which}"
        return folder if folder.exists() or which == "last" else self.evaluation(job, "last")

    def evaluate(self, job: Job, which: str, subject: Path, *words: str) -> None:
        out = self.out / "evaluations" / f"{job.name}-{which}"
        words = ("--direction", "a2b", "--limit", str(self.options.limit), "--out", str(out), *words)
        run([*TRANSLATE, "evaluate", str(subject), *words])

    def markdown(self) -> str:
        """All that is done so far."""
        about = (
            f"{self.seconds} s of one thread each at equal seconds. 95 % intervals over images, references and seeds."
        )
        parts = ["# Modes by pair", "", about]
        for pair in dict.fromkeys(job.pair for job in self.jobs):
            for equal in ("seconds", "images"):
                parts += ["", *self.section(pair, equal)]
        return "\n".join(parts) + "\n"

    def section(self, pair: str, equal: str) -> list[str]:
        """The table of one pair."""
        heads = ["mode", "seeds", "images", "ms an image", "generator", *SCORES]
        lines = [f"## {pair}, equal {equal}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        every: list[Evaluated] = []
        floors: dict[str, Any] = {}
        for mode in self.modes:
            every_seed = [job for job in self.jobs if (job.pair, job.mode, job.equal) == (pair, mode, equal)]
            done = [self.played(job) for job in every_seed]
            done = [job for job in done if "seconds" in self.known.get(job.name, {})]
            for which in ("last", "best") if mode != REFERENCE else ("last",):
                members = [evaluated(self.evaluation(job, which)) for job in done]
                if not members:
                    continue
                every += members
                found = Group(f"{mode} {which}", members).estimates("a2b")
                trained = [self.known[job.name] for job in done]
                cost = 1000 / self.known[f"speed {pair} {mode}"]
                cells = [mode, str(len(done)), f"{trained[0]['trained']:,}", f"{cost:.0f}", which]
                lines.append(f"| {' | '.join([*cells, *(value(s, found[s]) if s in found else '' for s in SCORES)])} |")
                floors = {row["name"]: row for row in members[0].kept["a2b"].entry["scores"]}
        if not every:
            return []
        directions(every)  # refuses where they were scored on other images
        for words, key in (("doing nothing", "nothing"), ("real images", "real")):
            have = [floors.get(score, {}).get(key) for score in SCORES]
            texts = [digits(score, own["value"]) if own else "" for score, own in zip(SCORES, have, strict=True)]
            lines.append(f"| *{words}* |  |  |  |  | {' | '.join(texts)} |")
        return lines


def evaluated(folder: Path) -> Evaluated:
    about, kept = record.read(folder)
    return Evaluated(folder.name, about, kept)


def run(line: list[str]) -> subprocess.CompletedProcess[str]:
    """A command that must succeed; the last line that it printed says why it didn't."""
    done = subprocess.run(line, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        problem = next(iter(done.stderr.strip().splitlines()[-1:]), "")
        raise SystemExit(f"{' '.join(line)} ended with exit code {done.returncode}: {problem}")
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--modes", nargs="+", choices=TRANSLATING)
    parser.add_argument("--limit", type=int, default=500, help="held-out images that are scored, at most")
    parser.add_argument("--pairs", nargs="+", choices=list(PAIRS))
    parser.add_argument("--reference")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, words = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    options.out.mkdir(parents=True, exist_ok=True)
    table = Table(options.out, options, words)
    table.plan()
    with ThreadPoolExecutor(options.jobs) as pool:
        for done, _ in enumerate(pool.map(table.play, table.jobs), 1):
            if done % len(table.modes) == 0 or done == len(table.jobs):  # it takes seconds
                write_whole(options.out / "table.md", table.markdown().encode())
    print(table.markdown())


if __name__ == "__main__":
    main()
