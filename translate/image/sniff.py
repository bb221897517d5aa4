"""Recognises a file by its first bytes: a supported image format, or the name of another file type."""

import struct

from translate.image.source import ImageError

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LIKE_HEIF = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"heim": "HEIC",
             b"heis": "HEIC", b"hevm": "HEIC", b"hevs": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}  # fmt: skip
OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer: `git lfs pull` fetches the picture itself"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file, which is not read"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file, which is not read"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file, which is not read"),
    (b"\xff\x0a", "a JPEG XL file, which is not read"),
    (b"8BPS", "a Photoshop file, which is not read"),
    (b"v/1\x01", "an OpenEXR file, which is not read"),
    (b"%PDF", "a PDF file"),
    (b"%!PS", "a PostScript file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"SIMPLE  =", "a FITS file, which is not read"),
)
TGA_BITS = {1: (8,), 2: (16, 24, 32), 3: (8, 16), 9: (8,), 10: (16, 24, 32), 11: (8, 16)}  # by image type


def kind(data: bytes) -> str:
    """PNG, JPEG, TIFF, PNM, GIF, WEBP, BMP, AVIF or TGA. ImageError names the type of any other file."""
    head = data[:512]
    if head.startswith(b"\x89PNG"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(TIFF_MAGIC):
        return "TIFF"
    if head.startswith(b"GIF8"):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _heif(head)
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"123456fF" and head[2:3] in b" \t\r\n#":
        return "PNM"
    if head[:2] == b"BM" or (len(data) > 40 and _is_dib(head)):
        return "BMP"
    if _is_tga(data):
        return "TGA"
    raise ImageError(f"not an image{_instead(head)}")


def _heif(head: bytes) -> str:
    brand = head[8:12]
    names = [LIKE_HEIF.get(head[at : at + 4]) for at in (8, *range(16, min(len(head) - 3, 64), 4))]
    if "AVIF" in names:
        return "AVIF"
    if names[0] in ("HEIC", "HEIF"):
        raise ImageError("not an image that is read: an HEIC file (iPhone); save it as JPEG or PNG")
    raise ImageError(f"not an image: a video or another file of the MP4 family ({ascii(brand)[2:-1]})")


def _instead(head: bytes) -> str:
    for magic, name in OTHERS:
        if head.startswith(magic):
            return f": {name}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return ": an HTML page, such as a server's error message"
    if b"<svg" in text:
        return ": an SVG drawing, which is not read"
    if text.startswith((b"<?xml", b"{", b"[")):
        return ": XML or JSON text"
    if text and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in text):
        return ": text"
    return ""


def _is_dib(head: bytes) -> bool:
    """Whether it is a Windows bitmap without its file header: its sizes and depths must be valid."""
    size, width, height, planes, bits = struct.unpack_from("<IiiHH", head)
    known = size in (40, 52, 56, 64, 108, 124) and planes == 1 and bits in (1, 4, 8, 16, 24, 32)
    return known and 0 < width < 1 << 20 and 0 < abs(height) < 1 << 20


def _is_tga(data: bytes) -> bool:
    """Whether it is a Truevision TGA, which has no signature at its start: every header field must be valid."""
    if len(data) < 19:
        return False
    _, colours, kind = data[:3]
    length, entry, width, height, bits, flags = struct.unpack_from("<xxx xxHBxxxxHHBB", data)
    mapped = colours == 1 and 0 < length <= 256 and entry in (15, 16, 24, 32)
    fits = bits in TGA_BITS.get(kind, ())
    if not fits or not width or not height or flags & 0xC0 or (kind in (1, 9) and not mapped) or colours > 1:
        return False
    return kind >= 9 or len(data) >= 18 + width * height * bits // 8
