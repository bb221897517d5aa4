"""Downloads archives with the user's package clients: pip for PyPI, npm for npm."""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from translate.catalog.fetching import workplace
from translate.catalog.recipe import Archive
from translate.errors import UNAVAILABLE, UserError
from translate.system.files import sha256
from translate.system.text import printable


def archive(recipe: Archive, folder: Path, say: Callable[[str], None]) -> Path:
    """The recipe's archive in `folder`, downloaded if it isn't there yet; its SHA-256 is checked every time.

    Raises UserError (exit code 69) when the client is missing or fails, or the file doesn't match.
    """
    path = folder / recipe.file
    if path.is_file():
        if sha256(path) == recipe.sha256:
            return path
        say(f"{path} is damaged and is downloaded again")
    with workplace(folder, say) as temporary:
        for line in recipe.terms():
            say(f"{recipe.name}: {line}")
        say(f"{recipe.name}: downloading {recipe.bytes / 1e6:.0f} MB ...")
        got = (_pip if recipe.kind == "pypi" else _npm)(recipe, temporary)
        found = sha256(got)
        if found != recipe.sha256:
            raise UserError(
                f"{recipe.name}: {got.name} is not the file that was expected (its SHA-256 is {found[:16]}…, it should "
                f"be {recipe.sha256[:16]}…), so it was thrown away; try again, or check your package mirror.",
                UNAVAILABLE,
            )
        _move(got, path, recipe.sha256)
    return path


def unpinned(recipe: Archive, folder: Path, say: Callable[[str], None]) -> Path:
    """The package's archive in `folder`, with any name and SHA-256, for a recipe that is being written.
    UserError as `archive`."""
    say(f"{recipe.name}: downloading {recipe.package} {recipe.version} ...")
    with workplace(folder, say) as temporary:
        anything = recipe.model_copy(update={"file": "", "sha256": ""})
        got = (_pip if recipe.kind == "pypi" else _npm)(anything, temporary)
        os.replace(got, folder / got.name)
    return folder / got.name


def installed(recipe: Archive) -> Path | None:
    """The folder that holds the installed package, if exactly the recipe's version of it is installed."""
    if recipe.kind != "pypi":
        return None
    try:
        package = importlib.metadata.distribution(recipe.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    root = Path(str(package.locate_file("")))
    return root if package.version == recipe.version and root.is_dir() else None


def _pip(recipe: Archive, folder: Path) -> Path:
    pinned = f"{recipe.package}=={recipe.version}"
    if importlib.util.find_spec("pip") is None:
        raise UserError(
            f"{recipe.name} is fetched with pip, which this environment doesn't have; install the package {pinned} "
            "with your own installer (for example `uv pip install`), or pip itself, and run this again.",
            UNAVAILABLE,
        )
    requirements = folder / "requirements.txt"
    digest = f" --hash=sha256:{recipe.sha256}" if recipe.sha256 else ""
    requirements.write_text(f"{pinned}{digest}\n", encoding="utf-8")
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
    options += ["--require-hashes"] if digest else []
    command = [sys.executable, "-m", "pip", "download", *options, "-q", "-r", str(requirements), "-d", str(folder)]
    _run(recipe, "pip", command)
    return _the_file(recipe, folder)


def _npm(recipe: Archive, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(
            f"{recipe.name} is fetched with npm, which is not installed; install Node.js (which brings npm) "
            "and run this again.",
            UNAVAILABLE,
        )
    # The file's name is known from the recipe; --json only prevents npm from printing its listing.
    options = ["--ignore-scripts", "--json", "--loglevel=error"]
    _run(
        recipe, "npm", [npm, "pack", f"{recipe.package}@{recipe.version}", *options, "--pack-destination", str(folder)]
    )
    return _the_file(recipe, folder)


def _run(recipe: Archive, client: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=1800
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{recipe.name}: {client} did not finish within half an hour.", UNAVAILABLE) from None
    except OSError as error:
        raise UserError(f"{recipe.name}: {client} could not be started: {error.strerror}.", UNAVAILABLE) from error
    if done.returncode:
        raise UserError(
            f"{recipe.name} could not be fetched: {client} said “{_reason(done.stderr)}”. "
            f"Check the network, or put {recipe.file} into {Path(command[-1]).parent} yourself.",
            UNAVAILABLE,
        )


def _reason(said: str) -> str:
    """The most useful line of a client's error output: npm's first line is a code and its last one the log's path."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("error", "npm err"))] or lines or ["no message"]
    real = [
        line for line in telling if not re.search(r"complete log of this run|_logs|^npm err\S* (code|errno) ", line)
    ]
    reasons = [line for line in real if "reason:" in line] or (real[:1] if "npm" in telling[0] else real[-1:])
    return printable((reasons or telling[-1:])[0])[:300]


def _the_file(recipe: Archive, folder: Path) -> Path:
    names = sorted(path.name for path in folder.iterdir() if path.suffix != ".txt")
    path = folder / (recipe.file or next(iter(names), ""))
    if not path.is_file():
        raise UserError(f"{recipe.name}: expected {recipe.file}, but got {names or 'nothing'}.", UNAVAILABLE)
    return path


def _move(source: Path, target: Path, wanted: str) -> None:
    try:
        os.replace(source, target)
    except PermissionError:  # Windows: another process has just written it and is reading it
        if not target.is_file() or sha256(target) != wanted:
            raise
