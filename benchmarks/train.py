"""Training steps: images/s, memory, and which settings for speed help, each paired with the one it is compared with.

usage: python benchmarks/train.py [CASE ...] [--batch 1 8 16] [--variants plain +compile default] [--rounds 9]
                                  [--precision fp32] [--device auto] [--reference CHECKOUT] [--set key=value]
                                  [--seconds 600] [--json FILE]

CASE: cycle-256, pix2pix-256, emoji, dcgan-64 or small; all if none is named.
variants  plain: settings for speed off, in --precision. +channels_last, +fuse_passes, +compile, +graphs,
          +batch_threads, +bf16, +fp16: plain with only that one on. all: all on. default: what `translate train` does.
          Each is paired with plain; what can't be had is named below the table.
CHECKOUT  a clone of junyanz/pytorch-CycleGAN-and-pix2pix, or a fork of it. Its models train the same method at the same
          settings on the same tensors, in rounds that alternate with ours.
--seconds nothing new is begun after so many.
A table is printed; the file has every time too.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cases import ALL, CASES, DEFAULT, PLAIN, VARIANTS, Case, LeftOut, demand, ours, variant_sets
from harness import Contender, Times, alternate, brief, faster, heading, machine, spread, table, write
from limits import limits, release
from reference import reference

from translate.system.device import choose

REFERENCE = "reference"
REGION = 0.4  # seconds that are timed together at least: no waiting for the device between their steps
HEADINGS = ("case", "batch", "contender", "images/s", "times plain", "times the reference", "first step", "memory",
            "of matrix rate", "of copy rate")  # fmt: skip


@dataclass
class Group:
    """The contenders of one case and batch size, and what was found of them."""

    case: Case
    batch: int
    device: str
    steps: int = 0  # of a timed region
    contenders: dict[str, Contender] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)  # contender -> what is known
    ratios: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # contender -> why

    def begin(self, options: argparse.Namespace) -> None:
        """Start all contenders; building networks together costs nobody's time."""
        for variant in options.variants:
            try:
                sets = variant_sets(variant, self.case, self.batch, self.device, options.precision, options.set)
            except LeftOut as why:
                self.left_out[variant] = str(why)
                continue
            self.contenders[variant] = Contender(ours, self.case, self.batch, self.device, sets)
            if variant == PLAIN and options.reference:
                self.contenders[REFERENCE] = Contender(
                    reference, str(options.reference.resolve()), self.case, self.batch, self.device, sets
                )
        for name in list(self.contenders):
            self._try(name, partial(self._know, name))

    def _know(self, name: str) -> None:
        facts = self.contenders[name].facts
        if name.startswith("+") and {**facts, "seconds": []} == self.found.get(PLAIN):
            raise LeftOut("with this batch and device it is the same as plain")
        self.found[name] = {**facts, "seconds": []}

    def _try(self, name: str, work: Callable[[], Any]) -> bool:
        """Whether it went well; else the contender is left out, and why is said: the others go on."""
        try:
            work()
        except Exception as error:
            words = str(error).strip().splitlines() or [""]
            self.left_out[name] = words[0] if isinstance(error, LeftOut) else f"{type(error).__name__}: {words[0]}"
            self.found.pop(name, None)
            self.end(name)
        return name in self.contenders

    def end(self, name: str) -> None:
        if name in self.contenders:
            self.contenders.pop(name).close()

    def warm(self, name: str) -> bool:
        """The first step with all that it compiles and searches, then a few more."""
        if name in self.contenders and "first_step" not in self.found[name]:
            self._try(name, partial(self._first, name))
        return name in self.contenders

    def _first(self, name: str) -> None:
        contender = self.contenders[name]
        self.found[name]["first_step"] = contender.play(1)
        second = contender.play(1)
        if not self.steps:
            if second < REGION:
                second = contender.play(3) / 3
            self.steps = max(self.case.least, min(200, math.ceil(REGION / second)))

    def pair(self, name: str, base: str, rounds: int, warm: int) -> None:
        """Alternating rounds of two contenders."""
        if not (self.warm(base) and self.warm(name)):
            self.left_out.setdefault(name, f"{base} could not be measured")
            return
        times: Times = {}

        def play() -> None:
            plays = {who: partial(self.contenders[who].play, self.steps) for who in (base, name)}
            times.update(alternate(plays, rounds, warm))

        if not self._try(name, play):
            return
        self.ratios.append({"of": name, "to": base, **faster(times, name, base)})
        for who, seconds in times.items():
            self.found[who]["seconds"] += seconds
            self.found[who]["memory"] = self.contenders[who].peak()

    def result(self, machine_limits: dict[str, Any], demands: dict[str, dict[str, float]]) -> dict[str, Any]:
        """As JSON can hold it. demands: precision -> FLOPs and bytes of an image."""
        contenders = {}
        for name, facts in self.found.items():
            if not facts["seconds"]:
                continue
            rate = spread(self.batch * self.steps / seconds for seconds in facts["seconds"])
            contenders[name] = {**facts, "images_per_second": rate}
            if need := demands.get(facts["precision"]):
                top = machine_limits["flops"].get(facts["matrix"])
                contenders[name] |= {
                    "of_matrix_rate": rate["median"] * need["flops"] / top["median"] if top else None,
                    "of_copy_rate": rate["median"] * need["bytes"] / machine_limits["bytes"]["median"],
                }
        return {
            "case": self.case.title, "batch": self.batch, "steps_timed_together": self.steps, "demand": demands,
            "contenders": contenders, "ratios": self.ratios, "left_out": self.left_out,
        }  # fmt: skip


def measure(
    case: Case, batch: int, device: str, top: dict[str, Any], options: argparse.Namespace, until: float
) -> dict[str, Any]:
    """All pairs of a case and batch size, as `Group.result` says. until: when nothing new is begun any more."""
    group = Group(case, batch, device)
    group.begin(options)
    pairs = [(DEFAULT, REFERENCE), (ALL, REFERENCE), (PLAIN, REFERENCE)] if options.reference else []
    pairs += [(variant, PLAIN) for variant in options.variants if variant != PLAIN]
    pairs = [pair for pair in pairs if pair[0] in group.contenders and pair[1] in group.contenders]
    for index, (name, base) in enumerate(pairs):
        if time.monotonic() > until:
            group.left_out[f"{name} beside {base}"] = "no time was left"
            continue
        group.pair(name, base, options.rounds, options.warm)
        wanted = {who for pair in pairs[index + 1 :] for who in pair}
        for who in (name, base):
            if who not in wanted:
                group.end(who)  # its memory is another's
    for name in list(group.contenders):
        group.end(name)
    demands = {}
    for precision in sorted({facts["precision"] for facts in group.found.values() if facts["seconds"]}):
        sets = variant_sets(PLAIN, case, batch, device, precision, options.set)
        demands[precision] = demand(case, batch, device, sets)
        release(device)
    return group.result(top, demands)


def rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The table's lines of one case and batch size."""
    for name, found in result["contenders"].items():
        ratio = {r["to"]: brief(r, "×") for r in result["ratios"] if r["of"] == name}
        memory = f"{found['memory']['bytes'] / 2**20:,.0f} MB"
        parts = [f"{found[part]:.0%}" if found.get(part) else "" for part in ("of_matrix_rate", "of_copy_rate")]
        label = f"{name}, {found['precision']}"
        yield (result["case"], str(result["batch"]), label, brief(found["images_per_second"]), ratio.get(PLAIN, ""),
               ratio.get(REFERENCE, ""), f"{found['first_step']:.1f} s", memory, *parts)  # fmt: skip


def report(result: dict[str, Any]) -> str:
    lines = [heading(result["machine"]), ""]
    lines.append(table(HEADINGS, [row for case in result["cases"] for row in rows(case)]))
    kinds = {found["memory"]["of"] for case in result["cases"] for found in case["contenders"].values()}
    top = result["limits"]
    rates = ", ".join(f"{kind} {rate['median'] / 1e12:,.3g} TFLOP/s" for kind, rate in top["flops"].items())
    copy = f"{top['bytes']['median'] / 1e9:,.3g} GB/s"
    lines += ["", f"Measured limits: {rates}; copy {copy}. Memory: {'; '.join(sorted(kinds))}."]
    for case in result["cases"]:
        for name, why in case["left_out"].items():
            lines.append(f"- Not measured: {case['case']}, batch {case['batch']}, {name}: {why.rstrip('.')}.")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--batch", type=int, nargs="+")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "fp16"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--warm", type=int, default=2, help="rounds of each pair that don't count")
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name in options.cases:
        if name not in CASES:
            parser.error(f"there is no case {name}; there are {', '.join(CASES)}")
    options.variants = [PLAIN, *(variant for variant in options.variants if variant != PLAIN)]
    if len(options.variants) == 1 and not options.reference:
        parser.error("--variants plain alone has nothing to be paired with; name another one, or --reference")
    return options


def main() -> None:
    options, began = parse(), time.monotonic()
    device = choose(options.device)
    result: dict[str, Any] = {"machine": machine(device), "limits": limits(device), "cases": []}
    for name in options.cases or CASES:
        case = CASES[name]
        for batch in options.batch or case.batches.get(device, case.batches["cpu"]):
            until = began + options.seconds
            if time.monotonic() > until:
                left_out = {"all": "no time was left"}
                result["cases"].append(Group(case, batch, device, left_out=left_out).result(result["limits"], {}))
                continue
            result["cases"].append(measure(case, batch, device, result["limits"], options, until))
            write(options.json, result)
            print(f"{name}, batch {batch}: measured", file=sys.stderr, flush=True)
    write(options.json, result)
    print(report(result))


if __name__ == "__main__":
    main()
