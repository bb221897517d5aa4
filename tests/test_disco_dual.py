"""DiscoGAN and DualGAN, tables of CycleGAN's parts, against the papers' algorithms as a textbook would write them."""

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, TOTAL, adam, assert_identical, batches, decay, new_game, only, played, settings, weights
from test_gan import bce

from translate.modes.cycle import CycleSettings
from translate.train.settings import mode_defaults, mode_name
from translate.train.step.trainer import Trainer


def networks(s):
    game = new_game(s)
    torch.manual_seed(3)
    return [game.networks[n].train() for n in ("G", "F", "D_X", "D_Y")]


def test_disco_is_the_textbook_loop():
    """Kim et al. 2017: -log D for both generators, mean squares there and back, nothing weighted; D halved, which Adam
    does not see."""
    s = settings("disco")
    w = s.mode_settings
    assert (w.objective, w.cycle_loss, w.lambda_cycle, w.lambda_identity, w.pool) == ("vanilla", "l2", 1, 0, 0)
    G, F_, D_X, D_Y = networks(s)
    of_g, of_d = adam(G, F_), adam(D_X, D_Y)
    for number, (x, y) in enumerate(batches()):
        decay((of_g, of_d), number * BATCH)
        only([G, F_], [D_X, D_Y])
        of_g.zero_grad()
        y_, x_ = G(x), F_(y)
        gan = bce(D_Y(y_), 1.0) + bce(D_X(x_), 1.0)
        (gan + F.mse_loss(F_(y_), x) + F.mse_loss(G(x_), y)).backward()
        of_g.step()
        only([D_X, D_Y], [G, F_])
        of_d.zero_grad()
        of_y = 0.5 * (bce(D_Y(y), 1.0) + bce(D_Y(y_.detach()), 0.0))
        of_x = 0.5 * (bce(D_X(x), 1.0) + bce(D_X(x_.detach()), 0.0))
        (of_y + of_x).backward()
        of_d.step()
    assert_identical(played(s, batches()), weights({"G": G, "F": F_, "D_X": D_X, "D_Y": D_Y}))


def test_dual_is_algorithm_1():
    """Yi et al. 2017: critics take n steps on new images, and are clipped; RMSprop(5e-5); L1, λ 100."""
    own = {name: mode_defaults("dual")["train"][name] for name in ("optimizer", "lr")}
    s = settings("dual", mode_settings={"k": 3}, train={**own, "decay_from": 1.0})
    w = s.mode_settings
    assert (w.objective, w.cycle_loss, w.lambda_cycle, w.lambda_identity, w.clip) == ("wgan", "l1", 100, 0, 0.01)
    assert (s.train.optimizer, s.train.lr) == ("rmsprop", 5e-5)
    G, F_, D_X, D_Y = networks(s)
    of_g, of_d = (
        torch.optim.RMSprop([p for n in group for p in n.parameters()], lr=5e-5) for group in ((G, F_), (D_X, D_Y))
    )

    def critics(x, y, x_, y_):
        of_d.zero_grad()
        (0.5 * (D_Y(y_).mean() - D_Y(y).mean()) + 0.5 * (D_X(x_).mean() - D_X(x).mean())).backward()
        of_d.step()
        with torch.no_grad():
            for weight in [*D_X.parameters(), *D_Y.parameters()]:
                weight.copy_(weight.clip(-0.01, 0.01))

    rounds = [tuple(torch.cat(parts) for parts in zip(*batches()[at : at + 3], strict=True)) for at in (0, 3, 6)]
    for u, v in rounds:
        *first, (x, y) = zip(u.split(BATCH), v.split(BATCH), strict=True)
        for x_real, y_real in first:
            critics(x_real, y_real, F_(y_real).detach(), G(x_real).detach())
        of_g.zero_grad()
        y_, x_ = G(x), F_(y)
        gan = -D_Y(y_).mean() - D_X(x_).mean()
        (gan + 100 * (F_(y_) - x).abs().mean() + 100 * (G(x_) - y).abs().mean()).backward()
        of_g.step()
        critics(x, y, x_.detach(), y_.detach())
    trainer = Trainer(new_game(s), s.train, TOTAL)
    torch.manual_seed(3)
    for number, batch in enumerate(rounds):
        trainer.play([batch], number)
    ours, theirs = weights(trainer.mode.networks), weights({"G": G, "F": F_, "D_X": D_X, "D_Y": D_Y})
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-5)


def test_a_pool_and_several_steps_of_d_are_refused():
    with pytest.raises(ValueError, match="set pool to 0, or k to 1"):
        CycleSettings(k=2)
    assert CycleSettings(k=2, pool=0).k == 2


def test_their_full_names():
    assert (mode_name("DiscoGAN"), mode_name("dualgan")) == ("disco", "dual")
