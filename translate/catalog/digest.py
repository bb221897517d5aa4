"""Computes a recipe's checksums and counts by fetching its package, for authors of recipes."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from translate.catalog import download, prepare
from translate.catalog.archive import ArchiveError, files
from translate.catalog.fetch import cache_folder
from translate.catalog.recipe import Recipe
from translate.errors import UNAVAILABLE, UserError
from translate.settings import read_toml

UNKNOWN: dict[str, Any] = {"file": "unknown", "sha256": "0" * 64, "bytes": 1, "count": 1, "contents": ""}


def digest(path: Path, say: Callable[[str], None] = print) -> dict[str, str | int]:
    """file, sha256, bytes, count and contents for the recipe in the TOML file `path`, which may lack them; for files
    that torchvision fetches only count and contents.

    The package comes from its client, or from the cache's archives if the recipe's `file` is there.
    Raises UserError when the recipe has another error, or selects no image of the package.
    """
    recipe = Recipe.parse({**UNKNOWN, **read_toml(path), "name": path.stem}, str(path))
    archives = cache_folder() / "archives"
    found: dict[str, str | int] = {}
    with tempfile.TemporaryDirectory(prefix="translate-") as temporary:
        folder = Path(temporary)
        if recipe.kind == "torchvision":
            count, contents = prepare.measure(recipe, lambda wanted: iter(()), archives / "torchvision", say)
        else:
            archive = archives / recipe.file
            if not archive.is_file():
                archive = download.unpinned(recipe, archives, say)
            content = archive.read_bytes()
            found = {"file": archive.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            try:
                count, contents = prepare.measure(recipe, lambda wanted: files(archive, wanted), folder, say)
                if not count:
                    raise ArchiveError(f"holds no file {recipe.inside} that is taken; {_examples(archive)}")
            except ArchiveError as error:
                raise UserError(f"{path}: {archive} {error}.", UNAVAILABLE) from error
    return {**found, "count": count, "contents": contents}


def _examples(archive: Path) -> str:
    names: list[str] = []
    list(files(archive, lambda name: bool(names.append(name))))  # type: ignore[func-returns-value]
    spread = names[:: max(1, len(names) // 5)][:5]
    return f"of its {len(names):,} files some are {', '.join(spread)}"
