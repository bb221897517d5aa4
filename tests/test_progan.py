"""ProGAN (Karras et al. 2018): schedule, layers, the loss as a textbook loop, and growth that continues bit for bit."""

import pytest
import recorded
import torch
import torch.nn.functional as F
from games import BATCH, assert_near, batches, new_game, played, settings, weights
from small import run_verb
from stateful import STEPS, opened
from stateful import settings as stateful_settings
from test_gan import adam, z
from test_resume import fresh, resumed_at, states_of

import translate
from translate.errors import UserError
from translate.networks.growth import EqualConv, MinibatchDeviation, PixelNorm
from translate.networks.progan import ProGANGenerator
from translate.train.settings import mode_defaults
from translate.train.step import cuda_graphs
from translate.train.step.trainer import Trainer

GROWING = {"mode_settings": {"start": 4}}  # two doublings at the tests' 16 px


def test_the_schedule_has_equal_parts_at_each_size_and_each_fade():
    """4 px, 8 faded in, 8, 16 faded in, 16: five parts of the training."""
    game = new_game(settings("progan", **GROWING))
    stages = {0.0: 0, 0.19: 0, 0.3: 0.5, 0.4: 1, 0.59: 1, 0.7: 1.5, 0.8: 2, 1.0: 2}
    for progress, stage in stages.items():
        assert game.stage(progress) == pytest.approx(stage, abs=1e-6), progress
    assert new_game(settings("progan", mode_settings={"start": 8})).stage(0.0) == 1
    assert new_game(settings("progan")).stage(0.0) == 2


def test_the_whole_game_is_the_textbook_loop():
    """WGAN-GP with λ 10 and ε_drift 0.001, one step of D for each of G, Adam(1e-3, 0, 0.99)."""
    own = {name: mode_defaults("progan")["train"][name] for name in ("lr", "beta1", "beta2")}
    assert own == {"lr": 1e-3, "beta1": 0.0, "beta2": 0.99}
    s = settings("progan", train={**own, "decay_from": 1.0})
    w = s.mode_settings
    assert (w.objective, w.penalty, w.drift, w.k) == ("wgan-gp", 10, 0.001, 1)
    game = new_game(s)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    of_g, of_d = (adam(network, 1e-3, (0.0, 0.99)) for network in (G, D))
    torch.manual_seed(3)
    for (x,) in batches(6, domains=1):
        fake = G(z()).detach()
        real, faked = D(x), D(fake)
        epsilon = torch.rand(BATCH, 1, 1, 1)
        between = (epsilon * x + (1 - epsilon) * fake).requires_grad_()
        slope = torch.autograd.grad(D(between).sum(), between, create_graph=True)[0]
        loss = faked.mean() - real.mean() + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        of_d.zero_grad()
        (loss + 0.001 * real.square().mean()).backward()
        of_d.step()
        of_g.zero_grad()
        (-D(G(z())).mean()).backward()
        of_g.step()
    ours, theirs = played(s, batches(6, domains=1)), weights({"G": G, "D": D})
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-5)


def test_what_is_faded_in_begins_as_nothing_and_ends_as_all():
    """α = 0: the smaller image enlarged; α = 1: the larger one; D's input likewise; in between the mixture."""
    game = new_game(settings("progan", **GROWING))
    x, latent = batches(domains=1)[0][0], z()

    def made(stage):
        game.G.grow(stage)
        game.D.grow(stage)
        with torch.inference_mode():
            return game.G(latent), game.D(game.at_stage(x)), game.at_stage(x)

    old, new, middle = made(1.0), made(2.0), made(1.5)
    almost, ending = made(1.0 + 1e-6), made(2.0 - 1e-6)
    enlarged = F.interpolate(old[0], scale_factor=2)
    torch.testing.assert_close(almost[0], enlarged, rtol=0, atol=1e-4)
    torch.testing.assert_close(ending[0], new[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(middle[0], (enlarged + new[0]) / 2, rtol=0, atol=1e-4)
    torch.testing.assert_close(almost[1], old[1], rtol=0, atol=1e-3)
    torch.testing.assert_close(ending[1], new[1], rtol=0, atol=1e-3)
    torch.testing.assert_close(almost[2], F.interpolate(old[2], scale_factor=2), rtol=0, atol=1e-4)
    assert [images.shape[-1] for images in (old[0], middle[0], old[2], new[2])] == [8, 16, 8, 16]
    game.G.eval()
    assert made(0.0)[0].shape[-1] == 16  # a sample has the full size at any stage


def test_networks_that_do_not_grow_are_refused():
    with pytest.raises(UserError, match=r"set generator\.network and discriminator\.network to progan"):
        new_game(settings("progan", discriminator={"network": "dcgan"}))


def test_layers_by_hand():
    x = torch.randn(4, 6, 5, 5)
    torch.testing.assert_close(PixelNorm()(x), x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt())
    deviation = MinibatchDeviation()(x)[:, 6:]
    torch.testing.assert_close(deviation, x.std(0, correction=0).mean().expand(4, 1, 5, 5))
    conv = EqualConv(6, 3, 3, padding=1)
    wanted = F.conv2d(x, conv.weight * (2 / (6 * 9)) ** 0.5, padding=1)
    torch.testing.assert_close(conv(x), wanted)
    assert conv.weight.std().item() == pytest.approx(1, abs=0.15)


def test_a_batch_in_several_steps_and_a_step_size_for_each_size():
    s = settings("progan", mode_settings={"start": 4, "steps": [1, 2], "lr_factors": [1.0, 0.5]})
    s.train.decay_from = 1.0
    trainer = Trainer(new_game(s), s.train, 100)
    ((x,),) = [(torch.cat([x for (x,) in batches(2, domains=1)]),)]
    for seen, turns, lr in ((0, 1, 2e-4), (45, 2, 1e-4), (90, 1, 2e-4)):
        before = int(trainer.stats["G"].turns)
        trainer.play([(x,)], seen)
        assert int(trainer.stats["G"].turns) - before == turns
        assert trainer.optimizers["G"].param_groups[0]["lr"] == pytest.approx(lr)


@pytest.mark.slow
def test_resumed_from_every_step_also_in_a_fade(pictures):
    s = stateful_settings("progan", pictures, **GROWING)
    loaded = opened(s)
    states = states_of(fresh(s), loaded)
    fades = [float(state[0]["networks/G/stage"]) % 1 for state in states]
    assert sum(fade > 0 for fade in fades) > 20
    for step in range(STEPS):
        resumed_at(s, states, step, loaded)


def test_recorded_rounds_are_the_rounds(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "capture", recorded.capture)
    ends = []
    for graphs in (False, True):
        s = settings("progan", **GROWING, train={"ema": 0.9, "lr": 1e-7})
        s.train.graphs = graphs
        trainer = Trainer(new_game(s), s.train, 60)
        torch.manual_seed(3)
        for number in range(30):
            trainer.play([batches(domains=1)[number % 12]], 2 * number)
        if graphs:
            kinds = [recording for recording in trainer.round.recordings.values() if recording.replay]
            assert len(kinds) == 5  # three sizes and two fades
        ends.append(trainer.state()[0])
    assert_near(ends[1], ends[0], 2e-3)


def test_a_run_that_is_stopped_in_a_fade_is_sampled_and_exported(pictures, tmp_path, monkeypatch, capsys):
    """Its file holds the stage: samples are those of the network at that moment, at the full size."""
    monkeypatch.setenv("TRANSLATE_CACHE", str(tmp_path / "cache"))
    words = ["train", "--mode", "progan", "--a", pictures[1], "--size", "16", "--images", "20", "--batch", "2"]
    words += ["--device", "cpu", "--preset", "paper", "--out", tmp_path / "run"]
    sets = ["generator.filters=4", "discriminator.filters=4", "latent=8", "score_images=2", "save_every=2", "keep=9"]
    code, _, problem = run_verb(monkeypatch, capsys, *words, *(word for text in sets for word in ("--set", text)))
    assert code == 0, problem
    trained = translate.load_sampler(tmp_path / "run" / "generator.safetensors")
    assert isinstance(trained.network, ProGANGenerator)
    assert trained.network.growth.level == 2
    trained.network.grow(1.5)
    torch.save(trained.network.state_dict(), tmp_path / "fade.pt")
    again = ProGANGenerator(8, 3, size=(16, 16), filters=4).eval()
    again.load_state_dict(torch.load(tmp_path / "fade.pt"))
    assert (again.growth.level, again.growth.fading) == (2, True)
    latents = trained.latents(range(3))
    assert torch.equal(again(latents), trained.network(latents))
    assert trained(latents).shape == (3, 16, 16, 3)
    code, _, problem = run_verb(
        monkeypatch, capsys, "export", tmp_path / "run", "--to", "onnx", "--out", tmp_path / "g.onnx"
    )
    assert code == 0, problem
