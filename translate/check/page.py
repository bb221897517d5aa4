"""The result of a check as one HTML file: no script, nothing from elsewhere, pictures inside as WebP."""

import base64
import io
from html import escape
from typing import Any

from translate.check import words
from translate.check.copies import Group
from translate.check.images import Seen
from translate.check.sheet import Read
from translate.data.items import heading
from translate.data.split import spread
from translate.image import rgb8

SHOWN, GROUPS = 30, 40  # images of a domain, and groups of copies, that are shown
SIDE = 96
HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
)
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 1rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { border-left: .4rem solid #2a9d53; padding: .2rem 1rem; } .verdict.no { border-color: #c8442b; }
.warning { border-left: .4rem solid #d9a020; padding: .2rem 1rem; margin: .4rem 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8882; padding: .6rem; border-radius: .4rem; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; }
.groups { display: flex; flex-wrap: wrap; gap: 1rem; }
section { border: 1px solid #8884; border-radius: .4rem; padding: .6rem; }
section p { margin: 0; font-size: .85rem; } figure { margin: 0; width: 96px; }
figure img { max-width: 96px; max-height: 96px; } figcaption { font-size: .7rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; } td { padding: .2rem .8rem .2rem 0; vertical-align: top; }
"""


def page(result: dict[str, Any], images: list[Seen], groups: list[Group], read: Read) -> str:
    """result: as `run.examine` makes it."""
    names = " and ".join(dict.fromkeys(one["name"] for one in result["domains"])) or "images"
    parts = [f"<h1>{escape(names)}</h1>", _verdict(result)]
    parts += [f'<p class="warning">{escape(text)}</p>' for text in result["warnings"]]
    if groups:
        parts.append(f'<h2>Copies: {len(groups):,} groups</h2><div class="groups">')
        for group in groups[:GROUPS]:
            leak = ", in training and in testing" if group.leaks else ""
            above = f"<p>{escape(group.kind[0].upper() + group.kind[1:])}{leak}</p>"
            parts.append(f"<section>{above}{_row(group.images[:SHOWN], read, captions=True)}</section>")
        parts.append("</div>")
        if len(groups) > GROUPS:
            parts.append(f"<p>… and {len(groups) - GROUPS:,} more groups, which --json lists.</p>")
    for one in result["domains"]:
        parts.append(f"<h2>{escape(one['letter'])}: {escape(one['name'])}</h2>")
        parts.append(f"<p>{'<br>'.join(escape(line.strip()) for line in words.domain(one))}</p>")
        own = {id(seen.item): seen for seen in images if seen.letter == one["letter"]}
        chosen = [own[id(item)] for item in spread([seen.item for seen in own.values()])[:SHOWN]]
        parts.append(_row(chosen, read, captions=False))
    lists = {heading(kind): texts for kind, texts in result["problems"].items()}
    lists |= {f"Odd shapes and sizes in {one['letter']}": one["odd"] for one in result["domains"] if one["odd"]}
    for title, texts in lists.items():
        items = "".join(f"<li>{escape(text.strip())}</li>" for text in words.listed(texts))
        parts.append(f"<h2>{escape(title)} ({len(texts):,})</h2><ul>{items}</ul>")
    body = "\n".join(parts)
    title = f"<title>{escape(names)}: data check</title>"
    return f"{HEAD}{title}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"


def _verdict(result: dict[str, Any]) -> str:
    sentence = f'<p class="verdict{"" if result["trainable"] else " no"}">{escape(words.verdict(result))}</p>'
    if not result["advice"]:
        return sentence
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])} = {escape(one['value'])}</code></td><td>{escape(one['why'])}</td></tr>"
        for one in result["advice"]["settings"]
    )
    return f"{sentence}<table>{rows}</table><pre>{escape(result['advice']['command'])}</pre>"


def _row(chosen: list[Seen], read: Read, captions: bool) -> str:
    figures = []
    for one in chosen:
        try:
            small = rgb8.to_pil(rgb8.thumbnail(read(one), SIDE))
        except rgb8.ImageError:
            continue
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=80)
        source = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        text = f"<figcaption>{escape(f'{one} ({one.part})')}</figcaption>" if captions else ""
        figures.append(f'<figure><img src="{source}" alt="{escape(str(one))}">{text}</figure>')
    return f'<div class="row">{"".join(figures)}</div>'
