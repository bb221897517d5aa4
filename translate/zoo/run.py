"""`translate zoo`: the generators in pretrained/, as rows, as JSON and as cards."""

import difflib
from pathlib import Path
from typing import Any

from translate.errors import UserError
from translate.model import card as cards
from translate.model.card import Card
from translate.system.text import duration


def rows() -> list[dict[str, Any]]:
    """What is known of each generator; JSON-able."""
    return [row(name, path, cards.beside(path)) for name, path in cards.zoo().items()]


def row(name: str, path: Path, card: Card) -> dict[str, Any]:
    """One generator. bytes: of its file. size: (height, width) of the training. score: the one that chose it."""
    return {
        "name": name,
        "from": card.domains[0] if len(card.domains) == 2 else "noise",
        "to": card.domains[-1] if card.domains else "",
        "size": card.size,
        "bytes": path.stat().st_size,
        "licence": card.short_licence,
        "title": card.title,
        "score": next(iter(card.score_lines()), ""),
        "limits": card.limits,
    }


def find(name: str) -> tuple[Path, Card]:
    """(file, card) of one by its name. UserError with similar names if there is none."""
    known = cards.zoo()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
        raise UserError(f"there is no generator '{name}' that comes along; {hint}")
    return known[name], cards.beside(known[name])


def card(name: str) -> list[tuple[str, str]]:
    """(word, text) pairs of one generator's card."""
    path, found = find(name)
    about = row(name, path, found)
    training = found.training
    lines = [
        ("title", found.title),
        ("translates", f"{about['from']} → {about['to']}"),
        ("trained at", " × ".join(map(str, reversed(found.size))) + " pixels" if found.size else ""),
        ("file", f"{path.name}, {about['bytes'] / 1e6:.2f} MB"),
        ("licence", found.licence),
        ("limits", found.limits),
        *(("trained on", f"{data}: {text}") for data, text in found.sets()),
        ("command", str(training.get("command", ""))),
        ("took", _took(training)),
        *(("score", line) for line in found.score_lines()),
        ("about the scores", str(found.scores.get("note", ""))),
        ("use", f"translate {'sample' if about['from'] == 'noise' else 'convert'} {name} …"),
    ]
    return [(word, text) for word, text in lines if text]


def _took(training: dict[str, Any]) -> str:
    seconds = training.get("seconds")
    if not isinstance(seconds, int | float):
        return ""
    return f"{duration(seconds)}; {training.get('machine', '')}".rstrip("; ")
