"""The start page that offers the generators that come along, with a page for each, in one folder."""

import hashlib
import html
import io
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from PIL import Image

import translate
from translate.catalog import cache_folder
from translate.errors import UserError
from translate.export.web import runtime
from translate.export.web.about import checked, with_times_sign
from translate.export.web.build import PAGE, Page, refuse_existing, write
from translate.model import card as cards
from translate.model import file as generator_file
from translate.system.files import sha256, write_whole

Say = Callable[[str], Any]
OFFER = """<li><a class="offer" href="{page}">{picture}
<h2>{title}</h2>
<p>{limits}</p>
<p>Licence: {licence}</p>
<p class="try">Try it</p></a></li>"""


def build_site(folder: Path, *, say: Say = print) -> list[Path]:
    """Make `folder`: index.html, which offers the zoo, and NAME.html for each of its generators; the runtime is there
    once. Returns the files written; the folder is written completely or not at all. UserError as
    `translate.export.web.build.build`.
    """
    refuse_existing(folder)
    found: dict[str, tuple[str, Path, str, dict[str, Any]]] = {}  # page → name, generator, direction, data
    for name, path in cards.zoo().items():
        directions = list(generator_file.read(path)[1]["directions"])
        for number, direction in enumerate(directions):
            page = f"{name}.html" if number == 0 else f"{name}-{direction}.html"
            found[page] = name, path, direction, checked(path, direction)
    if not found:
        raise UserError("no generator comes along, so there is nothing to offer; name a MODEL.")
    fetched = runtime.fetch(say)
    more, offers, pages = dict[str, bytes](), list[str](), dict[str, Page]()
    for number, (page, (name, path, direction, about)) in enumerate(found.items(), 1):
        pages[page] = Page(about, _program(path, direction, f"{number} of {len(found)}", say))
        picture = path.with_suffix(".png")
        if picture.is_file():
            more[f"{name}.png"] = picture.read_bytes()
        offers.append(_offer(page, name, about, more.get(f"{name}.png"), cards.beside(path)))
    start = (PAGE / "start.html").read_text(encoding="utf-8").replace("{offers}", "\n".join(offers))
    return write(folder, pages, fetched, more | {"index.html": start.encode()})


def _offer(page: str, name: str, about: dict[str, Any], picture: bytes | None, card: cards.Card) -> str:
    tag = '<img class="plain" src="icon.svg" alt="">'
    if picture:
        with Image.open(io.BytesIO(picture)) as image:
            size = f'width="{image.width}" height="{image.height}"'
        what = "Pictures that it made." if "latent" in about else "Above: pictures. Below: what it made of them."
        tag = f'<img src="{name}.png" {size} alt="{what}">'
    texts = {"title": about["title"], "limits": with_times_sign(card.limits), "licence": card.short_licence}
    return OFFER.format(page=page, picture=tag, **{word: html.escape(text) for word, text in texts.items()})


def _program(path: Path, direction: str, which: str, say: Say) -> bytes:
    """The ONNX file of a generator that comes along; kept in the cache, because making it takes seconds.
    which: of all pages, said when it is made.

    Its name there has the hashes of what it was made from and of its own bytes; one that doesn't fit is made again.
    """
    made_from = [sha256(path), direction, translate.__version__, *map(_version, ("torch", "onnx", "onnxscript"))]
    key = hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]
    folder = cache_folder() / "pages"
    for kept in folder.glob(f"{key}-*.onnx"):
        content = kept.read_bytes()
        if kept.stem == f"{key}-{hashlib.sha256(content).hexdigest()[:16]}":
            return content
    from translate.export.onnx import onnx_bytes  # slow to import, and not needed the second time

    say(f"page {which}: preparing {path.stem}, about 20 s; kept for the next time")
    content = onnx_bytes(str(path), direction, io="uint8")
    write_whole(folder / f"{key}-{hashlib.sha256(content).hexdigest()[:16]}.onnx", content)
    return content


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""  # the export says what is missing
