"""NIfTI and DICOM: the libraries' own sample files, volumes with their affine, units, padding, series."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from values_files import dicom, numbers, of_dicom

from translate.errors import UserError
from translate.image.source import ImageError
from translate.values import files
from translate.values.array import Values
from translate.values.series import series

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")
NIFTI = Path(nibabel.__file__).parent / "tests" / "data"
DICOM = Path(pydicom.__file__).parent / "data" / "test_files"
VOLUMES = ["anatomical.nii", "functional.nii", "standard.nii.gz", "example_nifti2.nii.gz", "resampled_anat_moved.nii"]
READ = {  # of pydicom's files: (slices, channels, type, unit)
    "CT_small.dcm": (1, 1, "int16", "HU"), "MR_small.dcm": (1, 1, "int16", ""), "MR_small_RLE.dcm": (1, 1, "int16", ""),
    "MR_small_bigendian.dcm": (1, 1, "int16", ""), "MR_small_jp2klossless.dcm": (1, 1, "int16", ""),
    "MR_small_jpeg_ls_lossless.dcm": (1, 1, "int16", ""), "SC_rgb_jpeg_gdcm.dcm": (1, 3, "uint8", ""),
    "examples_ybr_color.dcm": (30, 3, "uint8", ""), "examples_palette.dcm": (1, 3, "uint8", ""),
    "rtdose.dcm": (15, 1, "uint32", ""), "JPGExtended.dcm": (1, 1, "uint16", ""),
    "liver_1frame.dcm": (1, 1, "uint8", ""),
    "SC_ybr_full_422_uncompressed.dcm": (1, 3, "uint8", ""),
}  # fmt: skip
REFUSED = {
    "MR_truncated.dcm": "truncated", "rtplan.dcm": "a DICOM file without a picture",
    "test-SR.dcm": "a DICOM file without a picture", "waveform_ecg.dcm": "a DICOM file without a picture",
    "badVR.dcm": "damaged", "no_meta.dcm": "not an image", "JPEG2000-embedded-sequence-delimiter.dcm": "damaged",
    "nested_priv_SQ.dcm": "a DICOM file without a picture", "image_dfl.dcm": "in Deflated Explicit VR",
}  # fmt: skip


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_volume_is_written_as_it_was_read(tmp_path, name, suffix):
    path = NIFTI / name
    slices = [files.read(path, number) for number in range(files.header(path).slices)]
    files.write(tmp_path / f"x{suffix}", slices[0], [one.array for one in slices])
    ours, theirs = nibabel.load(tmp_path / f"x{suffix}"), nibabel.load(path)
    np.testing.assert_array_equal(ours.get_fdata(dtype=np.float32), theirs.get_fdata(dtype=np.float32))
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    assert type(ours) is type(theirs)
    for field in ("pixdim", "qform_code", "sform_code", "xyzt_units", "descrip", "intent_code"):
        np.testing.assert_array_equal(ours.header[field], theirs.header[field])


def test_one_slice_lies_where_it_was_and_a_larger_one_covers_the_same(tmp_path):
    path = NIFTI / "anatomical.nii"
    found, theirs = files.read(path, 5), nibabel.load(path)
    files.write(tmp_path / "x.nii", found)
    ours = nibabel.load(tmp_path / "x.nii")
    np.testing.assert_allclose(ours.affine @ [3, 4, 0, 1], theirs.affine @ [3, 4, 5, 1], rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(ours.dataobj)[..., 0], np.asarray(theirs.dataobj)[..., 5])
    np.testing.assert_array_equal(found.array[2, 1, 0], np.asarray(theirs.dataobj)[1, 2, 5])
    found.array = found.array.repeat(2, 0).repeat(2, 1)
    files.write(tmp_path / "y.nii", found)
    corner = nibabel.load(tmp_path / "y.nii").affine @ [-0.5, -0.5, 0, 1]
    np.testing.assert_allclose(corner, theirs.affine @ [-0.5, -0.5, 5, 1], rtol=1e-5)


@pytest.mark.parametrize("name", READ)
def test_files_of_every_encoding_are_read_and_written_as_derived(tmp_path, name):
    slices, channels, dtype, unit = READ[name]
    header = files.header(DICOM / name)
    assert (header.slices, header.channels, header.dtype, header.unit) == (slices, channels, dtype, unit)
    read = [files.read(DICOM / name, number) for number in range(slices)]
    array = np.stack([one.array for one in read])
    assert (array.dtype, array.shape[1:]) == (dtype, (header.height, header.width, channels))
    files.write(tmp_path / "x.dcm", read[0], [one.array for one in read])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = pydicom.dcmread(tmp_path / "x.dcm"), pydicom.dcmread(DICOM / name)
        values = ours.pixel_array * float(ours.get("RescaleSlope", 1)) + float(ours.get("RescaleIntercept", 0))
        np.testing.assert_array_equal(values.reshape(array.shape), array)
        for element in ("PatientID", "StudyInstanceUID", "PixelSpacing", "ImagePositionPatient", "FrameOfReferenceUID"):
            assert ours.get(element) == theirs.get(element)
    assert list(ours.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert ours.SOPInstanceUID == ours.file_meta.MediaStorageSOPInstanceUID != theirs.SOPInstanceUID
    assert ours.get("SeriesInstanceUID") != theirs.get("SeriesInstanceUID")
    assert ours.SourceImageSequence[0].ReferencedSOPInstanceUID == theirs.SOPInstanceUID
    assert files.header(tmp_path / "x.dcm") == header


def test_hounsfield_units_are_those_of_pydicom():
    found = files.read(DICOM / "CT_small.dcm")
    np.testing.assert_array_equal(found.array, of_dicom(DICOM / "CT_small.dcm")[0])
    assert (found.unit, found.nodata) == ("HU", -2000 - 1024)


@pytest.mark.parametrize("name", REFUSED)
def test_files_without_a_picture_and_damaged_ones_are_named_so(name):
    with pytest.raises(ImageError, match=REFUSED[name]):
        files.read(DICOM / name)


@pytest.mark.parametrize("intercept", [-1024, 0])
def test_numbers_beyond_the_stored_bits_are_written_exactly(tmp_path, intercept):
    dicom(tmp_path / "x.dcm", numbers("uint16", 1) // 16, RescaleSlope=1, RescaleIntercept=intercept, Modality="CT",
          PixelPaddingValue=4000)  # fmt: skip
    found = files.read(tmp_path / "x.dcm")
    assert (found.nodata, found.unit) == (4000 + intercept, "HU")
    found.array = np.linspace(-3000, 30000, found.array.size).reshape(found.array.shape).astype(np.int16)
    found.array[:5, :5] = found.nodata
    files.write(tmp_path / "y.dcm", found)
    np.testing.assert_array_equal(of_dicom(tmp_path / "y.dcm")[0], found.array)
    again = files.read(tmp_path / "y.dcm")
    np.testing.assert_array_equal(again.array, found.array)
    assert again.nodata == found.nodata


def test_fractions_are_rounded_to_16_bits_and_what_has_no_value_stays_so(tmp_path):
    dicom(tmp_path / "x.dcm", numbers("uint16", 1))
    found = files.read(tmp_path / "x.dcm")
    made = Values(numbers("float32", 1), np.nan, "", (), found.kind, found.carried)
    made.array[7:9, 7:9] = np.nan
    files.write(tmp_path / "y.dcm", made)
    again = files.read(tmp_path / "y.dcm")
    absent = again.array == np.float32(again.nodata)
    np.testing.assert_array_equal(absent, np.isnan(made.array))
    assert np.abs(again.array - made.array)[~absent].max() <= 4000 / 65534 / 2 + 1e-3
    assert made.notes == ["rounded to 16 bits, in steps of 0.061"]


def test_white_is_low_only_without_a_unit(tmp_path):
    array = numbers("uint16", 1)
    for name, more in (("x", {}), ("hu", {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"})):
        dicom(tmp_path / f"{name}.dcm", array, PhotometricInterpretation="MONOCHROME1", **more)
    found = files.read(tmp_path / "x.dcm")
    np.testing.assert_array_equal(found.array, 65535 - array)
    np.testing.assert_array_equal(files.read(tmp_path / "hu.dcm").array, array)
    files.write(tmp_path / "y.dcm", found)
    written = pydicom.dcmread(tmp_path / "y.dcm")
    np.testing.assert_array_equal(written.pixel_array[..., None], array)
    assert written.PhotometricInterpretation == "MONOCHROME1"


def test_a_larger_image_covers_the_same_place(tmp_path):
    turned = [0, 1, 0, 0, 0, -1]
    dicom(tmp_path / "x.dcm", numbers("uint16", 1), ImageOrientationPatient=turned)
    found = files.read(tmp_path / "x.dcm")
    found.array = found.array.repeat(2, 0).repeat(4, 1)
    files.write(tmp_path / "y.dcm", found)
    written = pydicom.dcmread(tmp_path / "y.dcm")
    assert (written.Rows, written.Columns, list(written.PixelSpacing)) == (140, 360, [0.25, 0.0625])
    corners = []
    for one in (pydicom.dcmread(tmp_path / "x.dcm"), written):  # the corner of the first pixel, before its centre
        down, across = one.PixelSpacing
        half = np.array([0, 1, 0]) * across / 2 + np.array([0, 0, -1]) * down / 2
        corners.append(np.array(one.ImagePositionPatient) - half)
    np.testing.assert_allclose(*corners, atol=1e-6)


def test_damaged_elements_are_left_out_and_said(tmp_path):
    found = files.read(DICOM / "SC_rgb_jpeg.dcm")
    files.write(tmp_path / "x.dcm", found)
    assert found.notes[0] == "left out: the damaged element (0008,0023)"
    np.testing.assert_array_equal(pydicom.dcmread(tmp_path / "x.dcm").pixel_array, found.array)


def test_a_dicom_file_is_made_from_one_only(tmp_path):
    dicom(tmp_path / "x.dcm", numbers("uint16", 1))
    found = files.read(tmp_path / "x.dcm")
    with pytest.raises(UserError, match=r"y\.dcm can't be written: a DICOM file is made from a DICOM file only"):
        files.encode("y.dcm", Values(found.array))
    found.array = numbers("uint16", 4)
    with pytest.raises(UserError, match=r"1 channel, or 3 of 8 bits, not 4 of uint16"):
        files.encode("y.dcm", found)


def place_slices(folder, places, **elements):
    for number, place in enumerate(places):
        dicom(folder / f"{9 - number}", numbers("int16", 1, number), position=(0, 0, place), **elements)
    return sorted(folder.iterdir())


def test_a_series_is_sorted_by_place_and_stays_one_series(tmp_path):
    paths = place_slices(tmp_path, [7.5, 0, 5, 2.5])
    assert [path.name for path in series(paths)] == ["8", "6", "7", "9"]
    (tmp_path / "out").mkdir()
    for path in paths:
        files.write(tmp_path / "out" / path.name, files.read(path))
    written = [pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert len({one.SeriesInstanceUID for one in written}) == 1
    assert len({one.SOPInstanceUID for one in written}) == 4
    found = files.read(paths[0])
    found.carried["conversion"] = "another"
    assert pydicom.dcmread(_written(tmp_path, found)).SeriesInstanceUID != written[0].SeriesInstanceUID


def _written(folder, values):
    files.write(folder / "again.dcm", values)
    return folder / "again.dcm"


@pytest.mark.parametrize(
    ("places", "says"),
    [([0, 2, 4, 8, 10], r"4 mm apart and the others 2: 1 slice is missing"), ([0, 2, 2, 4], "lie at the same place"),
     ([0, 2, 4, 5, 7, 9], "they are uneven")],
)  # fmt: skip
def test_gaps_of_a_series_are_one_sentence(tmp_path, places, says):
    with pytest.raises(UserError, match=says):
        series(place_slices(tmp_path, places))


def test_two_series_or_sizes_in_a_folder_are_one_sentence(tmp_path):
    paths = place_slices(tmp_path, [0, 2, 4])
    dicom(tmp_path / "1", numbers("int16", 1, shape=(66, 66)), position=(0, 0, 6))
    with pytest.raises(UserError, match=r"1 has 66 x 66 pixels and 7 has 70 x 90"):
        series([tmp_path / "1", *paths])
    dicom(tmp_path / "1", numbers("int16", 1), SeriesInstanceUID="1.9")
    with pytest.raises(UserError, match="two series: put each series into a folder of its own"):
        series([*paths, tmp_path / "1"])
