"""Files of measured values that are cut off, damaged or lie about their size: an ImageError, no other exception."""

import io
import random
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from values_files import LIBRARIES, dicom, nifti, numbers, of_geo

from translate.errors import UserError
from translate.image.source import ImageError
from translate.values import files
from translate.values.array import Values
from translate.values.formats import FORMATS


def attempts(path):
    """Everything that a reader is asked for; True if the file was read."""
    read = True
    for attempt in (files.header, files.read, lambda path: files.window(path, 10, 20, 30, 40)):
        try:
            attempt(path)
        except ImageError as error:
            read = False
            if len(str(error)) > 250 or "\n" in str(error):
                pytest.fail(str(error))
        except ValueError as error:
            if "no window of" not in str(error):  # of another size by its header
                raise
    return read


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_off_is_never_read(tmp_path, name):
    form, (make, _) = FORMATS[name], LIBRARIES[name]
    dtype = "uint16" if "uint16" in form.types else form.types[0]
    path = tmp_path / f"x{form.suffix}"
    make(path, numbers(dtype, form.channels[0]))
    data = path.read_bytes()
    assert attempts(path)
    for length in [*range(0, 600, 37), *range(600, len(data) - 64, max(1, len(data) // 24)), len(data) // 2]:
        path.write_bytes(data[:length])
        assert not attempts(path), length


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_bytes_raise_nothing_else(tmp_path, name):
    form, (make, _) = FORMATS[name], LIBRARIES[name]
    make(tmp_path / f"x{form.suffix}", numbers(form.types[0], form.channels[0]))
    data = (tmp_path / f"x{form.suffix}").read_bytes()
    chance = random.Random(name)
    for number in range(40):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 4])):
            end = min(len(damaged), chance.choice([200, 1000, len(damaged)]))
            damaged[chance.randrange(end)] = chance.choice([0, 1, 127, 255, chance.randrange(256)])
        path = tmp_path / f"{number % 5}{form.suffix}"
        path.write_bytes(damaged)
        attempts(path)


def test_an_npz_that_declares_too_much_is_refused_before_it_is_unpacked(tmp_path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (40_000, 60_000)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", head.getvalue() + b"\0" * (50 << 20))
    with pytest.raises(ImageError, match="truncated"):
        files.read(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", first=np.zeros((70, 70)), second=np.zeros((70, 70)))
    with pytest.raises(ImageError, match=r"2 arrays \(first, second\): one array, or one named image or data, is read"):
        files.read(tmp_path / "y.npz")


def test_pickles_are_not_read(tmp_path):
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.save(tmp_path / "x.npy", np.array([[Evil()]], object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", image=np.array([[Evil()]], object))
    for name in ("x.npy", "x.npz"):
        with pytest.raises(ImageError):
            files.read(tmp_path / name)


@pytest.mark.parametrize(
    ("array", "says"),
    [(np.zeros((200, 90, 70), np.uint8), r"neither its first nor its last axis has at most 64 channels"),
     (np.zeros(5), r"\(H, W\), \(H, W, C\), \(C, H, W\)"), (np.zeros((70, 70), complex), "its numbers are complex128"),
     (np.full((70, 70), 1 << 40), "more than 32 bits"), (np.zeros((0, 70)), "has no picture in it")],
)  # fmt: skip
def test_arrays_that_are_no_images_are_one_sentence(tmp_path, array, says):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ImageError, match=says):
        files.read(tmp_path / "x.npy")


def test_more_pixels_than_allowed_are_refused_but_windows_are_not(tmp_path):
    """20,000 x 20,000 pixels of which almost none lies in the file."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(
        tmp_path / "x.tif",
        "w",
        driver="GTiff",
        height=20_000,
        width=20_000,
        count=1,
        dtype="uint16",
        tiled=True,
        SPARSE_OK=True,
        crs="EPSG:4326",
        transform=rasterio.Affine(1, 0, 0, 0, -1, 9),
    ) as file:
        file.write(np.full((9, 9), 5, np.uint16), 1, window=rasterio.windows.Window(12_000, 15_000, 9, 9))
    with pytest.raises(ImageError, match=r"20000 x 20000 pixels, more than the limit of 64,000,000 \(max_pixels\)"):
        files.read(tmp_path / "x.tif")
    assert files.header(tmp_path / "x.tif").windowed
    part = files.window(tmp_path / "x.tif", 14_999, 11_999, 20, 20)
    assert (part[1:10, 1:10] == 5).all()
    assert part.sum() == 81 * 5
    np.save(tmp_path / "x.npy", np.zeros((100, 100), np.uint8))
    with pytest.raises(ImageError, match="more than the limit of 5,000"):
        files.read(tmp_path / "x.npy", max_pixels=5000)


def test_headers_that_declare_too_much(tmp_path):
    dicom(tmp_path / "x.dcm", numbers("uint16", 1), NumberOfFrames=100_000)
    nifti(tmp_path / "x.nii", numbers("int16", 1))
    data = bytearray((tmp_path / "x.nii").read_bytes())
    struct.pack_into("<8h", data, 40, 3, 32767, 32767, 32767, 1, 1, 1, 1)
    (tmp_path / "x.nii").write_bytes(data)
    for name in ("x.dcm", "x.nii"):
        with pytest.raises(ImageError, match="truncated"):
            files.header(tmp_path / name)


def test_xml_in_a_tiff_has_no_entities(tmp_path):
    """A billion laughs in GDAL's metadata: left out, the picture is read."""
    tifffile = pytest.importorskip("tifffile")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><GDALMetadata><Item name="DESCRIPTION" sample="0" '
    bomb += 'role="description">&b;</Item></GDALMetadata>'
    tifffile.imwrite(
        tmp_path / "x.tif", numbers("uint8", 1)[..., 0], metadata=None, extratags=[(42112, 2, 0, bomb, True)]
    )
    assert files.read(tmp_path / "x.tif").names == ()


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.nii", "x.dcm", "x.npz", "x", "x.txt"])
def test_what_is_no_image_is_said_to_be_none(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello, this is text\n" * 99)
    assert files.kind_of(tmp_path / name) is None
    for content, says in ((None, "not an image"), (b"", "empty")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=says):
            files.read(tmp_path / name)
    with pytest.raises(ImageError, match="does not exist"):
        files.header(tmp_path / "nothing.tif")
    with pytest.raises(ImageError, match="a folder, not a file"):
        files.read(tmp_path)


def test_a_wrong_suffix_does_not_matter(tmp_path):
    for name, (make, _) in LIBRARIES.items():
        form = FORMATS[name]
        if name in ("NumPy, compressed", "NIfTI, compressed", "NIfTI", "TGA"):  # known by their suffixes
            continue
        array = numbers(form.types[0] if "uint16" not in form.types else "uint16", form.channels[0])
        make(tmp_path / f"x{form.suffix}", array)
        (tmp_path / f"x{form.suffix}").rename(tmp_path / "x")
        np.testing.assert_array_equal(files.read(tmp_path / "x").array, array)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.extra])
def test_without_the_extra_it_is_named(tmp_path, monkeypatch, name):
    form, (make, _) = FORMATS[name], LIBRARIES[name]
    make(tmp_path / f"x{form.suffix}", numbers("uint16", 1))
    found = files.read(tmp_path / f"x{form.suffix}")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImageError, match=rf"pip install 'imgtranslate\[{form.extra}\]' reads it"):
        files.header(tmp_path / f"x{form.suffix}")
    with pytest.raises(UserError, match=rf"^y{form.suffix} can't be written: .*imgtranslate\[{form.extra}\]"):
        files.encode(f"y{form.suffix}", found)


def test_no_library_of_an_extra_is_imported_before_it_is_needed():
    script = (
        "import sys, translate.values.files, translate.values.dicom, translate.values.nifti, translate.values.tiff\n"
    )
    script += "import translate.values.geo, translate.values.tiled, translate.values.series\n"
    script += (
        "print([name for name in ('tifffile', 'imagecodecs', 'rasterio', 'nibabel', 'pydicom') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    (tmp_path / "x.png").write_bytes(b"old")
    with pytest.raises(
        UserError, match=r"x\.png: \.png files hold 1 or 3 channels of uint8 or uint16, not 13 of float32"
    ):
        files.write(tmp_path / "x.png", Values(numbers("float32", 13)))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x.png", b"old")]
    with pytest.raises(UserError, match=r"x\.xyz: files of measured values are written as"):
        files.write(tmp_path / "x.xyz", Values(numbers("float32", 1)))


def test_pixels_without_a_value_come_back_as_such(tmp_path):
    """float32 with NaN for no value, through a network's levels."""
    from values_files import geo

    from translate.values.domain import DomainType

    array = numbers("float32", 2)
    array[5:9, 7:30] = np.nan
    geo(tmp_path / "x.tif", array)
    found = files.read(tmp_path / "x.tif")
    domain = DomainType(-1000, 3000, 2, "float32", nodata=found.nodata)
    found.array = domain.from_network(domain.to_network(found.array, found.nodata), found.nodata)
    files.write(tmp_path / "y.tif", found)
    np.testing.assert_array_equal(np.isnan(of_geo(tmp_path / "y.tif")[0]), np.isnan(array))
