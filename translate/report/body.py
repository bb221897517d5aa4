"""The parts of a report that are text: state, scores, warnings, settings, commands, as HTML."""

from collections.abc import Callable
from typing import Any

from translate.report import facts
from translate.report.gather import Run
from translate.report.markup import beside, escape, items, pairs, paragraph, table

LISTED = 200  # warnings at most
PLAYER = (
    '<div class="bar" hidden><button type="button" id="play" aria-pressed="false">Play</button>'
    '<input type="range" id="slider" min="0" step="1" aria-label="images seen"><output id="at" for="slider"></output>'
    '</div><div class="tabs" id="tabs" role="group" hidden></div><div id="grids"></div>'
    "<noscript><p>The pictures and curves of this page need JavaScript.</p></noscript>"
)
FOOTER = (
    "<footer><p>Made by <code>translate report</code>. This page is one file: it loads nothing, and sends nothing "
    "anywhere.</p></footer>"
)


def body(runs: list[Run], charts: list[Any], grids: list[dict[str, Any]], heading: str) -> str:
    """Everything between <body> and the scripts."""
    alone = runs[0] if len(runs) == 1 else None
    sections = [
        ("pictures", "Pictures over time", _pictures(runs, grids)),
        ("curves", "Curves", '<div class="charts" id="charts"></div>' if charts else ""),
        ("scores", "Scores", table(*facts.scores(runs), "numbers") + _each(runs, _samples)),
        ("extremes", "Best and worst", _extremes(grids)),
        ("warnings", "Warnings", _each(runs, _warnings)),
        ("next", "Next", pairs(facts.next_commands(alone), code=True) if alone else ""),
        ("unlike", "Settings that differ", "" if alone else _unlike(runs)),
        ("training", "What was trained", _pairs(runs, facts.trained) + _each(runs, _remarks)),
        ("preset", "How the preset was chosen", _each(runs, lambda run: table(*facts.presets(run)))),
        ("paper", "What differs from the paper", _paper(alone) if alone else ""),
        ("machine", "Machine and time", _pairs(runs, facts.machine)),
        ("missing", "What is missing here", _each(runs, lambda run: items(run.missing))),
    ]
    present = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in present)
    cards = "".join(_card(run) if alone else f'<div class="card">{_named(run)}</div>' for run in runs)
    parts = [f'<header><h1>{escape(heading)}</h1></header><div class="cards">{cards}</div><nav>{links}</nav><main>']
    parts += [f'<section id="{name}"><h2>{title}</h2>{content}</section>' for name, title, content in present]
    return "\n".join([*parts, "</main>", FOOTER])


def _each(runs: list[Run], content: Callable[[Run], str]) -> str:
    """The content for each run, under its name where there are several."""
    found = [(run, content(run)) for run in runs]
    return "".join((f"<h3>{escape(run.name)}</h3>" if len(runs) > 1 else "") + text for run, text in found if text)


def _card(run: Run) -> str:
    """Two cards: the state of a run, and its deciding score."""
    score = _verdict(run)
    return f'<div class="card">{_state(run)}</div>' + (f'<div class="card">{score}</div>' if score else "")


def _named(run: Run) -> str:
    return f"<h3>{escape(run.name)}</h3>{paragraph(facts.title(run), 'soft')}{_state(run)}{_verdict(run)}"


def _state(run: Run) -> str:
    word, sentence = facts.state(run)
    count = len(run.history.warnings)
    linked = f'<a class="chip warned" href="#warnings">{count} warning{"s" if count > 1 else ""}</a>' if count else ""
    return f'<p><b class="chip {word}">{word}</b>{linked}</p>{paragraph(sentence)}'


def _verdict(run: Run) -> str:
    """The deciding score in words; "" without one."""
    found = facts.verdict(run)
    if not found:
        return ""
    parts = [f'<p class="score"><span>{escape(found["name"])}</span> <b>{escape(found["value"])}</b></p>']
    if "word" in found:
        parts.append(paragraph(found["word"], found["good"]))
    if "real" in found:
        parts.append(paragraph(found["real"]))
    return "".join([*parts, paragraph(found["about"], "soft")])


def _pictures(runs: list[Run], grids: list[dict[str, Any]]) -> str:
    if not any(grid["kind"] == "sheet" for grid in grids):
        return ""
    what = "Samples of the same seeds" if runs[0].noise else "Held-out images, which are not trained on"
    return paragraph(f"{what}, after as many images of training as the slider says.", "soft") + PLAYER


def _samples(run: Run) -> str:
    known = run.history.scorings[-1].samples if run.history.scorings else []
    return paragraph(f"The newest samples: {', '.join(known)}.") if known else ""


def _extremes(grids: list[dict[str, Any]]) -> str:
    found = next((grid for grid in grids if grid["kind"] == "extremes"), None)
    if not found:
        return ""
    what = f"Of the images scored last, after {found['images']:,} images of training, by {found['measure']}."
    return paragraph(what, "soft") + '<div id="ranked"></div>'


def _warnings(run: Run) -> str:
    first = run.history.warnings[:LISTED]
    listed = "".join(f"<li><b>At {images:,} images:</b> {escape(sentence)}</li>" for images, sentence in first)
    return f"<ol>{listed}</ol>" if listed else ""


def _unlike(runs: list[Run]) -> str:
    rows = facts.unlike(runs)
    return table(["setting", *(run.name for run in runs)], rows) or paragraph("None.")


def _pairs(runs: list[Run], found: Callable[[Run], list[tuple[str, str]]]) -> str:
    """Words and what they mean: a list for one run, a table for several."""
    return pairs(found(runs[0])) if len(runs) == 1 else beside([run.name for run in runs], [*map(found, runs)])


def _remarks(run: Run) -> str:
    listed = items(facts.problems(run))
    return f"<details><summary>Remarks on the data</summary>{listed}</details>" if listed else ""


def _paper(run: Run) -> str:
    rows = [[name, facts.text(paper), facts.text(here)] for name, (paper, here) in (run.departures or {}).items()]
    nothing = paragraph("Nothing: these are the paper's settings.") if run.departures is not None else ""
    return table(["setting", "the paper", "this run"], rows) or nothing
