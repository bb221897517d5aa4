"""Do the tests notice? Breaks the code in one place at a time, in a copy, and runs the tests that should fail.

    python tests/mutations.py [--only 5 8 10] [--all]

Prints a table: killed, and by which test, or survived. Exits with 1 if a mutation survived, and at once if one no
longer fits the code: its old text must be there exactly once. --all runs the whole fast tier for each mutation.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Mutation(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    tests: str  # files in tests/, without "test_" and ".py"


CYCLE, GAN = "translate/modes/cycle.py", "translate/modes/gan.py"
TRAINER, PREVIEWS = "translate/train/step/trainer.py", "translate/train/previews.py"
BASE, PASSES, EMA = "translate/modes/base.py", "translate/modes/passes.py", "translate/train/step/ema.py"
HELD_OUT = "translate/train/held_out.py"
STEP, RUN = "step_promises", "promises"

MUTATIONS = {
    1: Mutation("sign of cycle_X", CYCLE, '"cycle_X": s.l', '"cycle_X": -s.l', "modes"),
    2: Mutation("identity loss dropped", CYCLE, "if s.lambda_identity:  # L_id", "if False:  # L_id", "modes"),
    3: Mutation(
        "pool skipped",
        "translate/modes/pool.py",
        "elif swaps[number] > 0.5:",
        "elif swaps[number] > 1.5:",
        "pool modes",
    ),
    4: Mutation("b2a is G too", CYCLE, '"b2a": "F"', '"b2a": "G"', "resume promises"),
    5: Mutation(
        "EMA forgets buffers",
        EMA,
        "average.buffers(), network.buffers()",
        "average.buffers(), average.buffers()",
        STEP,
    ),
    6: Mutation("a2b and b2a swapped", CYCLE, '"a2b": "G", "b2a": "F"', '"a2b": "F", "b2a": "G"', "settings"),
    7: Mutation(
        "pairs augmented differently",
        "translate/data/dataset.py",
        "{n} {A if self.paired else index}",
        "{n} {index}",
        "data_batches",
    ),
    8: Mutation(
        "R1 at fakes", "translate/modes/penalties.py", "(D, real) for D, real, _", "(D, real) for D, _, real", STEP
    ),
    9: Mutation(
        "raw weights kept, not EMA",
        TRAINER,
        "return self.ema.networks.get(name, self.mode.networks[name])",
        "return self.mode.networks[name]",
        "modes",
    ),
    10: Mutation(
        "best is the worst score",
        "translate/train/evaluator.py",
        "if score.lower_is_better else",
        "if not score.lower_is_better else",
        RUN,
    ),
    11: Mutation(
        "conditional D not given the class",
        GAN,
        "partial(self.append_class, c=c)",
        "partial(self.append_class, c=None if c is None else 0 * c)",
        "gan",
    ),
    12: Mutation("scores compare with domain A", HELD_OUT, "data, target, max(1, min", "data, source, max(1, min", RUN),
    13: Mutation(
        "train.accumulate ignored", "translate/train/loop.py", "zip(range(t.accumulate)", "zip(range(1)", STEP
    ),
    14: Mutation(
        "train.clip_norm ignored", TRAINER, "            if self.settings.clip_norm:", "            if False:", STEP
    ),
    15: Mutation(
        "lr_d ignored",
        TRAINER,
        "settings.lr_d or settings.lr if",
        "settings.lr if",
        STEP,
    ),
    16: Mutation("colours of input and output mixed", PASSES, "s.diffaugment, channels)", "s.diffaugment)", STEP),
    17: Mutation(
        "soft labels swapped",
        BASE,
        "(0.7 + 0.5 * uniform(), 0.3",
        "(0.3 * uniform(), 0.7 + 0.5",
        "labels_of_d",
    ),
    18: Mutation(
        "a run folder loads the newest",
        "translate/model/file.py",
        'for name in ("best.safetensors", "generator.safetensors")',
        'for name in ("generator.safetensors", "best.safetensors")',
        RUN,
    ),
    19: Mutation(
        "random crop off",
        "translate/data/augment.py",
        "moves.append(A.RandomCrop(height",
        "moves.append(A.CenterCrop(height",
        "data_batches",
    ),
    20: Mutation("D_X is given fake_y", CYCLE, "generator_loss(D_X, fake_x", "generator_loss(D_X, fake_y", "modes"),
    21: Mutation(
        "sheets show training images", PREVIEWS, "data.test_values(side, most)", "data.train_images(side, 1, most)", RUN
    ),
    22: Mutation("EMA warm-up removed", EMA, "min(self.decay, (2 + rounds) / (11 + rounds))", "self.decay", "modes"),
}


def broken(mutation: Mutation) -> str:
    """The file's text after the mutation; the program ends if it doesn't fit."""
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    if (count := text.count(mutation.old)) != 1:
        sys.exit(f"mutation '{mutation.name}': {mutation.file} has {count} times, not once: {mutation.old}")
    return text.replace(mutation.old, mutation.new)


def killer(mutation: Mutation, copy: Path, everything: bool) -> str:
    """The first test that fails on the mutated copy, or "" if none does."""
    target = copy / mutation.file
    whole = target.read_bytes()
    target.write_text(broken(mutation), encoding="utf-8")
    files = [] if everything else [f"tests/test_{name}.py" for name in mutation.tests.split()]
    command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not slow and not network", *files]
    try:
        # `python -m` puts the working folder first: the copy's package, not an installed one.
        done = subprocess.run([sys.executable, *command], cwd=copy, capture_output=True, text=True)
    finally:
        target.write_bytes(whole)
    if done.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode != 1 or not found:
        sys.exit(f"mutation '{mutation.name}': the tests did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found[1].removeprefix("tests/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, nargs="+", default=list(MUTATIONS), metavar="N")
    parser.add_argument("--all", action="store_true", help="the whole fast tier for each mutation")
    chosen = parser.parse_args()
    for number in chosen.only:
        broken(MUTATIONS[number])
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "copy"
        leave = shutil.ignore_patterns(".*", "__pycache__", "runs", "shared", "build", "dist")
        shutil.copytree(ROOT, copy, ignore=leave)
        print("| # | broken | found? | by |\n|---|---|---|---|", flush=True)
        for number in chosen.only:
            by = killer(MUTATIONS[number], copy, chosen.all)
            survivors += not by
            print(f"| {number} | {MUTATIONS[number].name} | {'killed' if by else 'survived'} | {by} |", flush=True)
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
