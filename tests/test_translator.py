"""translate.load: any image of any size and kind in, the same size and kind out."""

import hashlib

import numpy as np
import pytest
import torch
from PIL import Image

import translate
import translate.system.files
from translate.errors import UserError
from translate.model.file import pack
from translate.model.torch_engine import to_image, to_input
from translate.model.translator import label_map
from translate.networks import GeneratorSettings, build_generator


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with one untrained two-way generator."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    settings = GeneratorSettings(filters=4, blocks=1, init_gain=0.3)
    arguments = settings.arguments(3, 3)
    entries = {
        d: (build_generator(settings, 3, 3), {"network": "resnet", "arguments": arguments, "from": d[0], "to": d[2]})
        for d in ("a2b", "b2a")
    }
    description = {"mode": "cycle", "background": [255, 255, 255], "size": [64, 64]}
    (folder / "generator.safetensors").write_bytes(pack(entries, description))
    return folder


@pytest.fixture(scope="module")
def t(run):
    return translate.load(run)


def picture(mode: str, size=(37, 21)) -> Image.Image:
    ramp = np.add.outer(np.arange(size[1]) * 5, np.arange(size[0]) * 3).astype(np.uint8)
    image = Image.merge("RGB", [Image.fromarray(np.roll(ramp, s, 1)) for s in (0, 5, 9)])
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(np.flip(ramp).copy()))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
@pytest.mark.parametrize("size", [(1, 1), (37, 21), (64, 64), (130, 67)])
def test_the_same_size_and_kind_come_back(t, mode, size):
    image = picture(mode, size)
    result = t(image)
    assert (result.size, result.mode) == (image.size, image.mode)
    if mode in ("RGBA", "LA"):
        assert result.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_path_picture_and_array_agree(t, tmp_path):
    image = picture("RGB")
    path = tmp_path / "x.png"
    image.save(path)
    array = t(np.asarray(image))
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.uint8
    assert np.array_equal(array, np.asarray(t(image)))
    assert np.array_equal(array, np.asarray(t(path)))
    assert np.array_equal(array, np.asarray(t(str(path))))
    assert np.array_equal(array, t(np.asarray(image))), "and again"


def test_tensors_deep_arrays_and_batches(t):
    array = np.asarray(picture("RGB"))
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1) / 127.5 - 1
    assert torch.allclose(t(tensor), t.engine.network(tensor[None])[0], atol=1e-5)
    deep = t(array.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - t(array)).max() <= 0.6, "the same but for rounding"
    several = [array, picture("L"), array[:10, :12], picture("RGBA"), array]
    one_by_one, together = [t(image) for image in several], t.batch(several)
    for single, result in zip(one_by_one, together, strict=True):
        assert type(single) is type(result)
        # A batch of one is rounded differently from larger ones by torch's CPU convolutions.
        assert np.abs(np.asarray(single).astype(int) - np.asarray(result)).max() <= 1


def test_rules_are_keywords_of_the_call(t):
    image = picture("RGBA", (60, 40))
    assert t(image, size=30).size == (30, 20)
    assert t(image, size=(16, 24), alpha="drop").mode == "RGB"
    assert t(picture("L"), grey="colour").mode == "RGB"
    blue = t(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), alpha="background", background=(0, 0, 255))
    assert (np.asarray(blue) == (0, 0, 255)).all()


def test_grey_arrays_stay_grey(t):
    grey = np.asarray(picture("L"))
    assert t(grey).shape == grey.shape
    assert t(grey[..., None]).shape == (*grey.shape, 1)


def test_what_lies_under_transparency_is_not_seen(t):
    hidden = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    white = Image.new("RGBA", (32, 32), (255, 255, 255, 0))
    assert t(hidden).tobytes() == t(white).tobytes()


def test_exif_orientation_is_applied(t, tmp_path):
    image = picture("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    assert t(tmp_path / "turned.png").size == (image.height, image.width)


def test_directions_are_different_networks(run, t):
    back = translate.load(run, direction="b2a")
    image = picture("RGB")
    assert back(image).tobytes() != t(image).tobytes()
    with pytest.raises(UserError, match="translates a2b and b2a only, not c2d"):
        translate.load(run, direction="c2d")


def test_levels_are_rounded_and_identity_is_exact():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_image(to_input(levels)), levels)
    halfway = torch.full((1, 1, 1, 1), (100.6 / 127.5) - 1)
    assert to_image(halfway).item() == 101


def test_wrong_things_are_one_sentence(t, tmp_path):
    with pytest.raises(UserError, match="there is no model 'nonesuch'"):
        translate.load("nonesuch")
    with pytest.raises(UserError, match="has no generator yet"):
        translate.load(tmp_path)
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(UserError, match="not a file of this toolkit"):
        translate.load(tmp_path / "x.txt")
    with pytest.raises(UserError, match=r"x\.txt: not an image"):
        t(tmp_path / "x.txt")
    with pytest.raises(UserError, match="must be uint8"):
        t(np.zeros((4, 4, 3), np.float64))
    with pytest.raises(UserError, match=r"\(H, W\), \(H, W, 1\) or \(H, W, 3\)"):
        t(np.zeros((4, 4, 5), np.uint8))


def test_a_file_for_another_network_is_explained(tmp_path):
    settings = GeneratorSettings(filters=4, blocks=1)
    entry = {"network": "resnet", "arguments": settings.arguments(3, 3) | {"blocks": 2}, "from": "a", "to": "b"}
    path = tmp_path / "g.safetensors"
    path.write_bytes(pack({"a2b": (build_generator(settings, 3, 3), entry)}, {"background": [0, 0, 0]}))
    with pytest.raises(UserError, match="network doesn't fit its weights") as caught:
        translate.load(path)
    assert caught.value.code == 5


@pytest.mark.parametrize(
    "path", sorted(translate.system.files.shipped("pretrained").glob("*.safetensors")), ids=lambda p: p.stem
)
def test_shipped_models_load_by_name_and_make_the_pictures_of_their_cards(path):
    """Above on NAME.png are inputs, below what is made of them; of a GAN all are samples."""
    import tomllib

    with Image.open(path.with_suffix(".png")) as sheet:
        above, below = (sheet.convert("RGB").crop((128, y, 256, y + 128)) for y in (0, 128))
    description = translate.model.file.read(path)[1]
    if "z2a" in description["directions"]:
        sampler = translate.load_sampler(path.stem)
        assert sampler(sampler.latents(range(2)), range(2) if sampler.classes else None).std() > 10
    else:
        how = Image.Resampling.NEAREST if label_map(description, "a2b") else Image.Resampling.BOX
        given, shown = (np.asarray(cell.resize((64, 64), how)).astype(int) for cell in (above, below))
        result = translate.load(path.stem)(Image.fromarray(given.astype(np.uint8)))
        assert result.size == (64, 64)
        made = np.asarray(result.convert("RGB")).astype(int)
        assert np.abs(made - shown).mean() < 12
        assert np.abs(made - shown).mean() < np.abs(given - shown).mean()
    card = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    assert {"title", "mode", "licence", "data", "training", "scores"} <= card.keys()
    assert card["training"]["command"].startswith("translate train")
    assert card["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
