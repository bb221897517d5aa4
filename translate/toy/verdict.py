"""What happened in a experiment, in the words that are taught, read off its numbers."""

from itertools import pairwise

from translate.toy.experiments import Result

MISSED = 0.1  # part of good samples below which a covered mode is luck: plain noise covers 8 of 8 with 1 %
SURE = 0.99  # part that D tells apart, from which on nothing is left to learn from it


def verdict(result: Result, modes: int) -> str:
    """A few words, separated by ", ". modes: how many there are."""
    last, right = result.last, result.diagnostics[-1].get("accuracy", 0.0)
    found = []
    if last.good < MISSED:
        found.append("no convergence")
    elif last.modes == modes:
        found.append("covers all")
    elif last.modes <= modes / 4:
        found.append("mode collapse")
    else:
        found.append(f"{modes - last.modes} dropped mode{'s' * (modes - last.modes > 1)}")
    if right >= SURE:
        found.append("vanishing gradients")
    if last.good >= MISSED and lost(result) >= modes / 2:
        found.append("modes came and went")
    return ", ".join(found)


def lost(result: Result) -> int:
    """How many covered modes were lost again, in all, from one look to the next; after the first tenth, which is
    disorder everywhere."""
    covered = [count.modes for count in result.counts][len(result.counts) // 10 :]
    return sum(max(0, before - after) for before, after in pairwise(covered))
