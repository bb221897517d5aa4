"""`translate push`: checks the generator and its licences, writes the card, and uploads all in one commit."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from translate.errors import DAMAGED, UserError
from translate.image import sheet_file
from translate.model import card as cards
from translate.model import file as generator_file
from translate.model import hub
from translate.push import terms
from translate.push.card import Facts, readme
from translate.report.album import sheets
from translate.report.gather import Run, gather
from translate.system import hashed_tensors
from translate.system.untrusted import read_bytes


@dataclass
class Options:
    """The options of the command line. permitted: the user may publish it. licence: the Hub's name of one."""

    model: str
    to: str
    private: bool = False
    permitted: bool = False
    licence: str = ""
    sheet: bool = True


def push(options: Options, say: Callable[[str], Any] = print) -> str:
    """Upload the generator; returns its address, hf://user/name. UserError before anything is uploaded."""
    name = options.to.removeprefix(hub.PREFIX)
    if not re.fullmatch(hub.NAME, name):
        raise UserError(f"'{options.to}' should be the repository's name, user/name.")
    if options.licence and not re.fullmatch(r"[a-z0-9.-]{2,40}", options.licence):
        raise UserError(f"--licence {options.licence}: give the Hub's name of a licence, as mit or cc-by-4.0.")
    content, description, path = _generator(options.model)
    run = _run(path)
    facts = Facts(name, description, cards.beside(path), run, _began_from(run, say), options.licence)
    if not (options.private or options.permitted):
        terms.check(facts.licences, options.model)
    files = {hub.FILE: content}
    sheet = _sheet(path) if options.sheet else None
    if sheet:
        files[hub.SHEET], facts.sheet = sheet_content(sheet), True
    files[hub.CARD] = readme(facts).encode()
    _upload(name, files, options.private)
    without = "" if sheet or not options.sheet else "; it has no sheet"
    sizes = ", ".join(f"{file} ({len(files[file]):,} bytes)" for file in sorted(files))
    say(f"pushed {sizes} to {name}{' (private)' if options.private else ''}{without}")
    say(f"in Python: translate.load{'_sampler' if facts.noise else ''}({hub.PREFIX + name!r})")
    return hub.PREFIX + name


def _generator(model: str) -> tuple[bytes, dict[str, Any], Path]:
    """(bytes, description, path) of a generator file that `load` takes. UserError."""
    if model.lower().endswith(".onnx"):
        raise UserError(f"{model} is an ONNX file; push what it was exported from.")
    _, description, path = generator_file.read(model)
    for direction in description["directions"]:
        generator_file.load(path, direction)
    try:
        content = read_bytes(path, hub.MOST)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.", DAMAGED) from error
    hashed_tensors.loads(content, path)
    return content, description, path


def _run(path: Path) -> Run | None:
    return gather(path.parent, lambda _: {}) if (path.parent / "config.toml").is_file() else None


def _began_from(run: Run | None, say: Callable[[str], Any]) -> dict[str, str]:
    """The licences of the sets that the generator of --init-from was trained on."""
    start = run.settings.get("init_from") if run else None
    if not start:
        return {}
    try:
        return dict(generator_file.read(str(start))[1].get("licences") or {})
    except UserError as error:
        say(f"what {start} was trained on, where this training began, is not known: {error}")
        return {}


def _sheet(path: Path) -> Path | None:
    """The newest sample sheet of the generator's run folder, else NAME.png beside NAME.safetensors; None without."""
    found = sheets(path.parent / "samples") if (path.parent / "config.toml").is_file() else {}
    if found:
        newest = found.get("a2b") or next(iter(found.values()))
        return newest[max(newest)]
    own = path.with_suffix(".png")
    return own if own.is_file() else None


def sheet_content(path: Path) -> bytes:
    """The bytes of a PNG file. UserError if it is none."""
    try:
        sheet_file.unpack(path)
        return read_bytes(path, sheet_file.LARGEST)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no sheet in PNG: {error}; --no-sheet leaves it out.", DAMAGED) from error


def _upload(name: str, files: dict[str, bytes], private: bool) -> None:
    """One commit with all files. UserError, exit code 69, when the hub can't be reached or doesn't take them."""
    api = hub.library().HfApi(library_name="imgtranslate")
    with hub.in_words(name, writing=True):
        api.create_repo(name, private=private or None, exist_ok=True)
        if private and not api.model_info(name).private:  # of an existing one, the visibility isn't changed
            raise UserError(
                f"{name} is there already and is public; make it private in its settings, or push to another name."
            )
        added = [hub.library().CommitOperationAdd(file, content) for file, content in files.items()]
        api.create_commit(name, added, commit_message="translate push")
