"""The layout of a TIFF's first page from its tags, checked against the file before anything is decoded."""

import math
from dataclasses import dataclass

import PIL

from translate.image import tiff_tags
from translate.image.source import ImageError, refuse_large
from translate.image.tiff_tags import Tags

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4, CIELAB: 3}  # samples of the colour spaces decoded here
ASSOCIATED, UNASSOCIATED = 1, 2  # of extra samples
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # formats of samples
PACKED = {1: 1.1, 5: 1600, 8: 1100, 32946: 1100, 32773: 70, 7: 700, 6: 700}  # largest ratio of each compression
LIBTIFF = {1, 2, 3, 4, 5, 6, 7, 8, 32946, 32773}  # compressions that Pillow's libtiff supports on all platforms
PILLOW = int(PIL.__version__.partition(".")[0])
# What the place and meaning of each sample depend on.
STRUCTURE = (
    tiff_tags.WIDTH, tiff_tags.HEIGHT, tiff_tags.BITS, tiff_tags.COMPRESSION, tiff_tags.PHOTOMETRIC, tiff_tags.SAMPLES,
    tiff_tags.ROWS, tiff_tags.PLANAR, tiff_tags.PREDICTOR, tiff_tags.FORMAT,
)  # fmt: skip


@dataclass
class Layout:
    """The numbers of a TIFF's first page. extra: the meaning of each sample beyond the colours."""

    tags: Tags
    width: int
    height: int
    bits: int
    samples: int
    format: int
    photometric: int
    planar: bool
    compression: int
    extra: tuple[int, ...]

    @property
    def words(self) -> str:
        kind = {FLOAT: "float", SIGNED: "signed"}.get(self.format, "")
        names = {WHITE_IS_ZERO: "white-is-zero", BLACK_IS_ZERO: "grey", RGB: "RGB", PALETTE: "palette", CMYK: "CMYK",
                 YCBCR: "YCbCr", CIELAB: "LAB", ICCLAB: "ICC LAB"}  # fmt: skip
        name = names.get(self.photometric, f"photometric {self.photometric}")
        return " ".join(
            filter(
                None,
                [
                    "BigTIFF" if self.tags.big else "TIFF",
                    f"of {self.bits}",
                    f"{kind} bits".strip(),
                    name,
                    f"with {self.samples} samples",
                    "in separate planes" if self.planar else "",
                ],
            )
        )


def layout(data: bytes, max_pixels: int) -> Layout:
    """ImageError when the header is damaged or declares too much."""
    tags = Tags(data)
    if not tags.tags:
        raise ImageError("damaged at its beginning")
    if any(tag in tags.damaged or (tag in tags.tags and not tags.numbers(tag)) for tag in STRUCTURE):
        raise ImageError("damaged at its beginning")  # the default of such a number would give another picture
    width, height = tags.number(tiff_tags.WIDTH), tags.number(tiff_tags.HEIGHT)
    refuse_large(width, height, max_pixels)
    bits = tags.numbers(tiff_tags.BITS) or (1,)
    samples = tags.number(tiff_tags.SAMPLES, len(bits))
    if len(set(bits)) > 1:
        raise ImageError(f"of a kind that can't be read here (a TIFF whose samples have {bits} bits)")
    found = Layout(
        tags,
        width,
        height,
        bits[0],
        samples,
        tags.number(tiff_tags.FORMAT, UNSIGNED),
        tags.number(tiff_tags.PHOTOMETRIC, BLACK_IS_ZERO),
        tags.number(tiff_tags.PLANAR, 1) == 2 and samples > 1,
        tags.number(tiff_tags.COMPRESSION, 1),
        tags.numbers(tiff_tags.EXTRA),
    )
    _refuse_missing(data, found)
    return found


def _refuse_missing(data: bytes, found: Layout) -> None:
    """ImageError when strips or tiles are missing, outside of the file, or too short for the number of pixels."""
    tags = found.tags
    offsets = tags.numbers(tiff_tags.TILE_OFFSETS) or tags.numbers(tiff_tags.OFFSETS)
    counts = tags.numbers(tiff_tags.TILE_COUNTS) or tags.numbers(tiff_tags.COUNTS)
    if tags.numbers(tiff_tags.TILE_OFFSETS):
        across, down = tags.number(tiff_tags.TILE_WIDTH), tags.number(tiff_tags.TILE_HEIGHT)
        if across < 1 or down < 1 or across * down > 4 * max(1 << 24, found.width * found.height):
            raise ImageError("damaged (the size of its tiles)")
        parts = math.ceil(found.width / across) * math.ceil(found.height / down)
    else:
        rows = tags.number(tiff_tags.ROWS, found.height) or found.height
        parts = math.ceil(found.height / min(rows, found.height))
    parts *= found.samples if found.planar else 1
    if not offsets:
        raise ImageError("damaged (it has no picture's data)")
    if len(counts) == len(offsets) and (any(count == 0 for count in counts) or len(offsets) < parts):
        raise ImageError("damaged (parts of it are missing)")
    if any(offset >= len(data) or offset + count > len(data) for offset, count in zip(offsets, counts, strict=False)):
        raise ImageError("truncated")
    held = sum(counts) if len(counts) == len(offsets) else len(data)
    whole = found.width * found.height * found.samples * found.bits / 8
    if found.photometric != YCBCR and whole > held * PACKED.get(found.compression, math.inf):
        raise ImageError("truncated")


def plain(found: Layout) -> bool:
    """Whether Pillow is known to read it correctly: see the matrix in tests/test_tiff.py."""
    if (
        found.compression not in LIBTIFF
        or found.tags.big
        or found.format != UNSIGNED
        or found.photometric in (ICCLAB, MASK)
    ):
        return False
    if found.bits in (1, 2, 4):
        return found.samples == 1
    if found.bits != 8 or (found.planar and found.compression != 1):
        return False
    colours = {PALETTE: 1, YCBCR: 3, **COLOURS}.get(found.photometric, 0)
    if found.samples == colours:
        return True
    if found.photometric == BLACK_IS_ZERO and found.extra != (UNASSOCIATED,) and PILLOW < 13:
        return False  # Pillow 12 and older can't open it
    alpha = found.photometric == RGB or (found.photometric in (BLACK_IS_ZERO, PALETTE) and found.extra)
    return bool(alpha) and found.samples == colours + 1 and not found.planar
