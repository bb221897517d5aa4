"""Builds the web page: a folder of static files that runs a generator in the browser, from any host or from disk."""

import base64
import gzip
import hashlib
import html
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from translate.errors import DISK, UserError
from translate.export.web import runtime
from translate.export.web.about import checked
from translate.model.file import NOISE
from translate.system.files import sync_folder

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    "load", "header", "pixels", "png", "zip", "draw", "letters", "camera", "engine", "slider", "several", "app",
    "sources", "begin", "normal", "samples",
)  # fmt: skip
COPIED = ("style.css", "icon.svg", *(f"{name}.js" for name in SCRIPTS))
PIECE = 512 * 1024  # characters of base64 in one file of data/: small enough for a progress bar
HOME = '<p class="home"><a href="index.html">All models</a></p>'


@dataclass
class Page:
    """A model's page. about: its data, see `checked`. program: the ONNX file."""

    about: dict[str, Any]
    program: bytes

    @property
    def template(self) -> str:
        return "samples.html" if "latent" in self.about else "index.html"


def build(
    model: str | Path,
    folder: Path,
    direction: str | None = None,
    *,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Make `folder`: index.html and all files that it needs, for any static host or for opening from disk.

    model: a run folder, a generator file or a name in pretrained/. direction: a2b, if it translates and nothing else is
    said. say: prints a message. Returns the files written.
    The folder is written completely or not at all. UserError when it exists already, the model can't be used, or the
    runtime can't be downloaded.
    """
    refuse_existing(folder)
    about = checked(model, direction)
    fetched = runtime.fetch(say)
    from translate.export.onnx import onnx_bytes  # slow to import, so after the checks above

    direction = NOISE if "latent" in about else direction or "a2b"
    return write(folder, {"index.html": Page(about, onnx_bytes(str(model), direction, io="uint8"))}, fetched)


def refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise UserError(f"{folder} exists already; delete it, or choose another folder with --out.")


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
                (whole / name).write_text(_index(page, data | own, home), encoding="utf-8")
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


def _index(page: Page, files: dict[str, Any], home: str) -> str:
    """The HTML of a page. files: what it loads from data/."""
    data = json.dumps(page.about | {"data": files}, ensure_ascii=False)
    data = data.replace("<", "\\u003c")  # so that no text can end the <script>
    top, text = ((PAGE / name).read_text(encoding="utf-8") for name in ("top.html", page.template))
    text = text.replace("{top}", top).replace("{home}", home)
    return text.replace("{title}", html.escape(page.about["title"])).replace("{about}", data)


def _licences(pages: list[dict[str, Any]]) -> str:
    """The licences of the models, the page, the runtime and the runtime's dependencies."""
    model = "\n".join("".join(f"{term}: {text}\n" for term, text in about["facts"]) for about in pages)
    text = (PAGE / "LICENCES.txt").read_text(encoding="utf-8").replace("{model}", model)
    spec = find_spec("onnxruntime")  # the Python package lists the dependencies of the common C++ code
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (notices := Path(folder) / "ThirdPartyNotices.txt").is_file():
            text += "\n\n" + notices.read_text(encoding="utf-8", errors="replace")
    return text
