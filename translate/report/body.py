"""The parts of a report that are text: headings, scores, warnings, settings, commands, as HTML."""

import html
from collections.abc import Iterable
from typing import Any

from translate.report import facts
from translate.report.gather import Run
from translate.system.text import printable


def escape(value: object) -> str:
    """Text from a run folder as HTML."""
    return html.escape(printable(str(value)))


def body(runs: list[Run], grids: list[dict[str, Any]], heading: str) -> str:
    """Everything between <body> and the scripts."""
    one = len(runs) == 1
    warned = sum(len(run.history.warnings) for run in runs)
    sections = [
        ("pictures", "Pictures over time", _pictures(runs, grids)),
        ("curves", "Curves", '<div class="charts" id="charts"></div>'),
        ("scores", "Scores", _scores(runs)),
        ("extremes", "Best and worst", _extremes(grids)),
        ("warnings", "Warnings", _warnings(runs) if warned else ""),
        ("next", "Next", _next(runs[0]) if one else ""),
        ("unlike", "Settings that differ", _unlike(runs) if not one else ""),
        ("training", "What was trained", "".join(_trained(run, one) for run in runs)),
        ("paper", "What differs from the paper", _paper(runs[0]) if one else ""),
        ("machine", "Machine and time", "".join(_named(run, one, _pairs(facts.machine(run))) for run in runs)),
        ("missing", "What is missing here", _missing(runs)),
    ]
    present = [(name, title, content) for name, title, content in sections if content]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in present)
    parts = [_header(runs, heading), f"<nav>{links}</nav>", "<main>"]
    parts += [f'<section id="{name}"><h2>{title}</h2>{content}</section>' for name, title, content in present]
    return "\n".join([*parts, "</main>", _footer()])


def _header(runs: list[Run], heading: str) -> str:
    cards = "".join(_card(run, len(runs) == 1) for run in runs)
    return f'<header><h1>{escape(heading)}</h1></header><div class="cards">{cards}</div>'


def _card(run: Run, one: bool) -> str:
    """The state of a run, its deciding score, and how many warnings it has."""
    word, sentence = facts.state(run)
    name = "" if one else f"<h3>{escape(run.name)}</h3><p>{escape(facts.title(run))}</p>"
    parts = [f'<div class="card">{name}<p><b class="chip {word}">{word}</b> {escape(sentence)}</p>']
    if warned := len(run.history.warnings):
        parts.append(f'<p><a class="chip warned" href="#warnings">{warned} warning{"s" * (warned > 1)}</a></p>')
    parts.append("</div>")
    if found := facts.verdict(run):
        better = f'<p class="{found["good"]}">{escape(found["word"])}</p>' if "word" in found else ""
        real = f"<p>{escape(found['real'])}</p>" if "real" in found else ""
        inner = (
            f'<p class="score"><span>{escape(found["name"])}</span> <b>{escape(found["value"])}</b></p>'
            f'<p class="soft">{escape(found["about"])}; the best, {escape(found["when"])}</p>{better}{real}'
        )
        if one:
            parts.append(f'<div class="card">{inner}</div>')
        else:
            parts.insert(-1, inner)
    return "".join(parts)


def _pictures(runs: list[Run], grids: list[dict[str, Any]]) -> str:
    if not any(grid["kind"] == "sheet" for grid in grids):
        return ""
    what = "Samples of the same seeds" if all(run.noise for run in runs) else "Held-out images, which are not trained on"
    return (
        f'<p class="soft">{what}, after as many images of training as the slider says.</p>'
        '<div class="bar" hidden><button type="button" id="play" aria-pressed="false">Play</button>'
        '<input type="range" id="slider" min="0" step="1" aria-label="images seen">'
        '<output id="at" for="slider"></output></div><div class="tabs" id="tabs" role="group" hidden></div>'
        '<div id="grids"></div>'
        "<noscript><p>The pictures and curves of this page need JavaScript, which runs in your browser only.</p></noscript>"
    )


def _scores(runs: list[Run]) -> str:
    heads, rows = facts.scores(runs)
    if not rows:
        return ""
    samples = [
        f"<p>{escape('' if len(runs) == 1 else run.name + ': ')}{escape(', '.join(run.history.scorings[-1].samples))}.</p>"
        for run in runs
        if run.history.scorings and run.history.scorings[-1].samples
    ]
    return _table(heads, rows, "numbers") + "".join(samples)


def _extremes(grids: list[dict[str, Any]]) -> str:
    found = next((grid for grid in grids if grid["kind"] == "extremes"), None)
    if not found:
        return ""
    return (
        f'<p class="soft">Of the images scored last, after {found["images"]:,} images, by {escape(found["measure"])}.</p>'
        '<div id="ranked"></div>'
    )


def _warnings(runs: list[Run]) -> str:
    parts = []
    for run in runs:
        items = "".join(
            f"<li><b>At {images:,} images:</b> {escape(sentence)}</li>" for images, sentence in run.history.warnings
        )
        parts.append(_named(run, len(runs) == 1, f"<ol>{items}</ol>") if items else "")
    return "".join(parts)


def _next(run: Run) -> str:
    rows = "".join(
        f"<dt>{escape(what)}</dt><dd><code>{escape(command)}</code></dd>" for what, command in facts.next_commands(run)
    )
    return f'<dl class="commands">{rows}</dl>'


def _unlike(runs: list[Run]) -> str:
    rows = facts.unlike(runs)
    return _table(["setting", *(run.name for run in runs)], rows) if rows else "<p>None.</p>"


def _trained(run: Run, one: bool) -> str:
    pairs = facts.trained(run)
    if command := facts.command(run):
        pairs.append(("command", command))
    listed = "".join(f"<li>{escape(line)}</li>" for line in facts.problems(run))
    details = f"<details><summary>Remarks on the data</summary><ul>{listed}</ul></details>" if listed else ""
    return _named(run, one, _pairs(pairs) + details)


def _paper(run: Run) -> str:
    if not run.departures:
        return "" if run.missing and "paper" in run.missing[0] else "<p>Nothing: these are the paper’s settings.</p>"
    rows = [[name, facts.text(paper), facts.text(here)] for name, (paper, here) in run.departures.items()]
    return _table(["setting", "the paper", "this run"], rows)


def _missing(runs: list[Run]) -> str:
    items = "".join(
        f"<li>{escape('' if len(runs) == 1 else run.name + ': ')}{escape(line)}</li>" for run in runs for line in run.missing
    )
    return f"<ul>{items}</ul>" if items else ""


def _named(run: Run, one: bool, content: str) -> str:
    return content if one else f"<h3>{escape(run.name)}</h3>{content}"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(word)}</dt><dd>{escape(what)}</dd>" for word, what in pairs)
    return f"<dl>{rows}</dl>" if rows else ""


def _table(heads: list[str], rows: list[list[str]], kind: str = "") -> str:
    """A line break in a cell begins its explanation."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    lines = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def _cell(value: str) -> str:
    first, _, rest = value.partition("\n")
    return f"<td>{escape(first)}" + (f'<span class="soft">{escape(rest)}</span>' if rest else "") + "</td>"


def _footer() -> str:
    return "<footer><p>Made by <code>translate report</code>. This page is one file; it loads nothing and sends nothing.</p></footer>"
