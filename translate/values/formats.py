"""The kinds of files that hold measured values, and what each holds exactly. Prints their table for docs/values.md.

python -m translate.values.formats
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from translate.errors import UserError
from translate.values.array import Values

ANY = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")
MANY = range(1, 65)
REFUSED = "refused in one sentence"
START, END = "<!-- python -m translate.values.formats -->", "<!-- end -->"


@dataclass(frozen=True)
class Format:
    """suffix: of its files. extra: of pip, or "". types, channels: what a file holds so that reading it gives the same
    numbers. slices, windows: whether it holds several images; whether a part is read without the rest. keeps: the
    metadata that a written file has like the one it was made from. otherwise: what happens to other numbers."""

    suffix: str
    types: tuple[str, ...]
    channels: tuple[int, ...] | range
    keeps: str
    extra: str = ""
    slices: str = ""
    windows: bool = False
    otherwise: str = REFUSED

    def holds(self, dtype: str, channels: int) -> bool:
        return dtype in self.types and channels in self.channels

    @property
    def words(self) -> str:
        channels = "1 to 64" if self.channels == MANY else " or ".join(map(str, self.channels))
        return f"{channels} channel{'' if channels == '1' else 's'} of {' or '.join(self.types)}"


FORMATS: dict[str, Format] = {
    "TIFF": Format(".tif", ANY, MANY, "strips or tiles, planes, resolution, description, palette, colour profile",
                   "science", "pages of the same size", True, ""),
    "BigTIFF": Format(".btf", ANY, MANY, "as TIFF", "science", "pages of the same size", True, ""),
    "GeoTIFF": Format(".tiff", ANY, MANY, "coordinate system, transform, nodata, names and units of bands, tags",
                      "science", "", True, ""),
    "OME-TIFF": Format(".ome.tif", ANY, MANY, "size of a voxel, names and colours of channels, axes",
                       "science", "Z and T", True, ""),
    "ImageJ stack": Format(".tif", ("uint8", "uint16", "float32"), MANY, "unit, spacing, ranges, colour tables, labels",
                           "science", "Z and T", True, "written as a plain TIFF stack"),
    "NIfTI": Format(".nii", ANY, MANY, "affine, qform, sform, header, extensions", "medical", "third axis", True, ""),
    "NIfTI, compressed": Format(".nii.gz", ANY, MANY, "as NIfTI", "medical", "third axis", False, ""),
    "DICOM": Format(".dcm", ("uint8", "int8", "uint16", "int16", "uint32", "int32"), (1,),
                    "patient, study, place, spacing, unit, padding value; marked as derived, with new identifiers",
                    "medical", "frames; a folder is a series", False,
                    "fractions are rounded to 16 bits and said; 3 channels of 8 bits are colours; else refused"),
    "JPEG 2000": Format(".jp2", ("uint8", "uint16", "int16"), MANY, "coordinate system, transform", "geo", "", True),
    "NumPy": Format(".npy", ANY, MANY, "the place of its channels", "", "fourth axis, in front", True, ""),
    "NumPy, compressed": Format(".npz", ANY, MANY, "the place of its channels", "", "fourth axis, in front", False, ""),
    "PNG": Format(".png", ("uint8", "uint16"), (1, 3), "density, EXIF, transparency"),
    "PGM": Format(".pgm", ("uint8", "uint16"), (1,), "the largest value"),
    "PPM": Format(".ppm", ("uint8", "uint16"), (3,), "the largest value"),
    "PFM": Format(".pfm", ("float32",), (1,), ""),
    "WebP": Format(".webp", ("uint8",), (3,), "EXIF, transparency"),
    "BMP": Format(".bmp", ("uint8",), (1, 3), "density"),
    "TGA": Format(".tga", ("uint8",), (1, 3), "transparency"),
}  # fmt: skip


def only(name: str, form: Format, values: Values, slices: list[np.ndarray] | None) -> np.ndarray:
    """The one image, (H, W, C), for a format that holds no more. UserError for several, and for other numbers."""
    array = (slices or [values.array])[0]
    if slices and len(slices) > 1:
        raise UserError(f"{name}: one file holds one image, not {len(slices)} slices; .tif, .nii.gz and .npy hold all.")
    if not form.holds(array.dtype.name, array.shape[2]):
        given = f"{array.shape[2]} of {array.dtype.name}"
        suffix = Path(name).suffix.lower()
        raise UserError(f"{name}: {suffix} files hold {form.words}, not {given}; .tif and .npy hold any numbers.")
    return array


def table() -> str:
    """FORMATS as a table in Markdown."""
    lines = ["| kind | suffix | `pip install` | numbers | channels | slices | windows | kept | other numbers |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, form in FORMATS.items():
        extra = f"`imgtranslate[{form.extra}]`" if form.extra else "—"
        types = "all" if form.types == ANY else ", ".join(form.types)
        channels = form.words.partition(" channel")[0]
        cells = [name, f"`{form.suffix}`", extra, types, channels, form.slices or "—", "yes" if form.windows else "—",
                 form.keeps or "—", form.otherwise or "—"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
