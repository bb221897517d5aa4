"""A model of measured values in Python: arrays of the domain's numbers in, arrays of the other domain's numbers out."""

import json

import numpy as np
import pytest
import torch
from small import tiny_model
from value_models import HU, ramp, value_model

import translate
from translate.errors import DAMAGED, UserError
from translate.model.description import check
from translate.values.domain import FILL, DomainType

METRES = DomainType(-100, 5000, 1, "float32", "m", float("nan"))
BANDS = DomainType(0, 10000, 13, "uint16", "", None, tuple(f"B{n}" for n in range(13)))
KINDS = [
    DomainType(0, 65535, channels, "uint16") for channels in (1, 2, 3, 4, 13, 64)
] + [DomainType(-1024, 3071, 1, "int16"), DomainType(0, 255, 5, "uint8"), DomainType(-3, 3, 2, "int8")]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.dtype}-{kind.channels}")
def test_integers_come_back_exactly_from_a_network_that_changes_nothing(tmp_path, kind):
    t = translate.load(value_model(tmp_path / "m.safetensors", kind, kind, same=True))
    array = ramp(40, 33, kind.channels, kind)
    result = t(array)
    assert result.dtype == array.dtype
    assert np.array_equal(result, array)
    assert (t.type_in, t.type_out) == (kind, kind)


def test_floats_come_back_to_a_rounding_of_the_range(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", METRES, METRES, same=True))
    array = ramp(50, 60, 1, METRES)
    np.testing.assert_allclose(t(array), array, rtol=0, atol=(5100 / 2) * 2**-23)
    assert t(array[..., 0]).shape == (50, 60), "an array without an axis of channels gives one without"
    np.testing.assert_array_equal(t(array.astype(np.float64)), t(array))


def test_units_and_dtype_change_from_domain_to_domain(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", HU, METRES, same=True))
    result = t(np.array([[-1024, 3071, 0]], np.int16))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[-100, 5000, -100 + 1024 / 4095 * 5100]], rtol=1e-5)


def test_pixels_without_data_stay_so_and_the_network_sees_what_it_saw_in_training(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", HU, METRES, norm="instance"))
    array = ramp(40, 40, 1, HU)
    holes = np.zeros((40, 40), bool)
    holes[5:20, 8:30] = True
    array[holes] = -2000
    result = t(array)
    assert np.array_equal(np.isnan(result[..., 0]), holes)
    levels = HU.to_network(array, -2000)
    levels[np.isnan(levels)] = FILL
    with torch.inference_mode():
        y = t.engine.run(torch.from_numpy(levels.transpose(2, 0, 1)[None]))[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(result[~holes], METRES.from_network(y, None)[~holes], atol=0.01)
    other = array.copy()
    other[holes] = 9999
    assert np.array_equal(t(other, nodata=9999), result, equal_nan=True)
    with pytest.raises(UserError, match=r"lie in \[-1024, 3071\]; this one's go from -3000"):
        t(np.full((8, 8), -3000, np.int16))


@pytest.mark.parametrize(
    ("target", "declared", "expected"),
    [
        (DomainType(0, 1, 1, "float32"), -9999, np.nan),
        (DomainType(0, 4095, 1, "uint16"), -9999, 0),
        (DomainType(0, 4095, 1, "int16"), -9999, -9999),
        (DomainType(0, 4095, 1, "int16"), np.nan, -32768),
        (DomainType(0, 4095, 1, "uint16", nodata=65535.0), -9999, 65535),
    ],
)
def test_the_number_for_no_value_in_an_output(tmp_path, target, declared, expected):
    source = DomainType(0, 100, 1, "float32")
    t = translate.load(value_model(tmp_path / "m.safetensors", source, target, same=True))
    array = np.full((8, 8), 0, np.float32)
    array[2, 3] = declared
    result = t(array, nodata=declared)
    np.testing.assert_equal(float(result[2, 3]), float(expected))
    hit = result == expected if np.isfinite(expected) else np.isnan(result)
    assert hit.sum() == 1, "no pixel with a value has that number"


def test_a_tensor_gives_a_tensor_of_the_domains_numbers(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", BANDS, BANDS, same=True))
    array = ramp(20, 30, 13, BANDS)
    result = t(torch.from_numpy(array.transpose(2, 0, 1).copy()))
    assert result.dtype == torch.uint16
    assert np.array_equal(result.numpy().transpose(1, 2, 0), array)


def test_one_side_may_be_pictures_of_eight_bits(tmp_path):
    heights = DomainType(0, 3000, 1, "float32", "m")
    t = translate.load(value_model(tmp_path / "m.safetensors", heights, None))
    picture = t(ramp(32, 32, 1, heights))
    assert (picture.dtype, picture.shape) == (np.uint8, (32, 32, 3))
    back = translate.load(value_model(tmp_path / "n.safetensors", None, heights))
    assert (back.type_in, back.type_out) == (None, heights)
    result = back(picture)
    assert (result.dtype, result.shape) == (np.float32, (32, 32, 1))
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        expected = (back.engine.network(x)[0, 0].numpy() + 1) * 1500
    np.testing.assert_allclose(result[..., 0], expected, atol=0.01)


def test_neighbouring_slices_are_channels(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", HU, HU, near=1, same=True))
    array = np.random.default_rng(0).integers(-1024, 3072, (16, 16, 3)).astype(np.int16)
    expected = (np.tanh((array[..., 1] + 1024) / 2047.5 - 1) + 1) * 2047.5 - 1024
    np.testing.assert_allclose(t(array)[..., 0], expected, atol=0.51)
    with pytest.raises(UserError, match=r"\(H, W, 3\) \(3 slices of 1 each\), not int16 of \(16, 16, 1\)"):
        t(array[..., :1])


def test_tiled_is_untiled(tmp_path):
    t = translate.load(value_model(tmp_path / "m.safetensors", HU, METRES, norm="instance"))
    array = ramp(100, 70, 1, HU)
    np.testing.assert_allclose(t(array, tile=32), t(array), atol=0.3)


@pytest.mark.parametrize(
    ("array", "rules", "says"),
    [
        (np.zeros((9, 9, 3), np.int16), {}, r"shape \(H, W\) or \(H, W, 1\), not int16 of \(9, 9, 3\)"),
        (np.zeros((9, 9), np.int64), {}, "integers of 8 to 32 bits or of floats, .* not int64"),
        (np.zeros((0, 9), np.int16), {}, "empty"),
        (np.full((9, 9), np.nan, np.float32), {}, "NaN or infinity"),
        (np.zeros((9, 9), np.int16), {"size": 8}, "--size is for pictures"),
        (np.zeros((9, 9), np.int16), {"grey": "colour"}, "--grey is for pictures"),
    ],
)
def test_what_the_model_cannot_take_is_one_sentence(tmp_path, array, rules, says):
    t = translate.load(value_model(tmp_path / "m.safetensors", HU, HU, same=True))
    with pytest.raises(UserError, match=says):
        t(array, **rules)


def test_nodata_has_no_meaning_for_a_model_of_pictures(tmp_path):
    t = translate.load(tiny_model(tmp_path / "m.safetensors"))
    with pytest.raises(UserError, match="trained on pictures of 8 bits"):
        t(np.zeros((9, 9, 3), np.uint8), nodata=0)


GOOD = {"low": -1024, "high": 3071, "channels": 1, "dtype": "int16", "unit": "HU", "nodata": "nan", "names": []}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"low": 5000}, "low must be smaller than high"),
        ({"dtype": "complex64"}, "dtype"),
        ({"channels": 65}, "channels"),
        ({"high": "3071"}, "high"),
        ({"nodata": "none"}, "nodata"),
        ({"neighbours": -1}, "neighbours"),
    ],
)
def test_a_wrong_type_in_a_file_is_refused_in_one_sentence(change, says):
    description = {"directions": {"a2b": {"network": "resnet", "arguments": {}}}}
    assert check({**description, "values": {"a": GOOD, "b": [0, 4095]}}, "m")
    with pytest.raises(UserError, match=says) as caught:
        check({**description, "values": {"a": {**GOOD, **change}}}, "m")
    assert caught.value.code == DAMAGED
    assert json.dumps(str(caught.value)).count("\\n") == 0


def test_channels_that_are_not_the_networks_are_refused(tmp_path):
    three = tiny_model(tmp_path / "m.safetensors", description={"values": {"a": GOOD, "b": None}})
    with pytest.raises(UserError, match="nor the values of its domains"):
        translate.load(three)
