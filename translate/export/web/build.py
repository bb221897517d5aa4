"""Builds the web page: a folder of static files that translates images in the browser, from any host or from disk."""

import base64
import gzip
import hashlib
import html
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import translate
from translate.errors import DISK, UserError
from translate.export.web import runtime
from translate.image import rgb8
from translate.model import card as cards
from translate.model import file as generator_file
from translate.model.description import direction_of
from translate.model.translator import adds_colour, label_map
from translate.system.files import sha256, sync_folder

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "load", "header", "pixels", "png", "zip", "draw", "camera",
    "engine", "slider", "several", "app", "sources", "begin",
)  # fmt: skip
COPIED = ("style.css", "icon.svg", *(f"{name}.js" for name in SCRIPTS))
PIECE = 512 * 1024  # characters of base64 in one file of data/: small enough for a progress bar
LIMIT = 2_000_000  # pixels: larger images are reduced to this unless the full size is selected
LAYER = 16_000_000  # values in a layer's output at most, which lowers the limit: about 0.5 GB in all, for phones
HOME = '<p class="home"><a href="index.html">All translators</a></p>'
LINES = re.compile(r"(line|edge|sketch|draw|outline|contour|doodle|scribble)", re.IGNORECASE)


@dataclass
class Page:
    """A model's page. about: its data, see `_about`. program: the ONNX file."""

    about: dict[str, Any]
    program: bytes


def build(
    model: str | Path,
    folder: Path,
    direction: str = "a2b",
    *,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Make `folder`: index.html and all files that it needs, for any static host or for opening from disk.

    model: a run folder, a generator file or a name in pretrained/. say: prints a message. Returns the files written.
    The folder is written completely or not at all. UserError when it exists already, the model can't be used, or the
    runtime can't be downloaded.
    """
    refuse_existing(folder)
    about = checked(model, direction)
    fetched = runtime.fetch(say)
    from translate.export.onnx import onnx_bytes  # slow to import, so after the checks above

    return write(folder, {"index.html": Page(about, onnx_bytes(str(model), direction, io="uint8"))}, fetched)


def refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise UserError(f"{folder} exists already; delete it, or choose another folder with --out.")


def checked(model: str | Path, direction: str) -> dict[str, Any]:
    """The page's data about a model, see `_about`. UserError when a page can't translate with it."""
    _, description, path = generator_file.read(model)
    direction = direction_of(description, direction)
    entry = generator_file.entry(description, direction, path)
    channels = [entry["arguments"][f"{end}_channels"] for end in ("in", "out")]
    if not all(count in (1, 3) for count in channels):
        raise UserError(
            f"{path} translates measured values of {channels[0]} to {channels[1]} channels, and a page shows 1 or 3; "
            "use --to onnx."
        )
    return _about(description, direction, path)


def write(
    folder: Path, pages: dict[str, Page], fetched: tuple[bytes, bytes, bytes], more: Mapping[str, bytes] = {}
) -> list[Path]:
    """Write the folder completely or not at all, and return its files. All pages share one runtime.

    pages: by the name of their file. fetched: of `runtime.fetch`. more: further files by name; an index.html among them
    is the start page, to which the others link. UserError (exit code 74) when it can't be written.
    """
    script, glue, wasm = fetched
    shared = {"worker": script + b"\n" + (PAGE / "worker.js").read_bytes(), "glue": glue, "wasm": wasm}
    home = HOME if "index.html" in more else ""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            whole = Path(temporary) / folder.name
            (whole / "data").mkdir(parents=True)
            data = {name: list(_pieces(name, content, whole)) for name, content in shared.items()}
            for name, page in pages.items():
                own = {"model": list(_pieces("model", page.program, whole))}
                (whole / name).write_text(_index(page.about | {"data": data | own}, home), encoding="utf-8")
            for name in COPIED:
                shutil.copyfile(PAGE / name, whole / name)
            for name, content in more.items():
                (whole / name).write_bytes(content)
            (whole / "LICENCES.txt").write_text(_licences([page.about for page in pages.values()]), encoding="utf-8")
            os.rename(whole, folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise UserError(f"{folder} could not be written: {error.strerror or error}.", DISK) from error
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _pieces(name: str, content: bytes, folder: Path) -> Iterator[dict[str, Any]]:
    """Write `content` as classic scripts in data/; yields {"name", "bytes"} of each.

    Browsers load classic scripts from file://, where they refuse fetch, modules and wasm files. With gzip they are
    smaller than the plain files in spite of base64: 4.9 MB for the runtime's 14.2 MB.
    """
    stamp = hashlib.sha256(content).hexdigest()[:8]  # so that a browser's cache can't mix two exports
    text = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    for number, start in enumerate(range(0, len(text), PIECE)):
        file = f"data/{name}-{stamp}-{number:03d}.js"
        written = f'packed("{name}", {number}, "{text[start : start + PIECE]}");\n'
        (folder / file).write_text(written, encoding="ascii")
        yield {"name": file, "bytes": len(written)}


def _about(description: dict[str, Any], direction: str, path: Path) -> dict[str, Any]:
    """The page's data about its model; imported generators have only some of it."""
    entry = description["directions"][direction]
    card = cards.beside(path)
    before, after = (entry.get(end, name).replace("_", " ") for end, name in (("from", "a"), ("to", "b")))
    height, width = description.get("size") or (256, 256)
    licences = dict(description.get("licences") or {})
    methods = {"pix2pix": "pix2pix, from pairs", "spade": "SPADE, from label maps", "cycle": "CycleGAN, without pairs"}
    facts = [
        ("Translates", f"{before} → {after}"),
        ("Trained with", methods.get(description.get("mode", ""))),
        ("Trained at", f"{width} × {height} pixels" if description.get("size") else None),
        ("Limits", card.limits),
        ("Licence", card.licence),
        *(("Training pictures", f"{name}: {text}") for name, text in sorted(licences.items())),
        ("File", f"{path.name}, SHA-256 {sha256(path)[:12]}…"),
        ("Runs on", f"ONNX Runtime Web {runtime.RUNTIME.version} (MIT, Microsoft Corporation)"),
        ("Made with", f"imgtranslate {translate.__version__}"),
    ]
    arguments = entry["arguments"]
    wide = arguments.get("filters", 64) * (4 if entry["network"] == "spade" else 1)  # channels of its widest layer
    classes = label_map(description, direction)
    return {
        "title": card.title or f"{before} to {after}",
        "from": before,
        "to": after,
        "size": [height, width],
        "background": description.get("background") or rgb8.WHITE,
        "channels_in": arguments["in_channels"],
        "channels_out": arguments["out_channels"],
        "adds_colour": adds_colour(description, direction),
        "labels": classes and classes.colours,
        "ids": classes.ids if classes else [],
        "lines": bool(classes or LINES.search(before)),  # the page then starts with a drawing canvas
        "limit": min(LIMIT, LAYER // wide),
        "facts": [fact for fact in facts if fact[1]],
    }


def _index(about: dict[str, Any], home: str) -> str:
    data = json.dumps(about, ensure_ascii=False).replace("<", "\\u003c")  # so that no text can end the <script>
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    return page.replace("{home}", home).replace("{title}", html.escape(about["title"])).replace("{about}", data)


def _licences(pages: list[dict[str, Any]]) -> str:
    """The licences of the models, the page, the runtime and the runtime's dependencies."""
    model = "\n".join("".join(f"{term}: {text}\n" for term, text in about["facts"]) for about in pages)
    text = (PAGE / "LICENCES.txt").read_text(encoding="utf-8").replace("{model}", model)
    spec = find_spec("onnxruntime")  # the Python package lists the dependencies of the common C++ code
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (notices := Path(folder) / "ThirdPartyNotices.txt").is_file():
            text += "\n\n" + notices.read_text(encoding="utf-8", errors="replace")
    return text
