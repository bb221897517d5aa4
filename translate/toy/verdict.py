"""The outcome of an experiment in standard terms: mode collapse, dropped modes, vanishing gradients."""

from itertools import pairwise

from translate.toy.experiments import Result

MIN_GOOD = 0.1  # fraction of good samples; below it modes are covered by chance: noise covers 8 of 8 with 1 %
MAX_ACCURACY = 0.99  # of D; from there on G's gradient vanishes


def verdict(result: Result, modes: int) -> str:
    """Terms separated by ", ". modes: of the mixture."""
    last, accuracy = result.last, result.diagnostics[-1].get("accuracy", 0.0)
    found = []
    if last.good < MIN_GOOD:
        found.append("no convergence")
    elif last.modes == modes:
        found.append("covers all")
    elif last.modes <= modes / 4:
        found.append("mode collapse")
    else:
        found.append(f"{modes - last.modes} dropped mode{'s' * (modes - last.modes > 1)}")
    if accuracy >= MAX_ACCURACY:
        found.append("vanishing gradients")
    if last.good >= MIN_GOOD and lost(result) >= modes / 2:
        found.append("modes came and went")
    return ", ".join(found)


def lost(result: Result) -> int:
    """How many covered modes were lost again between evaluations, summed; without the first tenth, in which all
    experiments are unstable."""
    covered = [count.modes for count in result.counts][len(result.counts) // 10 :]
    return sum(max(0, before - after) for before, after in pairwise(covered))
