"""Writes a DICOM file as the one that was read, marked as derived, with identifiers of its own and values in its unit.

DICOM PS3.3 C.7.6.1 (image type, derivation), C.11.1 (rescale), C.7.5.1.1.2 (padding). Pixels are not compressed.
"""

import copy
import io
import re
import uuid
from typing import Any, NamedTuple

import numpy as np

from translate.image.source import ImageError
from translate.values.array import Values
from translate.values.domain import is_nodata
from translate.values.numbers import as_image_error

CONVERSION = uuid.uuid4().hex  # of this process: see `encode`
STALE = (
    "SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "IconImageSequence",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "PlanarConfiguration", "PixelAspectRatio",
)  # fmt: skip
PADDING = 0x00280120
ORIENTATION = "ImageOrientationPatient"


class Stored(NamedTuple):
    """array * slope + intercept are the values. padding: the stored number for no value, or None."""

    array: np.ndarray
    slope: float
    intercept: float
    padding: int | None


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """The bytes of a file. slices: all frames of a file with several.

    The series' identifier is the same for all files of a series and of a conversion, which is this process or what
    values.carried["conversion"] says. ImageError where no DICOM file was read, or for numbers that it can't hold.
    """
    if values.kind != "dicom":
        raise ImageError("a DICOM file is made from a DICOM file only, whose patient, study and place it keeps")
    from pydicom.uid import ExplicitVRLittleEndian

    carried = values.carried
    array = np.stack(slices if slices is not None else [values.array])
    dataset = copy.deepcopy(carried["dataset"])
    for stale in STALE:
        if stale in dataset:
            delattr(dataset, stale)
    if array.shape[3] == 1:
        stored = numbers(values, array)
        _grey(dataset, stored, carried["meaning"].inverted)
    elif array.shape[3] == 3 and array.dtype == np.uint8:
        stored = Stored(array, 1, 0, None)
        dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.PlanarConfiguration = "RGB", 3, 0
        _bits(dataset, array.dtype)
    else:
        raise ImageError(f"a DICOM file holds 1 channel, or 3 of 8 bits, not {array.shape[3]} of {array.dtype.name}")
    _size(dataset, carried, array.shape)
    _frames(dataset, carried, len(array), slices is None)
    _identity(dataset, carried, one=slices is None)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content = np.ascontiguousarray(stored.array, stored.array.dtype.newbyteorder("<")).tobytes()
    dataset.add_new(
        0x7FE00010, "OB" if stored.array.dtype.itemsize == 1 else "OW", content + b"\0" * (len(content) % 2)
    )
    return _file(dataset, values.notes)


def _file(dataset: Any, notes: list[str]) -> bytes:
    """The bytes of a dataset. Elements that are damaged in the file that was read are left out, with a note each."""
    from pydicom import dcmwrite

    while True:
        buffer = io.BytesIO()
        with as_image_error():
            try:
                dcmwrite(buffer, dataset, enforce_file_format=True, implicit_vr=False, little_endian=True)
                return buffer.getvalue()
            except Exception as error:
                found = re.match(r"With tag \(([0-9a-fA-F]{4}), ?([0-9a-fA-F]{4})\)", str(error))
                tag = int(found[1] + found[2], 16) if found else 0
                if tag not in dataset or 0x00280000 <= tag < 0x00281060 or tag >> 16 == 0x7FE0:  # of the pixels
                    raise
                notes.append(f"left out: the damaged element ({found[1]},{found[2]})")  # type: ignore[index]
                del dataset[tag]


def numbers(values: Values, array: np.ndarray) -> Stored:
    """The stored numbers of (N, H, W, 1): with the file's own slope and intercept where these give the values exactly,
    else as integers, else as 16 bits from the lowest to the highest value."""
    meaning = values.carried["meaning"]
    absent = np.stack([is_nodata(image, values.nodata) for image in array])[..., None]
    present = np.where(absent, array.reshape(-1)[np.argmin(absent)], array).astype(np.float64)
    if not np.isfinite(present).all():
        raise ImageError("a DICOM file holds no NaN and no infinity")
    nodata = None if values.nodata is None or np.isnan(values.nodata) else values.nodata
    # The file's own numbers.
    own = np.dtype(f"{'i' if meaning.low < 0 else 'u'}{2 if meaning.high > 255 or array.itemsize > 1 else 1}")
    if meaning.high > 65535:
        own = np.dtype(f"{own.kind}4")
    stored = np.rint((present - meaning.intercept) / meaning.slope)
    same = (stored * meaning.slope + meaning.intercept).astype(array.dtype) == present.astype(array.dtype)
    if same.all() and _within(stored, own) and (meaning.padding is not None or values.nodata is None):
        if meaning.inverted:
            stored = meaning.low + meaning.high - stored
        if _within(stored, own):
            stored[absent] = meaning.padding or 0
            return Stored(stored.astype(own), meaning.slope, meaning.intercept, meaning.padding)
    # Integers as such.
    if (present == np.rint(present)).all():
        ends = (present.min(), present.max(), *([nodata] if nodata is not None else []))
        free = min(ends) - 1 if nodata is None and values.nodata is not None else None
        ends = (*ends, *([free] if free is not None else []))
        for kind, intercept in (("i2", 0.0), ("u2", float(min(ends))), ("i4", 0.0), ("u4", float(min(ends)))):
            if _within(np.array(ends) - intercept, np.dtype(kind)) and float(intercept).is_integer():
                padding = nodata if nodata is not None else free
                filled = np.where(absent, 0 if padding is None else padding, present) - intercept
                return Stored(filled.astype(kind), 1, intercept, None if padding is None else int(padding - intercept))
    # Fractions: 1 to 65535 between the extremes, 0 where there is no value.
    low, high = float(present.min()), float(present.max())
    slope = float(_short((high - low) / 65534 or 1.0))
    intercept = float(_short(low - slope))
    filled = np.where(absent, 0, np.clip(np.rint((present - intercept) / slope), 1, 65535))
    values.notes.append(f"rounded to 16 bits, in steps of {slope:.3g}")
    return Stored(filled.astype(np.uint16), slope, intercept, 0 if values.nodata is not None else None)


def _within(array: np.ndarray, dtype: np.dtype) -> bool:
    bounds = np.iinfo(dtype)
    return bool(array.min() >= bounds.min and array.max() <= bounds.max)


def _grey(dataset: Any, stored: Stored, inverted: bool) -> None:
    from pydicom.dataset import Dataset

    own = inverted and dataset.PhotometricInterpretation == "MONOCHROME1" and stored.slope == 1 and not stored.intercept
    dataset.PhotometricInterpretation = "MONOCHROME1" if own else "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    _bits(dataset, stored.array.dtype)
    if stored.padding is not None:
        dataset.add_new(PADDING, "SS" if stored.array.dtype.kind == "i" else "US", stored.padding)
    groups = [*(dataset.get("SharedFunctionalGroupsSequence") or ()),
              *(dataset.get("PerFrameFunctionalGroupsSequence") or ())]  # fmt: skip
    places: list[Any] = [group.PixelValueTransformationSequence[0] for group in groups
                         if group.get("PixelValueTransformationSequence")]  # fmt: skip
    if not places and (stored.slope, stored.intercept) == (1, 0) and "RescaleSlope" not in dataset:
        return
    for place in places or [dataset]:
        assert isinstance(place, Dataset)
        place.RescaleSlope = _short(stored.slope)
        place.RescaleIntercept = _short(stored.intercept)
        if "RescaleType" not in place and dataset.get("Modality") != "CT":
            place.RescaleType = "US"


def _bits(dataset: Any, dtype: np.dtype) -> None:
    dataset.BitsAllocated = dataset.BitsStored = 8 * dtype.itemsize
    dataset.HighBit = 8 * dtype.itemsize - 1
    dataset.PixelRepresentation = int(dtype.kind == "i")


def _size(dataset: Any, carried: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Rows and columns. Where the size has changed: the distance of pixels, and the place of the first one's centre."""
    dataset.Rows, dataset.Columns = shape[1:3]
    before = carried["size"]
    if before == shape[1:3]:
        return
    down, across = before[0] / shape[1], before[1] / shape[2]

    def scale(inside: Any, element: Any) -> None:
        if element.keyword == "PixelSpacing" and len(element.value or ()) == 2:
            element.value = [_short(float(element.value[0]) * down), _short(float(element.value[1]) * across)]

    spacing, place, turned = (dataset.get(name) for name in ("PixelSpacing", "ImagePositionPatient", ORIENTATION))
    if spacing and place and turned:
        row, column = np.array(turned[:3], float), np.array(turned[3:], float)
        shift = row * float(spacing[1]) * (across - 1) / 2 + column * float(spacing[0]) * (down - 1) / 2
        dataset.ImagePositionPatient = [_short(number) for number in np.array(place, float) + shift]
    dataset.walk(scale)


def _short(number: float) -> str:
    """At most 16 characters, as DICOM's decimal strings."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(number))


def _frames(dataset: Any, carried: dict[str, Any], count: int, one: bool) -> None:
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if one and groups and len(groups) > carried["frame"]:
        dataset.PerFrameFunctionalGroupsSequence = [groups[carried["frame"]]]
    if "NumberOfFrames" in dataset or count > 1:
        dataset.NumberOfFrames = count


def _identity(dataset: Any, carried: dict[str, Any], one: bool) -> None:
    """A derived image: its own identifiers, and what it was made from."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    conversion = str(carried.get("conversion", CONVERSION))
    before = str(dataset.get("SOPInstanceUID", "") or uuid.uuid4().hex)
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = dataset.get("SOPClassUID", ""), before
    if dataset.get("SOPClassUID") and dataset.get("SOPInstanceUID"):
        dataset.SourceImageSequence = [source]
    image_type = dataset.get("ImageType") or []
    rest = [image_type] if isinstance(image_type, str) else list(image_type)
    dataset.ImageType = ["DERIVED", "SECONDARY", *rest[2:]]
    frame = str(carried["frame"]) if one else ""
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[conversion, before, frame])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[conversion, str(dataset.get("SeriesInstanceUID", before))])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.DerivationDescription = "Translated from another image by a neural network (imgtranslate)"
