"""`translate convert` on volumes: slices with their neighbours, put together again with their place in the body."""

import numpy as np
import pytest
from test_convert import convert
from value_models import HU, value_model

import translate
from translate.model.slices import Slices
from translate.values.domain import DomainType

MR = DomainType(0, 4095, 1, "uint16", "", None)


@pytest.fixture
def run(monkeypatch, capsys):
    return lambda *words, code=0: convert(monkeypatch, capsys, *words, code=code)


def test_the_error_in_units_is_that_of_the_written_files(run, tmp_path):
    """A CT-like pair: the mean absolute error between what was written and the truth, in HU, is the network's own."""
    nibabel = pytest.importorskip("nibabel")
    import torch

    model = value_model(tmp_path / "m.safetensors", MR, HU, norm="instance")
    random = np.random.default_rng(0)
    volume = random.integers(0, 4096, (24, 20, 5)).astype(np.uint16)
    truth = random.integers(-1024, 3072, (24, 20, 5)).astype(np.int16)
    (tmp_path / "in").mkdir()
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([1, 1, 2, 1.0])), tmp_path / "in" / "mr.nii.gz")
    run(model, tmp_path / "in", tmp_path / "out")
    written = nibabel.load(tmp_path / "out" / "mr.nii.gz")
    assert written.get_data_dtype() == np.int16
    error = np.abs(np.asarray(written.dataobj).astype(float) - truth).mean()
    network = translate.load(model).engine.network
    with torch.no_grad():
        slices = torch.from_numpy(volume.transpose(2, 1, 0)[:, None].astype(np.float32)) / 2047.5 - 1
        outputs = torch.cat([network(one[None]) for one in slices])[:, 0].numpy()
    by_hand = np.abs(np.rint((outputs + 1) * 2047.5 - 1024).transpose(2, 1, 0) - truth).mean()
    assert error == pytest.approx(by_hand, abs=0.02)


def test_a_volume_is_put_together_again_with_its_affine(run, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    model = value_model(tmp_path / "m.safetensors", HU, HU, same=True, near=1)
    affine = np.array([[0.7, 0.1, 0, -90], [-0.1, 0.7, 0, 12], [0, 0, 2.5, 300], [0, 0, 0, 1]])
    volume = np.random.default_rng(0).integers(-1024, 3072, (18, 16, 7)).astype(np.int16)
    (tmp_path / "in").mkdir()
    nibabel.save(nibabel.Nifti1Image(volume, affine), tmp_path / "in" / "ct.nii.gz")
    run(model, tmp_path / "in", tmp_path / "out")
    result = nibabel.load(tmp_path / "out" / "ct.nii.gz")
    np.testing.assert_array_equal(result.affine, nibabel.load(tmp_path / "in" / "ct.nii.gz").affine)
    expected = (np.tanh((volume + 1024) / 2047.5 - 1) + 1) * 2047.5 - 1024
    np.testing.assert_allclose(np.asarray(result.dataobj), expected, atol=0.51)
    alone = translate.load(model)(tmp_path / "in" / "ct.nii.gz")
    assert np.array_equal(alone[..., 0].transpose(2, 1, 0), np.asarray(result.dataobj))


def write_series(folder, count: int, names: str = "IM{:04}") -> np.ndarray:
    """A CT series with files in another order than its slices; (slices, H, W) in HU."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True)
    volume = np.random.default_rng(0).integers(-1000, 3000, (count, 16, 12)).astype(np.int16)
    study = {"SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
    for place in range(count):
        file = Dataset()
        file.file_meta = FileMetaDataset()
        file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = CTImageStorage
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
        for name, value in {
            **study, "PatientName": "A^B", "Modality": "CT", "Rows": 16, "Columns": 12, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": 0, "RescaleSlope": 1, "RescaleIntercept": -1024, "InstanceNumber": place + 1,
            "ImagePositionPatient": [0, 0, 2.5 * place], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [0.7, 0.7], "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        }.items():  # fmt: skip
            setattr(file, name, value)
        file.PixelData = (volume[place].astype(int) + 1024).astype("<u2").tobytes()
        file.save_as(folder / names.format((place * 3) % count), enforce_file_format=True)
    return volume


@pytest.mark.parametrize("near", [0, 1])
def test_a_dicom_series_becomes_a_series(run, tmp_path, near):
    """One new series of derived files, at the same places; neighbours are those of the body, not of the names."""
    pydicom = pytest.importorskip("pydicom")
    kind = DomainType(-1024, 3071, 1, "int16", "HU")
    model = value_model(tmp_path / "m.safetensors", kind, kind, near=near, norm="none", downs=0, blocks=0)
    volume = write_series(tmp_path / "in" / "ct", 5)
    (tmp_path / "in" / "README").write_text("mine")
    said = run(model, tmp_path / "in", tmp_path / "out")
    assert "5 images" in said
    assert "passed over" in said
    network = translate.load(model)
    written = sorted(
        (pydicom.dcmread(path) for path in (tmp_path / "out" / "ct").iterdir()), key=lambda one: one.InstanceNumber
    )
    old = pydicom.dcmread(tmp_path / "in" / "ct" / "IM0000")
    assert len({file.SeriesInstanceUID for file in written} | {old.SeriesInstanceUID}) == 2
    assert len({file.SOPInstanceUID for file in written}) == 5
    for place, file in enumerate(written):
        assert file.ImagePositionPatient == [0, 0, 2.5 * place]
        assert file.ImageType[0] == "DERIVED"
        at = [min(max(place + step, 0), 4) for step in range(-near, near + 1)]
        expected = network(volume[at].transpose(1, 2, 0))[..., 0]
        found = file.pixel_array * float(file.RescaleSlope) + float(file.RescaleIntercept)
        np.testing.assert_allclose(found, expected, atol=1)
    assert "5 unchanged" in run(model, tmp_path / "in", tmp_path / "out")
    run(model, tmp_path / "in", tmp_path / "npy", "--format", "npy")
    assert sorted(path.name for path in (tmp_path / "npy" / "ct").iterdir())[0] == "IM0000.npy"


def test_a_gap_in_a_series_matters_where_neighbours_do(run, tmp_path):
    pytest.importorskip("pydicom")
    kind = DomainType(-1024, 3071, 1, "int16", "HU")
    write_series(tmp_path / "in", 5)
    (tmp_path / "in" / "IM0004").unlink()
    model = value_model(tmp_path / "m.safetensors", kind, kind, near=1)
    said = run(model, tmp_path / "in", tmp_path / "out", code=2)
    assert "1 slice is missing; a volume needs even slices" in said


def test_the_first_and_the_last_slice_are_their_own_neighbours(tmp_path):
    model = value_model(tmp_path / "m.safetensors", MR, MR, near=1)
    volume = np.stack([np.full((8, 8), 100 * number, np.uint16) for number in range(3)])[..., None]
    np.save(tmp_path / "v.npy", volume)
    types = translate.load(model).measured
    seen = [x[0, 0].round(4).tolist() for x, _ in Slices(tmp_path / "v.npy", types).inputs()]
    zero, one, two = (round(float(np.float32(v / 2047.5 - 1)), 4) for v in (0, 100, 200))
    np.testing.assert_allclose(seen, [[zero, zero, one], [zero, one, two], [one, two, two]], atol=1e-4)
