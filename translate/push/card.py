"""The card of a pushed generator: README.md with a YAML head, as the Hugging Face Hub reads it."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from translate.model import hub
from translate.model.card import Card
from translate.push import terms
from translate.report.gather import Run
from translate.report.history import table
from translate.settings import LETTERS
from translate.system.text import duration

NOISE = "z2a"


@dataclass
class Facts:
    """What the card says. description: the generator file's. card: the TOML file's beside it. run: its run folder's."""

    name: str  # user/name
    description: dict[str, Any]
    card: Card = field(default_factory=Card)
    run: Run | None = None
    began_from: dict[str, str] = field(default_factory=dict)  # licences of the generator that the training began from
    licence: str = ""  # the Hub's name for it, if the user has chosen one
    sheet: bool = False

    @property
    def noise(self) -> bool:
        return NOISE in self.description["directions"]

    @property
    def licences(self) -> dict[str, str]:
        return dict(self.description.get("licences") or {}) | self.began_from


def readme(facts: Facts) -> str:
    """The text of README.md. Texts of the generator's file and card are escaped: anybody may have written them."""
    return f"---\n{_head(facts)}\n---\n\n" + "\n\n".join(part for part in _body(facts) if part) + "\n"


def _head(facts: Facts) -> str:
    task = "unconditional-image-generation" if facts.noise else "image-to-image"
    tags = ["imgtranslate", task, str(facts.description.get("mode", ""))]
    texts = [facts.card.licence] if facts.card.licence else list(facts.licences.values())
    return (
        hub.library()
        .ModelCardData(
            license=facts.licence or terms.identifier(texts),
            library_name="imgtranslate",
            pipeline_tag=task,
            tags=[tag for tag in dict.fromkeys(tags) if tag and tag != task],
        )
        .to_yaml()
    )


def _body(facts: Facts) -> list[str]:
    about, entries = facts.description, facts.description["directions"]
    ways = [f"{entry.get('from', 'a')} → {entry.get('to', 'b')}" for entry in entries.values()]
    height, width = about.get("size", (256, 256))
    made = [str(about.get("mode") or "imported"), f"{width} × {height} pixels"]
    made += [f"{about['images']:,} images seen in training"] if about.get("images") else []
    beyond = f"Trained on images of {width} × {height} pixels of the sets above"
    title = facts.card.title or ("Images from noise" if facts.noise else f"{ways[0]}")
    does = "Makes images from random numbers" if facts.noise else f"Translates {' and '.join(ways)}"
    return [
        f"# {_text(title)}",
        f"{_text(does)} ({_text(', '.join(made))}).",
        f"![Images of its training, as a sheet]({hub.SHEET})" if facts.sheet else "",
        _use(facts),
        *_listed("Trained on", _data(facts)),
        *_listed("Training", _training(facts)),
        *_listed("Scores on held-out images", _scores(facts)),
        *_listed("Limits", [facts.card.limits or f"{beyond}; other images were not tried."]),
        *_listed("Licence", [facts.card.licence] if facts.card.licence else []),
    ]


def _use(facts: Facts) -> str:
    address, noise = f"{hub.PREFIX}{facts.name}", facts.noise
    shell = f"translate sample {address} --out samples" if noise else f"translate convert {address} IN OUT"
    python = f'g = translate.load_sampler("{address}")\npictures = g(g.latents(range(8)))'
    if not noise:
        python = f't = translate.load("{address}")\nt("picture.png").save("out.png")'
    return (
        f'## Use\n\n```sh\npip install "imgtranslate[hub]"\n{shell}\n```\n\n'
        f"```python\nimport translate\n\n{python}\n```\n\n"
        f"`{hub.FILE}` is a safetensors file with a description and a SHA-256 inside; loading it runs no code."
    )


def _data(facts: Facts) -> list[str]:
    if facts.card.data:
        return [f"{name}: {about}" for name, about in facts.card.sets()]
    counted = dict[str, str]()
    for side in LETTERS:
        own = table(facts.run.data.get(side)) if facts.run else {}
        if isinstance(own.get("train"), int):
            counted[Path(str(own.get("name", side))).name] = f"{own['train']:,} images for training"
    for name, text in facts.licences.items():
        counted[name] = "; ".join(part for part in (counted.get(name), text) if part)
    return [f"{name}: {about}" for name, about in counted.items()]


def _training(facts: Facts) -> list[str]:
    training, run = facts.card.training, facts.run
    found = [command(str(training["command"]))] if training.get("command") else []
    if isinstance(training.get("seconds"), int | float):
        found.append(f"{duration(training['seconds'])}; {training.get('machine', '')}".rstrip("; "))
    if run and not found:
        typed = next((str(start["command"]) for start in run.history.starts if start.get("command")), "")
        found += [command(typed)] if typed else []
        found += [f"{duration(run.history.seconds)}, scores and sheets included"] if run.history.seconds else []
    return found


def command(typed: str) -> str:
    """A command without the folders of the machine that it was typed on."""
    try:
        words = shlex.split(typed)
    except ValueError:
        return ""
    return shlex.join([_without_folders(word) for word in words])


def _without_folders(word: str) -> str:
    before, equals, value = word.rpartition("=")
    return before + equals + (re.split(r"[/\\]", value.rstrip("/\\"))[-1] if re.search(r"[/\\]", value) else value)


def _scores(facts: Facts) -> list[str]:
    return facts.card.score_lines() or [str(line) for line in facts.description.get("scores", [])]


def _listed(title: str, lines: list[str]) -> list[str]:
    lines = [line for line in lines if line]
    return [f"## {title}", "\n".join(f"- {_text(line)}" for line in lines)] if lines else []


def _text(text: str) -> str:
    """As plain text of Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#~$&!])", r"\\\1", " ".join(text.split()))
