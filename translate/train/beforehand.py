"""Warnings before the first step: settings and domains from which a translation can't be learned."""

from translate.data import Data
from translate.data.domain import Domain
from translate.modes.base import Mode

MOST = 0.9  # of a domain's images are of nearly one colour: the domain is


def warnings(mode: Mode, data: Data) -> list[str]:
    """Sentences about weights of 0 and about domains that are equal or of one colour."""
    found = []
    if getattr(mode.settings, "lambda_cycle", 1) == 0:
        found.append(
            "lambda_cycle is 0: nothing ties an output to its input, so any image of the domain is as good. "
            "The paper has 10."
        )
    if getattr(mode.settings, "lambda_l1", 1) == 0:
        found.append("lambda_l1 is 0: only D compares an output with its true partner. The paper has 100.")
    digests = [{item.digest for item in [*domain.train.items, *domain.test.items]} for domain in data.domains]
    if len(digests) == 2 and digests[0] == digests[1] and not any(d.train.items[0].part for d in data.domains):
        found.append("both domains hold the same images: doing nothing is right, and there is nothing to learn.")
    for domain in data.domains:
        if blank := _blank(domain, data):
            found.append(
                f"{blank:,} of the {len(domain.train):,} training images of {domain.name} are of nearly one colour: "
                "there is hardly anything to learn from them."
            )
    return found


def _blank(domain: Domain, data: Data) -> int:
    """How many of the domain's training images are of nearly one colour, where that is most of them; else 0."""
    texts = {problem.text for problem in data.problems if problem.kind == "blank"}
    names = {item.name + (f" ({item.part} half)" if item.part else "") for item in domain.train.items}
    count = len(names & texts)
    return count if count >= MOST * len(domain.train) else 0
