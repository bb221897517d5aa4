"""Image files of every odd kind, made here with Pillow, struct and zlib."""

import hashlib
import io
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from translate.catalog import archive, selection
from translate.catalog.recipe import Recipe
from translate.image import rgb8


def photo(height: int = 24, width: int = 36, seed: int = 0) -> np.ndarray:
    """A smooth colourful picture without symmetry, uint8 (height, width, 3)."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, array: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG from its uncompressed rows (each beginning with a filter byte)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def bomb(path: Path, side: int = 13_000) -> Path:
    """Some 20 kB that would decode to 169 million pixels."""
    row = b"\0" + bytes((side + 7) // 8)
    path.write_bytes(png(side, side, 1, 0, row * side))
    return path


def swap_red_and_blue(profile: bytes) -> bytes:
    """An sRGB profile whose red and blue primaries have changed places, under another name."""
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return swapped.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be")).replace(b"sRGB", b"mine")


def bad_files(folder: Path) -> dict[str, str]:
    """Files that can't be used, as name -> what the reason must contain."""
    folder.mkdir(parents=True, exist_ok=True)
    big = photo(64, 64)
    for suffix in ("png", "jpg", "webp", "gif", "tif", "bmp", "avif"):
        whole = save(folder / f"whole.{suffix}", big).read_bytes()
        (folder / f"whole.{suffix}").unlink()
        (folder / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])
    whole = save(folder / "whole.png", big).read_bytes()
    (folder / "whole.png").unlink()
    (folder / "header.png").write_bytes(whole[:20])
    (folder / "flipped.png").write_bytes(whole[:60] + bytes([whole[60] ^ 0xFF]) + whole[61:])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_text("This is not an image.")
    (folder / "page.png").write_text("<!doctype html><html><body>404</body></html>")
    (folder / "drawing.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (folder / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (folder / "archive.png").write_bytes(b"PK\x03\x04" + bytes(60))
    bomb(folder / "bomb.png")
    nan = np.full((8, 8), np.nan, np.float32)
    Image.fromarray(nan).save(folder / "nan.tif")
    (folder / "folder.png").mkdir()
    (folder / "nowhere.png").symlink_to(folder / "no such file.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    return {
        "half.png": "truncated",
        "half.jpg": "truncated",
        "half.webp": "",  # decoders word it in their own ways
        "half.gif": "",
        "half.tif": "",
        "half.bmp": "truncated",
        "half.avif": "",
        "header.png": "",
        "flipped.png": "damaged",
        "empty.png": "empty (0 bytes)",
        "text.jpg": "not an image",
        "page.png": "not an image",
        "drawing.png": "not an image",
        "script.png": "not an image",
        "archive.png": "not an image",
        "bomb.png": "more than the limit of 64,000,000",
        "nan.tif": "NaN",
        "folder.png": "a folder, not a file",
        "nowhere.png": "a link to nothing",
        "loop.png": "too many levels",
        "pipe.png": "a pipe (FIFO)",
        "device.png": "a device, not a file",
        "missing.png": "does not exist",
    }


def wheel(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def vendor_wheel() -> bytes:
    """Two vendors: three emoji of their own, a shared placeholder, a skin tone, a double name, a stray file."""
    members = {"Set/__init__.py": b"raise SystemExit"}
    for number, vendor in enumerate(("One", "Two")):
        for point, stem in enumerate(("U+1F600", "U+1F468-U+200D-U+1F33E", "U+2764-U+FE0F", "U+1F44B-U+1F3FB")):
            members[f"Set/{vendor}/{stem}.png"] = rgb8.to_png(photo(12, 12, 10 * number + point))
        members[f"Set/{vendor}/U+2764.png"] = rgb8.to_png(photo(12, 12, 90 + number))
        members[f"Set/{vendor}/U+1F46B.png"] = rgb8.to_png(photo(12, 12, 99))
        members[f"Set/{vendor}/readme.png"] = b"not a code point"
    return wheel(members)


def make_recipe(content: bytes, **changes) -> Recipe:
    fields = {
        "name": "one",
        "title": "One",
        "kind": "pypi",
        "package": "no-such-package-anywhere",
        "version": "1.0",
        "file": "set-1.0.whl",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "inside": "Set/One/*.png",
        "format": "png",
        "keys": "codepoints",
        "drop_shared_with": ["Set/Two"],
        "licence": "None at all.",
        "redistributable": False,
        "source": "us",
        "count": 3,
        "contents": "0" * 64,
    }
    recipe = Recipe(**{**fields, **changes})
    if "contents" not in changes:
        path = Path(os.environ["TRANSLATE_CACHE"]).parent / "for-the-digest.whl"
        path.write_bytes(content)
        taken = selection.choose(recipe, lambda wanted: archive.files(path, wanted))
        recipe.contents = selection.contents_digest(taken)
        path.unlink()
    return recipe


def snapshot(folder: Path) -> dict[str, tuple]:
    """Everything about a tree that a program could change: names, times, sizes, contents."""
    found: dict[str, tuple] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        if path.is_symlink():
            content = os.readlink(path)
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, status.st_size, content)
    return found


def put(path: Path, content: bytes) -> Path:
    """What pip or npm would have brought."""
    path.write_bytes(content)
    return path


def silent(text: str) -> None:
    pass


def pil(image: Image.Image, kind: str, **options) -> bytes:
    """The image as a file of a kind of Pillow's."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
