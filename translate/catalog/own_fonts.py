"""`translate data glyphs`: fonts of one's own as folders of pictures, with the same characters in each."""

import os
from collections.abc import Callable
from pathlib import Path

from translate.catalog import glyphs
from translate.catalog.fetching import workplace
from translate.catalog.kinds import Glyphs
from translate.errors import DISK, UserError
from translate.image import rgb8


def draw(fonts: list[Path], out: Path, settings: Glyphs, say: Callable[[str], None] = print) -> dict[str, int]:
    """Write OUT/FONT/CODEPOINT.png for each font file and return folder -> pictures. Only characters that all fonts
    have; a folder is called as the font's file. Nothing is written unless all of it can be.

    UserError for a file that is no font, fonts without a character in common, or an `out` that holds something.
    """
    contents = _read(fonts)
    _check_free(out)
    try:
        shared = set.intersection(*(glyphs.characters(name, content) for name, content in contents.items()))
        with workplace(out.absolute().parent, say) as temporary:
            drawn = {name: dict(glyphs.draw(settings, {name: content}, shared)) for name, content in contents.items()}
            keys = set.intersection(*(set(pictures) for pictures in drawn.values()))
            if not keys:
                raise UserError(
                    f"{' and '.join(map(str, fonts))} have no character in common"
                    f"{' of ' + ', '.join(settings.characters) if settings.characters else ''}."
                )
            made = {}
            for name, pictures in drawn.items():
                folder = temporary / "made" / Path(name).stem
                folder.mkdir(parents=True)
                for key in sorted(keys):
                    (folder / f"{key}.png").write_bytes(rgb8.to_png(pictures[key]))
                made[folder.name] = len(keys)
            if out.is_dir():
                out.rmdir()
            os.replace(temporary / "made", out)
    except glyphs.FontError as error:
        raise UserError(f"{error}.") from error
    except OSError as error:
        raise UserError(f"{out} can't be written: {error.strerror or error}.", DISK) from error
    return made


def _read(fonts: list[Path]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in fonts:
        if any(Path(name).stem.casefold() == path.stem.casefold() for name in found):
            raise UserError(f"two fonts are called {path.stem}: each needs a name of its own, for its folder.")
        try:
            found[path.name] = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} can't be read: {error.strerror or error}.") from error
    return found


def _check_free(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} exists already; give a new folder with --out.")
