"""Classes in D as a projection (Miyato & Koyama 2018) or a classifier (AC-GAN), and as learned vectors in G."""

import pytest
import recorded
import torch
import torch.nn.functional as F
from export_models import write_gan
from games import assert_identical, assert_near, batches, new_game, played, settings, weights
from stateful import BATCH as STATEFUL_BATCH
from stateful import opened
from stateful import settings as stateful_settings
from test_gan import adam, bce, z
from test_resume import fresh, play, same, snapshot

import translate
from translate.errors import UserError
from translate.modes.conditional import Conditional
from translate.networks import LATENT, SEVERAL, DiscriminatorSettings, GeneratorSettings, build_discriminator
from translate.train.options import Options
from translate.train.step import cuda_graphs
from translate.train.step.trainer import Trainer

CLASSES = [torch.tensor(pair) for pair in ([0, 2], [1, 1], [2, 0], [2, 1])]


def data():
    return [(x, c) for (x,), c in zip(batches(4, domains=1), CLASSES, strict=True)]


def setup(how: str, **more):
    s = settings("dcgan", mode_settings={"class_in_d": how, "latent": 16}, train={"decay_from": 1.0}, **more)
    game = new_game(s, classes=3)
    torch.manual_seed(3)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    return s, G, D, adam(G), adam(D)


def close(ours, theirs):
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=2e-6)


def test_projection_is_the_papers_formula():
    """D(x, c) = cᵀVφ(x) + ψ(φ(x)) with φ the layers before the last, V and ψ of the last."""
    _, _, D, _, _ = setup("projection")
    (x, c), *_ = data()
    *phi, last = D.net
    features = torch.nn.Sequential(*phi)(x).flatten(1)
    psi, V = last.weight[:1].flatten(1), last.weight[1:].flatten(1)
    code = torch.eye(3)[c]
    wanted = ((code @ V) * features).sum(1) + (features @ psi.T)[:, 0] + last.bias[0] + code @ last.bias[1:]
    torch.testing.assert_close(Conditional(D, "projection", c)(x).flatten(), wanted)


def test_a_projection_gan_is_the_textbook_loop():
    s, G, D, of_g, of_d = setup("projection")

    def judged(x, c):
        out = D(x).flatten(1)
        return out[:, 0] + out[torch.arange(len(x)), 1 + c]

    for x, c in data():
        fake = G(torch.cat([z(), torch.eye(3)[c]], 1)).detach()
        of_d.zero_grad()
        (bce(judged(x, c), 1.0) + bce(judged(fake, c), 0.0)).backward()
        of_d.step()
        of_g.zero_grad()
        bce(judged(G(torch.cat([z(), torch.eye(3)[c]], 1)), c), 1.0).backward()
        of_g.step()
    close(played(s, data(), classes=3), weights({"G": G, "D": D}))


def test_ac_gan_is_the_textbook_loop():
    """Odena et al. 2017: D maximises L_S + L_C, G maximises L_C - L_S."""
    s, G, D, of_g, of_d = setup("classifier")
    for x, c in data():
        fake = G(torch.cat([z(), torch.eye(3)[c]], 1)).detach()
        of_real, of_fake = D(x).flatten(1), D(fake).flatten(1)
        of_d.zero_grad()
        source = bce(of_real[:, 0], 1.0) + bce(of_fake[:, 0], 0.0)
        (source + F.cross_entropy(of_real[:, 1:], c) + F.cross_entropy(of_fake[:, 1:], c)).backward()
        of_d.step()
        of_g.zero_grad()
        out = D(G(torch.cat([z(), torch.eye(3)[c]], 1))).flatten(1)
        (bce(out[:, 0], 1.0) + F.cross_entropy(out[:, 1:], c)).backward()
        of_g.step()
    close(played(s, data(), classes=3), weights({"G": G, "D": D}))


@pytest.mark.parametrize("how", ["projection", "classifier"])
def test_critics_get_the_same_class_in_their_penalty(how):
    """The gradient penalty is of the conditional logit; a relativistic G has its own images classified only."""
    for objective in ("wgan-gp", "relativistic"):
        s = settings("dcgan", mode_settings={"class_in_d": how, "objective": objective, "r1": 1.0, "latent": 16})
        ends = [played(s, [(x, (c + shift) % 3) for x, c in data()], classes=3) for shift in (0, 1)]
        assert any(not torch.equal(ends[0][name], ends[1][name]) for name in ends[0] if name.startswith("D."))


@pytest.mark.parametrize("network", SEVERAL)
def test_discriminators_with_an_output_for_each_class(network):
    made = DiscriminatorSettings(network=network, filters=4).for_size(32, 32)
    out = build_discriminator(made, 3, (32, 32), outputs=4)(torch.randn(2, 3, 32, 32))
    assert out.shape[:2] == (2, 4)
    assert Conditional(lambda x: out, "projection", torch.tensor([0, 2]))(out).shape == (2, 1, *out.shape[2:])


def test_a_discriminator_without_them_is_refused():
    words = Options(
        "dcgan", "mnist", None, "paper", None, ["class_in_d=projection", "discriminator.network=pixel"], None, {}
    )
    with pytest.raises(UserError, match="needs a discriminator with an output for each class, which pixel is not"):
        words.settings()


@pytest.mark.parametrize("network", LATENT)
def test_classes_as_learned_vectors(network, tmp_path):
    """They are trained, and a file with them is used like any other."""
    s = settings("dcgan", generator={"network": network, "embedding": 5}, mode_settings={"latent": 16})
    game = new_game(s, classes=3)
    assert game.G.vectors.shape == (3, 5)
    before = game.G.vectors.clone()
    x, c = data()[0]
    turns = {turn.player: turn.losses for turn in game.step(x, c)}
    (slope,) = torch.autograd.grad(turns["G"]["G"], game.G.vectors)
    assert slope[c].abs().sum() > 0
    assert (slope[1] == 0).all() == (1 not in c.tolist())
    assert torch.equal(before, game.G.vectors)
    shape = {"network": network, "classes": ["a", "b", "c"], "embedding": 5, "blocks": 1, "filters": 16}
    path = write_gan(tmp_path / "g.safetensors", **shape)
    sampler = translate.load_sampler(path)
    z = sampler.latents([1, 1])
    first, second = sampler(z, [0, 2])
    assert (first != second).any()


def test_without_a_length_files_are_as_before():
    assert "embedding" not in GeneratorSettings(network="dcgan").arguments(19, 3, (16, 16), 3)
    assert GeneratorSettings(network="dcgan", embedding=4).arguments(19, 3, (16, 16), 3)["embedding"] == 4


@pytest.mark.parametrize("how", ["projection", pytest.param("classifier", marks=pytest.mark.slow)])
def test_resumed_is_uninterrupted(how, pictures):
    s = stateful_settings(
        "dcgan", pictures, generator={"embedding": 4}, mode_settings={"class_in_d": how, "diffaugment": ["cutout"]}
    )
    loaded, whole, half = opened(s), fresh(s), fresh(s)
    middle = 4 * STATEFUL_BATCH
    play(whole, loaded, 0, middle)
    state = snapshot(whole)
    play(whole, loaded, middle, 2 * middle)
    torch.manual_seed(99)
    half.load(*state)
    play(half, loaded, middle, 2 * middle)
    assert same(half.state(), whole.state())


def test_classes_in_channels_are_as_before():
    s, G, D, _, _ = setup("channels")
    assert (G.vectors, D.net[0].in_channels) == (None, 6)
    assert_identical(played(s, data(), classes=3), played(s, data(), classes=3))


@pytest.mark.parametrize("how", ["projection", "classifier"])
@pytest.mark.parametrize("way", ["batch_threads", "graphs"])
def test_quicker_rounds_are_the_round(how, way, monkeypatch):
    monkeypatch.setattr(cuda_graphs, "capture", recorded.capture)
    norm = {"generator": {"norm": "instance", "embedding": 4}, "discriminator": {"norm": "instance"}}
    ends = []
    for quick in (False, True):
        s = settings("dcgan", **norm, mode_settings={"class_in_d": how, "latent": 16, "r1": 0.5, "r1_every": 1})
        s.train.lr, s.train.batch_threads, s.train.graphs = 1e-6, 2 if quick and way == "batch_threads" else 1, False
        s.train.graphs = quick and way == "graphs"
        trainer = Trainer(new_game(s, classes=3), s.train, 100)
        torch.manual_seed(3)
        for number in range(8):
            trainer.play([data()[number % 4]], 2 * number)
        ends.append(trainer.state()[0])
    assert_near(ends[1], ends[0], 2e-3)
