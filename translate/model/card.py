"""The card of a generator, the TOML file beside it (pretrained/NAME.toml): what it does, of which data, how well."""

import os
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from translate.settings import Settings, read_toml
from translate.system.files import shipped
from translate.system.text import harmless

BESIDE = {"doing_nothing": "doing nothing", "real_images": "real images"}  # what a score stands beside


class Card(Settings):
    """The fields of a card that are shown; see pretrained/. Cards of one's own may have less, and more."""

    model_config = ConfigDict(extra="ignore")

    title: str = ""
    mode: str = ""
    licence: str = ""
    limits: str = ""
    size: list[int] = []
    data: dict[str, Any] = {}
    training: dict[str, Any] = {}
    scores: dict[str, Any] = {}

    @property
    def short_licence(self) -> str:
        """The licence's name, without what it rests on."""
        return self.licence.partition(":")[0]

    @property
    def domains(self) -> list[str]:
        """The names of the data sets, the first translated into the second; of a GAN only one."""
        return [str(_table(self.data.get(side)).get("name", side)) for side in ("a", "b") if self.data.get(side)]

    def sets(self) -> list[tuple[str, str]]:
        """(name, package, counts and licence) of each data set."""
        found = []
        for side in ("a", "b"):
            own = _table(self.data.get(side))
            counts = [f"{own[key]:,} {word}" for key, word in (("train", "for training"), ("held_out", "held out"))
                      if isinstance(own.get(key), int)]  # fmt: skip
            parts = [own.get("package"), ", ".join(counts), own.get("licence")]
            if own:
                found.append((str(own.get("name", side)), "; ".join(str(part) for part in parts if part)))
        return found

    def score_lines(self) -> list[str]:
        """A line for each score, the one that chose the generator first."""
        first = self.scores.get("chosen_by")
        rows = [(name, row) for name, row in self.scores.items() if isinstance(row, dict) and "value" in row]
        return [_score(name, row) for name, row in sorted(rows, key=lambda pair: pair[0] != first)]


def beside(generator: Path) -> Card:
    """The card of a generator's file; an empty one where there is none. UserError where it is no card."""
    path = generator.with_suffix(".toml")
    if not os.path.lexists(path):
        return Card()
    return Card.parse(harmless(read_toml(path)), str(path))


def zoo() -> dict[str, Path]:
    """The generators that come along: name → file."""
    return {path.stem: path for path in sorted(shipped("pretrained").glob("*.safetensors"))}


def _score(name: str, row: dict[str, Any]) -> str:
    about = [f"{row['low']} to {row['high']}"] if "low" in row and "high" in row else []
    about += [f"n={row['n']}"] if "n" in row else []
    about += [f"{words} {row[key]}" for key, words in BESIDE.items() if key in row]
    return f"{name} {row['value']}" + (f" ({'; '.join(about)})" if about else "")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
