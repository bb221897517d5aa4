"""DICOM, through pydicom: a file's frames as slices, in the unit of its rescale slope and intercept (HU for CT).

Compressed pixels are decoded by pydicom, or by imagecodecs where pydicom can't: JPEG lossless and extended, JPEG-LS.
"""

import functools
import logging
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from translate.image.source import ImageError
from translate.values.array import Header, Values
from translate.values.numbers import as_image_error, kept, kept_type, need, opened, refuse_size, the_slice, version

logging.getLogger("pydicom").addHandler(logging.NullHandler())  # else what it logs is printed
logging.getLogger("pydicom").propagate = False
warnings.filterwarnings("ignore", module=r"pydicom\.")
FALLBACK = {"50": "jpeg8", "51": "jpeg8", "57": "jpeg8", "70": "jpeg8", "80": "jpegls", "81": "jpegls",
            "90": "jpeg2k", "91": "jpeg2k"}  # fmt: skip
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
TYPES = ("int16", "uint16", "int32", "uint32")


class Meaning(NamedTuple):
    """From stored numbers to values: inverted (low + high - stored) first, then stored * slope + intercept.

    low, high: of the stored numbers by their bits. padding: the stored number that stands for no value, or None.
    """

    slope: float
    intercept: float
    inverted: bool
    low: int
    high: int
    padding: int | None
    dtype: str

    def value(self, stored: Any) -> Any:
        return ((self.low + self.high - stored) if self.inverted else stored) * self.slope + self.intercept

    @property
    def nodata(self) -> float | None:
        return None if self.padding is None else float(self.value(self.padding))


def header(path: Path) -> Header:
    dataset = _dataset(path)
    height, width, frames, channels = _shape(dataset)
    refuse_size(height, width, channels, None)
    meaning = _meaning(dataset, 0)
    return Header(height, width, channels, meaning.dtype, frames, meaning.nodata, _unit(dataset))


def read(path: Path, slice: int, max_pixels: int) -> Values:
    dataset = _dataset(path)
    height, width, frames, channels = _shape(dataset)
    refuse_size(height, width, channels, max_pixels)
    the_slice(slice, frames)
    stored = _stored(path, dataset, slice)
    if stored.shape != (height, width, channels):
        raise ImageError("damaged (its pixels are of another size than its header says)")
    meaning, notes = _meaning(dataset, slice), []
    if meaning.dtype == "float32":
        array = kept(stored, []).astype(np.float64)
        array = meaning.value(array).astype(np.float32)
    elif (meaning.slope, meaning.intercept, meaning.inverted) == (1, 0, False):
        array = stored.astype(meaning.dtype, copy=False)
    else:
        values, bounds = meaning.value(stored.astype(np.int64)).astype(np.int64), np.iinfo(meaning.dtype)
        if values.size and (values.min() < bounds.min or values.max() > bounds.max):
            notes.append("values of more bits than its header says were cut off")
        array = values.clip(bounds.min, bounds.max).astype(meaning.dtype)
    if meaning.inverted:
        notes.append("inverted: a MONOCHROME1 file shows its lowest numbers white")
    if "PixelPaddingRangeLimit" in dataset:
        notes.append("only its padding value counts as no value, not the range up to its limit")
    carried = {"dataset": dataset, "meaning": meaning, "frame": slice, "frames": frames, "size": (height, width)}
    return Values(np.ascontiguousarray(array), meaning.nodata, _unit(dataset), (), "dicom", carried, notes)


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """See dicom_write."""
    need("medical", "a DICOM file", "pydicom")
    from translate.values import dicom_write

    return dicom_write.encode(name, values, slices)


def _dataset(path: Path) -> Any:
    need("medical", "a DICOM file", "pydicom")
    return _headed(*version(path))


@functools.lru_cache(256)
def _headed(path: str, size: int, time: int) -> Any:
    """A file's elements before its pixels."""
    import pydicom

    opened(path).close()
    with as_image_error():
        syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax is not None and syntax.is_deflated:  # which pydicom inflates without a limit
            raise ImageError(f"of a kind that can't be read here (a DICOM file in {syntax.name})")
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if "Rows" not in dataset or "Columns" not in dataset:
            raise ImageError("a DICOM file without a picture")
        if "ModalityLUTSequence" in dataset:
            raise ImageError("of a kind that can't be read here (a DICOM file with a modality lookup table)")
        height, width, frames, _ = _shape(dataset)
        needed = height * width * frames * int(dataset.BitsAllocated) // 8
        if not dataset.file_meta.TransferSyntaxUID.is_compressed and needed > size:
            raise ImageError("truncated")
        return dataset


def _shape(dataset: Any) -> tuple[int, int, int, int]:
    """(height, width, frames, channels). ImageError for colours that aren't read."""
    with as_image_error():
        channels, colours = int(dataset.get("SamplesPerPixel", 1)), str(dataset.get("PhotometricInterpretation", ""))
        known = {1: (*GREY, "PALETTE COLOR"), 3: COLOUR}.get(channels, ())
        if colours not in known:
            raise ImageError(f"of a kind that can't be read here (a DICOM file in {colours or 'unknown'} colours)")
        frames = max(1, int(dataset.get("NumberOfFrames") or 1))
        return int(dataset.Rows), int(dataset.Columns), frames, 3 if colours == "PALETTE COLOR" else channels


def _stored(path: Path, dataset: Any, frame: int) -> np.ndarray:
    """(H, W, C) of the stored numbers; colours as RGB."""
    from pydicom import pixels

    with as_image_error():
        try:
            array = pixels.pixel_array(path, index=frame)
        except Exception as error:
            code = str(dataset.file_meta.TransferSyntaxUID).removeprefix("1.2.840.10008.1.2.4.")
            if code not in FALLBACK:
                if "less than expected" in str(error) or "cannot reshape" in str(error):
                    raise ImageError("truncated") from error
                if "required element" in str(error) or isinstance(error, AttributeError):
                    raise ImageError("a DICOM file without a picture") from error
                raise
            array = _by_imagecodecs(path, dataset, frame, FALLBACK[code])
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            array = pixels.apply_color_lut(array, dataset)[..., :3]
            array = (array >> 8).astype(np.uint8) if array.dtype.itemsize > 1 else array
    return array[..., None] if array.ndim == 2 else array


def _by_imagecodecs(path: Path, dataset: Any, frame: int, codec: str) -> np.ndarray:
    need("medical", f"a DICOM file in {dataset.file_meta.TransferSyntaxUID.name}", "imagecodecs")
    import imagecodecs
    import pydicom
    from pydicom.encaps import get_frame

    whole = pydicom.dcmread(path)
    if "PixelData" not in whole:
        raise ImageError("a DICOM file without a picture")
    data = get_frame(whole.PixelData, frame, number_of_frames=_shape(dataset)[2])
    array = getattr(imagecodecs, f"{codec}_decode")(data)
    if dataset.get("PixelRepresentation") and array.dtype.kind == "u":  # the sign is the highest of the stored bits
        unused = 8 * array.dtype.itemsize - int(dataset.BitsStored)
        array = (array << unused).view(array.dtype.str.replace("u", "i")) >> unused
    return array


def _meaning(dataset: Any, frame: int) -> Meaning:
    with as_image_error():
        if str(dataset.PhotometricInterpretation) not in GREY:
            bits = 8 if dataset.PhotometricInterpretation == "PALETTE COLOR" else int(dataset.BitsAllocated)
            return Meaning(1, 0, False, 0, (1 << bits) - 1, None, kept_type(np.dtype(f"uint{bits}")).name)
        source = _transformation(dataset, frame)
        slope, intercept = float(source.get("RescaleSlope", 1)), float(source.get("RescaleIntercept", 0))
        bits, allocated = int(dataset.get("BitsStored", dataset.BitsAllocated)), max(8, int(dataset.BitsAllocated))
        signed = bool(dataset.get("PixelRepresentation", 0))
        low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1" and not _unit(dataset)
        padding = dataset.get("PixelPaddingValue")
        padding = None if padding is None else int(padding)
        found = Meaning(slope, intercept, inverted, low, high, padding, "float32")
        if slope == 1 and intercept == 0:
            return found._replace(dtype=kept_type(np.dtype(f"{'' if signed else 'u'}int{allocated}")).name)
        if slope == 1 and intercept.is_integer():
            ends = [int(found.value(end)) for end in (low, high, low if padding is None else padding)]
            if ends[2] >= np.iinfo(np.int16).min and _unit(dataset) == "HU":  # whatever the bits: none is as dense
                return found._replace(dtype="int16")
            for name in TYPES:
                if np.iinfo(name).min <= min(ends) and max(ends) <= np.iinfo(name).max:
                    return found._replace(dtype=name)
        return found


def _transformation(dataset: Any, frame: int) -> Any:
    """What holds the rescale slope: the dataset, or in enhanced files a functional group of all frames or of one."""
    for name, place in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame)):
        groups = dataset.get(name) or ()
        if len(groups) > place and groups[place].get("PixelValueTransformationSequence"):
            return groups[place].PixelValueTransformationSequence[0]
    return dataset


def _unit(dataset: Any) -> str:
    if "RescaleSlope" not in _transformation(dataset, 0):
        return ""
    named = str(_transformation(dataset, 0).get("RescaleType", "") or "").strip()
    if named and named != "US":  # unspecified
        return named
    return "HU" if dataset.get("Modality") == "CT" else str(dataset.get("Units", "") or "")
