"""Hostile archives: refused before anything comes out, and nothing is ever written."""

import io
import re
import tarfile
import zipfile

import pytest
from data_files import snapshot, vendor_wheel, wheel

from translate.catalog import archive


def tar_with(entry: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        good = tarfile.TarInfo("package/good.png")
        good.size = 3
        file.addfile(good, io.BytesIO(b"abc"))
        file.addfile(entry, io.BytesIO(bytes(entry.size)))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


TARS = {
    "parent": entry("../evil.png"),
    "deep parent": entry("package/../../evil.png"),
    "absolute": entry("/tmp/evil.png"),
    "backslash": entry("package\\..\\evil.png"),
    "drive": entry("C:/evil.png"),
    "control": entry("package/a\nb.png"),
    "symlink": entry("package/link.png", tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": entry("package/link.png", tarfile.LNKTYPE, "package/good.png"),
    "device": entry("package/dev.png", tarfile.CHRTYPE),
    "pipe": entry("package/pipe.png", tarfile.FIFOTYPE),
    "twice": entry("package/good.png", size=5),
    "case twin": entry("package/GOOD.png", size=5),
}


@pytest.mark.parametrize("name", TARS)
def test_hostile_tar(name, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.tgz").write_bytes(tar_with(TARS[name]))
    before = snapshot(tmp_path)
    with pytest.raises(archive.ArchiveError):
        next(archive.files(tmp_path / "in" / "x.tgz", lambda name: True))  # nothing at all comes out
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/evil.png", "a\\b.png", "c:evil.png", "a\0b.png"])
def test_hostile_zip_names(name, tmp_path):
    stand_in = "N" * len(name)  # zipfile itself would tidy the name while writing
    content = wheel({"Set/good.png": b"abc", stand_in: b"evil"}).replace(stand_in.encode(), name.encode())
    (tmp_path / "x.whl").write_bytes(content)
    with pytest.raises(archive.ArchiveError, match="unsafe name"):
        next(archive.files(tmp_path / "x.whl", lambda name: True))


def test_hostile_zip_link(tmp_path):
    link = zipfile.ZipInfo("Set/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(archive.ArchiveError, match="link or a device"):
        list(archive.files(tmp_path / "x.whl", lambda name: True))


def test_limits(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(5):
            file.writestr(f"Set/{number}.png", bytes(1 << 20))
    (tmp_path / "x.whl").write_bytes(buffer.getvalue())
    assert len(list(archive.files(tmp_path / "x.whl", lambda name: True))) == 5
    for limit, value in (("MAX_TOTAL", 4 << 20), ("MAX_FILE", 1 << 19), ("MAX_ENTRIES", 4)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, limit, value)
            with pytest.raises(archive.ArchiveError):
                list(archive.files(tmp_path / "x.whl", lambda name: True))


def test_a_zip_that_lies_about_a_size(tmp_path, monkeypatch):
    """The header claims 10 bytes, the data unpacks to a megabyte."""
    content = bytearray(_deflated("Set/a.png", bytes(1 << 20)))
    for place in [match.start() for match in re.finditer(re.escape((1 << 20).to_bytes(4, "little")), bytes(content))]:
        content[place : place + 4] = (10).to_bytes(4, "little")
    (tmp_path / "x.whl").write_bytes(content)
    with pytest.raises(archive.ArchiveError):
        list(archive.files(tmp_path / "x.whl", lambda name: True))


def _deflated(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", vendor_wheel()[:500]])
def test_not_an_archive(content, tmp_path):
    for name in ("x.whl", "x.tgz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(archive.ArchiveError, match="damaged"):
            list(archive.files(tmp_path / name, lambda name: True))
