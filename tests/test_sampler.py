"""A Sampler gives the same picture for the same number, whatever it is drawn with; ways between latents keep length."""

import math

import numpy as np
import pytest
import torch
from export_models import write_gan, write_model
from small import run_verb

import translate
from translate.errors import DAMAGED, UserError
from translate.model.sampler import BATCH, Sampler, latents, on_sphere, slerp
from translate.networks import LATENT
from translate.system import hashed_tensors

KINDS = {name: {"network": name, "size": (16, 16)} for name in LATENT}
KINDS["mlp"] |= {"size": (12, 20), "filters": 32}
KINDS["classes"] = {"size": (28, 28), "channels": 1, "classes": ["zero", "one", "two"]}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def sampler(request, tmp_path) -> Sampler:
    return translate.load_sampler(write_gan(tmp_path / "g.safetensors", **request.param))


def test_a_picture_does_not_depend_on_its_batch(sampler):
    seeds = range(BATCH + 5)
    classes = [seed % 3 for seed in seeds] if sampler.classes else None
    together = sampler(sampler.latents(seeds), classes)
    assert together.shape == (len(seeds), *sampler.size, sampler.channels)
    assert together.dtype == np.uint8
    for seed in (0, 1, BATCH - 1, BATCH, BATCH + 4):
        alone = sampler(sampler.latents([seed]), classes and [classes[seed]])
        assert np.array_equal(alone[0], together[seed])
    backwards = sampler(sampler.latents(seeds[::-1]), classes and classes[::-1])
    assert np.array_equal(backwards[::-1], together)
    assert len({picture.tobytes() for picture in together}) == len(seeds)
    assert sampler(sampler.latents([]), classes and []).shape == (0, *sampler.size, sampler.channels)


def test_a_sampler_gives_what_the_network_gives(sampler):
    classes = [2, 0] if sampler.classes else None
    z = sampler.latents([5, 6])
    given = z if classes is None else torch.cat([z, torch.eye(3)[classes]], 1)
    with torch.inference_mode():
        wanted = ((sampler.network(given).clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(sampler(z, classes).astype(int) - wanted).max() <= 1


def test_classes_change_the_picture_and_are_asked_for(tmp_path):
    sampler = translate.load_sampler(write_gan(tmp_path / "g.safetensors", classes=["a", "b"]))
    z = sampler.latents([1, 1])
    first, second = sampler(z, [0, 1])
    assert not np.array_equal(first, second)
    for wrong in (None, [0]):
        with pytest.raises(ValueError, match="needs the class of each latent"):
            sampler(z, wrong)
    with pytest.raises(ValueError, match=r"shape \(N, 8\)"):
        sampler(torch.zeros(2, 9), [0, 1])


def test_a_latent_comes_from_its_seed_alone():
    z = latents([3, 7, 3], 100)
    assert torch.equal(z[0], z[2])
    assert torch.equal(z[1], torch.randn(100, generator=torch.Generator().manual_seed(7)))
    before = torch.get_rng_state()
    latents([1], 10)
    assert torch.equal(before, torch.get_rng_state())  # a training that draws sheets goes on as without them


def test_slerp_goes_from_one_to_the_other_at_even_angles_and_lengths():
    first, last = latents([0, 1], 100)
    path = slerp(first, last, 9)
    assert torch.equal(path[0], first)
    assert torch.equal(path[-1], last)
    lengths = path.norm(dim=1)
    assert torch.allclose(lengths, torch.linspace(float(first.norm()), float(last.norm()), 9), atol=1e-4)
    cosines = torch.cosine_similarity(path[1:], path[:-1])
    angle = math.acos(torch.cosine_similarity(first, last, dim=0))
    assert torch.allclose(torch.arccos(cosines), torch.full((8,), angle / 8), atol=1e-3)
    assert torch.allclose(slerp(first, first, 3), first.expand(3, -1))
    assert torch.isfinite(slerp(first, -first, 5)).all()


def test_on_sphere_keeps_the_direction():
    z = latents([0, 1, 2], 64).mean(0)
    assert float(on_sphere(z).norm()) == pytest.approx(8)
    assert float(torch.cosine_similarity(on_sphere(z), z, dim=0)) == pytest.approx(1)


def test_what_is_no_gan_is_one_sentence(tmp_path):
    translator = write_model(tmp_path / "t.safetensors", network="light")
    with pytest.raises(UserError, match=r"t.safetensors translates images .*: use `translate convert`"):
        translate.load_sampler(translator)
    with pytest.raises(UserError, match=r"x.onnx is an ONNX file; give the run folder or generator file"):
        translate.load_sampler("x.onnx")
    with pytest.raises(UserError, match="there is no model 'nonesuch'"):
        translate.load_sampler("nonesuch")


def test_a_gan_is_refused_where_images_are_translated(tmp_path, monkeypatch, capsys, pictures):
    gan = write_gan(tmp_path / "g.safetensors")
    sentence = "g.safetensors makes images from random numbers, not from images: use `translate sample`."
    for direction in ("a2b", "z2a"):
        with pytest.raises(UserError) as caught:
            translate.load(gan, direction=direction)
        assert str(caught.value).endswith(sentence)
        words = ["convert", gan, pictures[0], tmp_path / "out", "--direction", direction]
        code, _, said = run_verb(monkeypatch, capsys, *words)
        assert (code, sentence in said) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.safetensors"]


def test_a_file_that_does_not_fit_itself_is_one_sentence(tmp_path):
    path = write_gan(tmp_path / "g.safetensors")
    tensors, description = hashed_tensors.read(path)
    without = {name: tensor for name, tensor in tensors.items() if name != "z2a/net.0.weight"}
    wrong = [{"latent": 9}, {"latent": "8"}, {"classes": ["x"]}]
    for said in (description, *({**description, **change} for change in wrong)):
        path.write_bytes(hashed_tensors.dumps(without if said is description else tensors, said))
        with pytest.raises(
            UserError, match=r"doesn't fit its weights|doesn't say what its images|'latent' is '8'"
        ) as caught:
            translate.load_sampler(path)
        assert caught.value.code == DAMAGED
