"""The names of modes, presets and experiments, for --help. They are read from the source, because importing the dicts
imports torch, which takes seconds."""

import ast
from functools import cache
from pathlib import Path

PLACES = {
    "MODES": "modes/__init__.py",
    "PRESETS": "train/presets.py",
    "EXPERIMENTS": "toy/experiments.py",
}


@cache
def names(table: str) -> tuple[str, ...]:
    """The keys of a dict of PLACES, which are plain strings there, in order."""
    source = Path(__file__).parents[1].joinpath(PLACES[table]).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Dict) and any(isinstance(name, ast.Name) and name.id == table for name in targets):
            return tuple(str(key.value) for key in value.keys if isinstance(key, ast.Constant))
    raise LookupError(f"{PLACES[table]} has no dict {table}")


def listed(table: str) -> str:
    """The names in words: "a, b or c"."""
    *others, last = names(table)
    return f"{', '.join(others)} or {last}"
