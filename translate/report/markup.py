"""HTML of tables, lists and texts, in which everything is escaped."""

import html
from collections.abc import Iterable

from translate.system.text import printable

LONGEST = 1000  # characters of a text; a report is to be read


def escape(value: object) -> str:
    """Text from a run folder as HTML, shortened where it is too long to read."""
    text = str(value)
    return html.escape(printable(text[:LONGEST]) + ("…" if len(text) > LONGEST else ""))


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>'


def items(lines: Iterable[str]) -> str:
    """A list; "" without lines."""
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{listed}</ul>" if listed else ""


def pairs(found: Iterable[tuple[str, str]], *, code: bool = False) -> str:
    """A list of words and what they mean, which is code or text; "" without any."""
    begin, end = ("<code>", "</code>") if code else ("", "")
    rows = "".join(f"<dt>{escape(word)}</dt><dd>{begin}{escape(what)}{end}</dd>" for word, what in found)
    return f'<dl class="{"commands" if code else "facts"}">{rows}</dl>' if rows else ""


def table(heads: list[str], rows: list[list[str]], kind: str = "") -> str:
    """A table; "" without rows. A line break in a cell begins its explanation."""
    head = "".join(_cell(cell, "th") for cell in heads)
    lines = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    whole = f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>'
    return f'<div class="wide">{whole}</div>' if rows else ""


def beside(heads: list[str], found: list[list[tuple[str, str]]]) -> str:
    """What `pairs` shows, of several things in a table; what is the same of all is there once. "" without any."""
    words = list(dict.fromkeys(word for own in found for word, _ in own))
    lines = []
    for word in words:
        values = [dict(own).get(word, "–") for own in found]
        same = len({*values}) == 1
        cells = f'<td colspan="{len(values)}">{escape(values[0])}</td>' if same else "".join(map(_cell, values))
        lines.append(f'<tr><td class="word">{escape(word)}</td>{cells}</tr>')
    head = "".join(_cell(cell, "th") for cell in ["", *heads])
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f'<div class="wide">{whole}</div>' if words else ""


def _cell(value: str, tag: str = "td") -> str:
    first, _, rest = value.partition("\n")
    return f"<{tag}>{escape(first)}" + (f'<span class="soft">{escape(rest)}</span>' if rest else "") + f"</{tag}>"
