"""BEGAN (Berthelot et al. 2017): its losses, the equilibrium k_t, and what a checkpoint holds of it."""

import pytest
import recorded
import torch
from games import BATCH, assert_near, batches, new_game, settings, weights
from stateful import STEPS, opened
from stateful import settings as stateful_settings
from test_gan import adam, z
from test_resume import fresh, resumed_at, states_of

from translate.modes.began import BEGANSettings
from translate.train.settings import mode_defaults
from translate.train.step import cuda_graphs
from translate.train.step.trainer import Trainer

FAST = {"lambda_k": 0.1}


def played(s, images, **train) -> Trainer:
    trainer = Trainer(new_game(s), s.train, 100)
    torch.manual_seed(3)
    for number, (x,) in enumerate(images):
        trainer.play([(x,)], number * BATCH)
    return trainer


def test_began_is_the_textbook_loop():
    """L_D = L(x) - k L(G(z_D)), L_G = L(G(z_G)), k ← k + λ_k (γ L(x) - L(G(z_G))) within 0 and 1."""
    own = {name: mode_defaults("began")["train"][name] for name in ("lr", "beta1")}
    s = settings("began", mode_settings=FAST, train={**own, "decay_from": 1.0})
    assert (own, s.mode_settings.gamma, BEGANSettings().lambda_k) == ({"lr": 1e-4, "beta1": 0.5}, 0.5, 0.001)
    game = new_game(s)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    of_g, of_d = adam(G, 1e-4), adam(D, 1e-4)
    torch.manual_seed(3)
    k, ks = torch.zeros(()), []

    def L(v):
        return (v - D.reconstructed(v)).abs().mean()

    for (x,) in batches(8, domains=1):
        of_d.zero_grad()
        of_real = L(x)
        (of_real - k * L(G(z()).detach())).backward()
        of_d.step()
        of_g.zero_grad()
        of_fake = L(G(z()))
        of_fake.backward()
        of_g.step()
        ks.append(k.item())
        k = (k + 0.1 * (0.5 * of_real - of_fake).detach()).clamp(0, 1)
    trainer = played(s, batches(8, domains=1))
    assert max(ks) > 0
    assert trainer.mode.K.k.item() == pytest.approx(k.item(), rel=1e-3)
    ours = weights({"G": trainer.mode.G, "D": trainer.mode.D})
    for name, value in weights({"G": G, "D": D}).items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-5)


def test_k_stays_between_0_and_1():
    game = new_game(settings("began", mode_settings=FAST))
    for error, bound in ((1e3, 1.0), (-1e3, 0.0)):
        game.end_turn("D", lambda error=error: {"error": torch.tensor(error)})
        game.end_turn("G", lambda: {"G": torch.tensor(0.0)})
        assert game.K.k.item() == bound


@pytest.mark.parametrize("threads", [1, 2])
def test_k_is_of_all_images_of_a_round(threads):
    """Accumulated over batches of unequal sizes, and in threads."""
    s = settings("began", mode_settings=FAST)
    s.train.batch_threads = threads
    trainer = Trainer(new_game(s), s.train, 100)
    (x,), (more,) = batches(2, domains=1)
    more = more[:1]
    torch.manual_seed(3)
    trainer.play([(x,), (more,)], 0)
    error = trainer.stats["D"].of_turn()["error"]
    balance = 0.5 * error - trainer.stats["G"].of_turn()["G"]
    assert balance > 0
    assert trainer.mode.K.k.item() == pytest.approx(0.1 * balance.item(), rel=1e-5)
    D, images = new_game(s).networks["D"], torch.cat([x, more])
    assert error.item() == pytest.approx((images - D.reconstructed(images)).abs().mean().item(), rel=1e-4)


def test_the_log_has_what_m_global_is_made_of():
    s = settings("began")
    game = new_game(s)
    game.K.k.fill_(0.25)
    found = game.diagnostics(torch.tensor([-0.4]), torch.tensor([-0.1]))
    assert {name: round(value.item(), 6) for name, value in found.items()} == {
        "error": 0.4, "k": 0.25, "balance": 0.1,
    }  # fmt: skip


@pytest.mark.slow
def test_resumed_from_every_step(pictures):
    s = stateful_settings("began", pictures, mode_settings=FAST)
    s.discriminator.spectral_norm = False
    loaded = opened(s)
    states = states_of(fresh(s), loaded)
    assert len({float(tensors["networks/K/k"]) for tensors, _ in states}) > 10
    for step in range(STEPS):
        resumed_at(s, states, step, loaded)


def test_recorded_rounds_are_the_rounds(monkeypatch):
    """k_t changes from round to round and is not frozen in the recording."""
    monkeypatch.setattr(cuda_graphs, "capture", recorded.capture)
    ends = []
    for graphs in (False, True):
        s = settings("began", mode_settings=FAST, train={"lr": 1e-7})
        s.train.graphs = graphs
        ends.append(played(s, batches(12, domains=1)).state()[0])
    assert ends[0]["networks/K/k"] > 0
    assert_near(ends[1], ends[0], 2e-3)


def test_another_objective_is_refused():
    with pytest.raises(ValueError, match="set objective to wgan"):
        BEGANSettings(objective="lsgan")
