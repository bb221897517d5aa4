"""One range for a domain: found over all of its files, said, recorded, used for converting; never one file's own."""

import io
import json

import numpy as np
import pytest
from data_folders import opened
from small import run_verb, tiny_model
from test_convert import convert

import translate
from translate.data import DataSettings, description
from translate.errors import UserError
from translate.image import picture, rgb8, tiff_write
from translate.image.picture import Picture
from translate.image.raw import Extremes, common_range

RAMP = np.linspace(0, 1, 20 * 30).reshape(20, 30, 1)


def floats(path, low: float, high: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiff_write.encode((RAMP * (high - low) + low).astype(np.float32), {}))


def spans(description) -> dict:
    """Domain → the ends of its range, None for pictures of 8 bits."""
    return {side: found and (found["low"], found["high"]) for side, found in description["values"].items()}


def integers(path, high: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture.encode(Picture(np.rint(RAMP * high).astype(np.uint16)), ".png")[0])


@pytest.mark.parametrize(("first", "second"), [(1, 1.02), (255, 260), (0.99, 1.01)])
def test_a_value_just_over_a_border_changes_little(tmp_path, first, second):
    means = []
    for number, high in enumerate((first, second)):
        floats(tmp_path / f"{number}.tif", 0, high)
        used, seen = picture.read(tmp_path / f"{number}.tif"), rgb8.read(tmp_path / f"{number}.tif")
        means += [used.colours.mean(), seen.mean() / 255]
    assert max(means) - min(means) < 0.03
    assert any("lowest and highest value" in note for note in used.notes) == (second > 1)


@pytest.mark.parametrize(
    ("found", "span"),
    [
        ([("16-bit integers", 3, 4000), ("16-bit integers", 0, 4095)], (0, 4095)),
        ([("16-bit integers", 3, 4096)], (0, 8191)),
        ([("16-bit integers", 0, 65000)], (0, 65535)),
        ([("16-bit integers", 0, 0)], (0, 1)),
        ([("floats", 0.1, 0.8), ("floats", 0.2, 0.4)], (0, 1)),
        ([("floats", -3, 0.8), ("floats", 0.2, 1400)], (-3, 1400)),
        ([("integers", -1024, 10), ("integers", -900, 3000)], (-1024, 3000)),
        ([], None),
        ([None, None], None),
    ],
)
def test_the_range_of_many_files(found, span):
    assert common_range([one and Extremes(*one, "x") for one in found], "range_a=") == span


def test_a_domain_has_one_range_which_is_said_and_recorded(tmp_path):
    for number, high in enumerate((1000, 2000, 4095, 3000)):
        integers(tmp_path / "a" / f"{number}.png", high)
        floats(tmp_path / "b" / f"{number}.tif", -5, 10 * number)
    said: list[str] = []
    data = opened(tmp_path / "a", tmp_path / "b", DataSettings(size=(20, 30), load=1), said=said)
    assert "a: 4 images hold 16-bit integers, from 0 to 4095" in said
    assert any(line.startswith("a: measured values, uint16, 1 channel; the networks see 0:4095 as") for line in said)
    assert any(line.startswith("b: measured values, float32, 1 channel; the networks see -5:30 as") for line in said)
    assert spans(description.values(data)) == {"a": (0, 4095), "b": (-5, 30)}
    assert description.record(data)["a"]["type"] == description.values(data)["values"]["a"]
    brightest = {item.key: data.domains[0].train[i].max() for i, item in enumerate(data.train_a)}
    for key, high in zip("0123", (1000, 2000, 4095, 3000), strict=True):
        assert key not in brightest or brightest[key] == np.float32(high / 4095 * 2 - 1)


def test_a_setting_decides_and_files_of_eight_bits_have_none(tmp_path):
    for number in range(4):
        integers(tmp_path / "a" / f"{number}.png", 1000)
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / f"{number}.png").write_bytes(rgb8.to_png((RAMP * 200).astype(np.uint8)))
    data = opened(tmp_path / "a", tmp_path / "b", DataSettings(size=(20, 30), load=1, range_a="0:2000"))
    assert spans(description.values(data)) == {"a": (0, 2000), "b": None}
    assert data.domains[0].train[0].max() == 0
    assert data.domains[1].train[0].max() == 200
    assert "type" not in description.record(data)["b"]


def test_floats_beside_integers_need_a_range(tmp_path):
    for number in range(3):
        integers(tmp_path / "a" / f"{number}.png", 1000)
        integers(tmp_path / "b" / f"{number}.png", 1000)
    floats(tmp_path / "a" / "x.tif", 0, 1)
    with pytest.raises(UserError, match=r"holds floats.*no one range fits both.*data\.range_a=LOW:HIGH"):
        opened(tmp_path / "a", tmp_path / "b", paired=False)


@pytest.mark.parametrize("wrong", ["1", "a:b", "5:5", "9:1", "0:nan", "0:inf"])
def test_a_wrong_range_is_one_sentence(wrong):
    with pytest.raises(UserError, match=r"range_a.*0:4095"):
        DataSettings.parse({"range_a": wrong}, "test")


@pytest.fixture(scope="module")
def valued(tmp_path_factory):
    """A network that changes nothing, trained from 12-bit integers to floats of -1000 to 3000."""
    values = {"values": {"a": [0, 4095], "b": [-1000, 3000]}}
    path = tmp_path_factory.mktemp("valued") / "m.safetensors"
    return tiny_model(path, init_gain=1e-12, residual=True, channels=(1, 1), description=values)


def test_the_models_range_is_used_for_converting(valued, tmp_path, monkeypatch, capsys):
    """Two files of which one reaches half of the range come out with the values that they stand for."""
    for name, high in (("whole", 4095), ("half", 2048)):
        integers(tmp_path / "in" / f"{name}.png", high)
    said = convert(monkeypatch, capsys, valued, tmp_path / "in", tmp_path / "out", "--format", "tif")
    assert "0:4095 are black and white" in said
    for name, high in (("whole", 4095), ("half", 2048)):
        data = (tmp_path / "out" / f"{name}.tif").read_bytes()
        found = picture.in_values(picture.parse(data, values=(-1000, 3000))).colours
        np.testing.assert_allclose(found, np.rint(RAMP * high) / 4095 * 4000 - 1000, atol=0.3)


def test_arrays_hold_the_models_values(valued):
    t = translate.load(valued)
    array = np.rint(RAMP * 4095).astype(np.uint16)
    np.testing.assert_allclose(t(array), array / 4095 * 4000 - 1000, atol=0.3)
    np.testing.assert_allclose(t(array.astype(np.float32)), array / 4095 * 4000 - 1000, atol=0.3)
    with pytest.raises(UserError, match=r"lie in \[0, 4095\]; this one's go from 0 to 65535"):
        t((RAMP * 65535).astype(np.uint16))


def test_without_a_models_range_all_float_files_of_a_conversion_share_one(tmp_path, monkeypatch, capsys):
    model = tiny_model(tmp_path / "m.safetensors", init_gain=1e-12, residual=True, channels=(1, 1))
    for name, high in (("a", 1.0), ("b", 1.5)):
        floats(tmp_path / "in" / f"{name}.tif", 0, high)
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out")
    assert "0:1.5 are black and white" in said
    assert json.loads((tmp_path / "out" / "report.json").read_text())["values"] == [0, 1.5]
    for name, high in (("a", 1.0), ("b", 1.5)):
        found = picture.in_values(picture.read(tmp_path / "out" / f"{name}.tif", values=(0, 1.5)))
        np.testing.assert_allclose(found.colours, RAMP * high, atol=1e-5)
    said = convert(monkeypatch, capsys, model, tmp_path / "in", tmp_path / "out2", "--range", "0:1")
    assert "1 of them: values outside 0:1 were cut off" in said
    code, _, err = run_verb(monkeypatch, capsys, "convert", model, tmp_path / "in", tmp_path / "o", "--range", "1")
    assert code == 2
    assert "--range must be two numbers" in err


def test_a_training_gives_its_range_to_the_generator(tmp_path, monkeypatch, capsys):
    for number in range(4):
        integers(tmp_path / "a" / f"{number}.png", 4095 - number)
        floats(tmp_path / "b" / f"{number}.tif", -5, 20)
    words = ["--size", "16", "--images", "4", "--set", "generator.filters=4", "--set", "discriminator.filters=4"]
    code, out, err = run_verb(
        monkeypatch, capsys, "train", "--mode", "pix2pix", "--a", tmp_path / "a", "--b", tmp_path / "b", *words,
        "--set", "generator.depth=3", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, out + err
    found = json.loads((tmp_path / "run" / "data.json").read_text())["b"]["type"]
    assert (found["low"], found["high"]) == (-5, 20)
    assert spans(translate.load(tmp_path / "run").description) == {"a": (0, 4095), "b": (-5, 20)}


TENSOR = np.full((3, 16, 16), 255, np.uint8)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda torch: TENSOR.transpose(1, 2, 0).astype(np.float32),
            r"\[0, 1\]; this one's go from 255 to 255 \(divide",
        ),
        (lambda torch: np.full((9, 9), -0.5, np.float32), r"\[0, 1\]; this one's go from -0.5"),
        (lambda torch: np.full((9, 9), np.nan, np.float32), "the image that was given holds NaN"),
        (lambda torch: np.zeros((0, 5, 3), np.uint8), r"empty: its shape is \(0, 5, 3\)"),
        (lambda torch: torch.full((3, 9, 9), 255.0), r"a float tensor lie in \[-1, 1\]"),
        (lambda torch: torch.full((3, 9, 9), float("inf")), "NaN or infinity"),
        (lambda torch: torch.linspace(0, 1, 243).reshape(3, 9, 9), r"exactly 0 upwards.*x \* 2 - 1"),
        (lambda torch: torch.zeros(2, 3, 9, 9), r"not float32 of \(2, 3, 9, 9\); `batch` takes"),
        (lambda torch: torch.zeros(3, 9, 9, dtype=torch.int64), "not int64"),
        (lambda torch: torch.zeros(3, 0, 9), "empty"),
    ],
)
def test_what_lies_outside_of_its_range_is_one_sentence(tmp_path, make, says):
    torch = pytest.importorskip("torch")
    t = translate.load(tiny_model(tmp_path / "m.safetensors"))
    with pytest.raises(UserError, match=says):
        t(make(torch))


def test_integer_tensors_are_scaled_by_their_own_peak(tmp_path):
    torch = pytest.importorskip("torch")
    t = translate.load(tiny_model(tmp_path / "m.safetensors"))
    array = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    want = t(array) / 127.5 - 1
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    np.testing.assert_allclose(t(tensor).permute(1, 2, 0), want, atol=1e-6)
    deep = t((tensor.int() * 257).to(torch.uint16)).permute(1, 2, 0)
    np.testing.assert_allclose(deep, want, atol=1 / 127)
    np.testing.assert_allclose(t(tensor / 127.5 - 1).permute(1, 2, 0), want, atol=1 / 127)


def test_a_pil_image_of_wide_integers_is_seen():
    from PIL import Image

    wide = Image.fromarray((RAMP[..., 0] * 255).astype(np.int32))
    assert picture.of_pil(wide).colours.mean() == pytest.approx(0.5, abs=0.01)
    buffer = io.BytesIO()
    wide.save(buffer, "TIFF")
    assert picture.parse(buffer.getvalue()).colours.mean() == pytest.approx(0.5, abs=0.01)


def test_twelve_bits_in_a_file_of_sixteen_are_said_to_be_nearly_black(tmp_path):
    integers(tmp_path / "x.png", 4095)
    assert any("--range 0:4095" in note for note in picture.read(tmp_path / "x.png").notes)
    assert picture.read(tmp_path / "x.png", values=(0, 4095)).notes == []
