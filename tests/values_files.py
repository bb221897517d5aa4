"""Files of measured values for tests: made and read by libraries other than the code under test uses for them where
there are two, with their metadata in one form."""

import numpy as np
import pytest

HEIGHT, WIDTH = 70, 90  # more than 64, so that neither is taken for channels


def numbers(dtype: str, channels: int, seed: int = 0, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """(H, W, C) that reach the ends of 0 to 65535, 0 to 255 or -1000 to 3000."""
    random = np.random.default_rng(seed)
    low, high = {"uint8": (0, 255), "uint16": (0, 65535), "int16": (-1024, 3071)}.get(dtype, (-1000, 3000))
    array = random.uniform(low, high, (*shape, channels))
    array.flat[0], array.flat[-1] = low, high
    return array.astype(dtype) if dtype == "float32" else np.rint(array).astype(dtype)


def tiff(path, array, **options):
    tifffile = pytest.importorskip("tifffile")
    planes = array[..., 0] if array.shape[2] == 1 else array
    rgb = array.shape[2] == 3 and array.dtype == np.uint8
    more = {} if array.shape[2] == 1 else {"planarconfig": "contig"}
    tifffile.imwrite(
        path, planes, photometric="rgb" if rgb else "minisblack", metadata=None, description="a field",
        resolution=(2540, 1270), resolutionunit=3, **more, **options,
    )  # fmt: skip


def big_tiff(path, array):
    tiff(path, array, bigtiff=True, tile=(32, 48), compression="zlib", predictor=True)


def geo(path, array, rotation=0.5, place="Point"):
    rasterio = pytest.importorskip("rasterio")
    nodata = {"uint8": 7, "uint16": 9, "int16": -9999}.get(array.dtype.name, np.nan)
    with rasterio.open(
        path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1], count=array.shape[2], dtype=array.dtype,
        crs="EPSG:32633", transform=rasterio.Affine(10, rotation, 5e5, rotation / 2, -10, 42e5), nodata=nodata,
        compress="lzw",
    ) as file:  # fmt: skip
        file.write(np.moveaxis(array, 2, 0))
        file.update_tags(AREA_OR_POINT=place, SENSOR="S2")
        for band in range(array.shape[2]):
            file.set_band_description(band + 1, f"B{band + 1}")
            file.set_band_unit(band + 1, "m")


def of_geo(path):
    """By GDAL."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(path) as file:
        tags = {name: text for name, text in file.tags().items() if not name.startswith("TIFFTAG_")}
        meta = (
            file.transform,
            file.crs.to_wkt() if file.crs else "",
            repr(file.nodata),
            file.descriptions,
            file.units,
            tags,
        )
        return np.moveaxis(file.read(), 0, 2), meta


def of_gdal_plain(path):
    """A TIFF without coordinates, by GDAL."""
    rasterio = pytest.importorskip("rasterio")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "has no geotransform"
        with rasterio.open(path) as file:
            found = file.tags()
            meta = {name: found.get(f"TIFFTAG_{name}") for name in ("XRESOLUTION", "YRESOLUTION", "IMAGEDESCRIPTION")}
            return np.moveaxis(file.read(), 0, 2), (meta, file.block_shapes, file.compression is None)


def jpeg2000(path, array):
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(path, "w", driver="JP2OpenJPEG", height=array.shape[0], width=array.shape[1],
                       count=array.shape[2], dtype=array.dtype, crs="EPSG:32633", QUALITY=100, REVERSIBLE=True,
                       transform=rasterio.Affine(10, 0, 5e5, 0, -10, 42e5)) as file:  # fmt: skip
        file.write(np.moveaxis(array, 2, 0))


def of_jpeg2000(path):
    """The numbers by OpenJPEG itself, the coordinates by GDAL."""
    imagecodecs = pytest.importorskip("imagecodecs")
    array = imagecodecs.jpeg2k_decode(path.read_bytes())
    return array.reshape(*array.shape[:2], -1), of_geo(path)[1]


def ome(path, array):
    tifffile = pytest.importorskip("tifffile")
    names = [f"stain {number}" for number in range(array.shape[2])]
    meta = {"axes": "CYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5,
            "PhysicalSizeYUnit": "µm", "Channel": {"Name": names}}  # fmt: skip
    tifffile.imwrite(path, np.moveaxis(array, 2, 0), photometric="minisblack", ome=True, metadata=meta)


def of_ome(path):
    import xml.etree.ElementTree as tree

    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffFile(path) as file:
        root = tree.fromstring(file.ome_metadata)
        pixels = next(node for node in root.iter() if node.tag.endswith("}Pixels"))
        sizes = {key: pixels.attrib.get(key) for key in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeXUnit", "Type")}
        names = [node.attrib.get("Name") for node in root.iter() if node.tag.endswith("}Channel")]
        return stacked(file.asarray(), file.series[0].axes), (sizes, names)


def imagej(path, array):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(path, np.moveaxis(array, 2, 0), imagej=True, photometric="minisblack", resolution=(4, 2),
                     metadata={"axes": "CYX", "unit": "um", "min": 1.0, "max": 99.0})  # fmt: skip


def of_imagej(path):
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffFile(path) as file:
        kept = {key: file.imagej_metadata.get(key) for key in ("unit", "min", "max")}
        tags = file.pages[0].tags
        return stacked(file.asarray(), file.series[0].axes), (kept, tags[282].value, tags[283].value)


def stacked(array, axes):
    return array[..., None] if axes == "YX" else np.moveaxis(array, axes.index("C"), -1)


AFFINE = np.array([[-1.5, 0.1, 0, 90], [0.1, 2, 0, -60], [0, 0, 3, 10], [0, 0, 0, 1.0]])


def nifti(path, array):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(array.transpose(1, 0, 2)[:, :, None], AFFINE)
    if array.shape[2] == 1:
        image = nibabel.Nifti1Image(array[..., 0].T[..., None], AFFINE)
    image.header["descrip"] = b"phantom"
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)


def of_nifti(path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(path)
    array = np.asarray(image.dataobj)
    head = image.header
    meta = (image.affine.tolist(), head.get_zooms()[:3], head["descrip"].item(), head.get_xyzt_units())
    return array.reshape(array.shape[0], array.shape[1], -1).transpose(1, 0, 2), meta


def dicom(path, array, position=(1.0, 2.0, 3.0), **elements):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = "1.2.3", "1.2", "MR"
    dataset.PatientName, dataset.ImageType = "Phantom^One", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PixelSpacing, dataset.ImagePositionPatient = [0.5, 0.25], list(position)
    dataset.ImageOrientationPatient, dataset.SliceThickness = [1, 0, 0, 0, 1, 0], 2
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = array.shape
    dataset.PhotometricInterpretation = "MONOCHROME2" if array.shape[2] == 1 else "RGB"
    if array.shape[2] == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * array.itemsize
    dataset.HighBit, dataset.PixelRepresentation = 8 * array.itemsize - 1, int(array.dtype.kind == "i")
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.PixelData = array.tobytes()
    dataset.save_as(path, enforce_file_format=True)


def of_dicom(path):
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(path)
    array = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    names = ("PatientName", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness",
             "StudyInstanceUID", "RescaleType", "Modality")  # fmt: skip
    return array.reshape(*array.shape[:2], -1), [str(dataset.get(name)) for name in names]


def npy(path, array):
    np.save(path, array if array.shape[2] > 1 else array[..., 0])


def of_npy(path):
    array = np.load(path)
    return array[..., None] if array.ndim == 2 else array, array.ndim


def npz(path, array):
    np.savez(path, image=np.moveaxis(array, 2, 0))


def of_npz(path):
    with np.load(path) as archive:
        return np.moveaxis(archive["image"], 0, 2), archive["image"].ndim


def by_pillow(path, array):
    """8 bits by Pillow, 16 bits by OpenCV."""
    from PIL import Image

    if array.dtype == np.uint8:
        image = Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)
        image.save(path, dpi=(120, 60), **({"lossless": True} if path.suffix == ".webp" else {}))
    else:
        import cv2

        assert cv2.imwrite(str(path), array[..., ::-1])


def of_pillow(path):
    import cv2
    from PIL import Image

    with Image.open(path) as image:
        dpi = image.info.get("dpi") if path.suffix in (".png", ".bmp") else None
        if path.suffix == ".tga":  # which OpenCV doesn't read
            array = np.asarray(image)
            return array.reshape(*array.shape[:2], -1), dpi
    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return array[..., None] if array.ndim == 2 else array[..., ::-1], dpi


# How each format of translate/values/formats.py is made, and read again with its metadata.
LIBRARIES = {
    "TIFF": (tiff, of_gdal_plain), "BigTIFF": (big_tiff, of_gdal_plain), "GeoTIFF": (geo, of_geo),
    "OME-TIFF": (ome, of_ome), "ImageJ stack": (imagej, of_imagej), "NIfTI": (nifti, of_nifti),
    "NIfTI, compressed": (nifti, of_nifti), "DICOM": (dicom, of_dicom), "JPEG 2000": (jpeg2000, of_jpeg2000),
    "NumPy": (npy, of_npy), "NumPy, compressed": (npz, of_npz),
    **dict.fromkeys(("PNG", "PGM", "PPM", "PFM", "WebP", "BMP", "TGA"), (by_pillow, of_pillow)),
}  # fmt: skip
