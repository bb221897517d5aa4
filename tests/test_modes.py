"""Each game against a straight-line loop as a textbook would write it: the same weights, bit for bit."""

import pytest
import torch
import torch.nn.functional as F
from games import (
    BATCH,
    TOTAL,
    adam,
    assert_identical,
    batches,
    batches_for,
    decay,
    end_turn,
    new_game,
    only,
    played,
    settings,
    weights,
)
from test_gan import bce

from translate.modes import MODES
from translate.modes.pool import Pool
from translate.train.step.trainer import Trainer


@pytest.mark.parametrize("conditional", [True, False])
def test_pix2pix_is_the_textbook_loop(conditional):
    """Isola et al. 2017: D on (x, y) and (x, G(x)) with binary cross entropy, halved; then G with λ = 100 times L1.
    With conditional = false D sees y and G(x) alone, the GAN of Table 1."""
    how = {} if conditional else {"mode_settings": {"conditional": False}}
    s = settings("pix2pix", generator={"norm": "batch", "dropout": True}, discriminator={"norm": "batch"}, **how)
    assert (s.mode_settings.objective, s.mode_settings.lambda_l1) == ("vanilla", 100)
    game = new_game(s)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    of_g, of_d = adam(G), adam(D)
    torch.manual_seed(3)

    def beside(x, y):
        return torch.cat([x, y], 1) if conditional else y

    for number, (x, y) in enumerate(batches()):
        decay((of_g, of_d), number * BATCH)
        fake = G(x)
        only([D], [])
        of_d.zero_grad()
        (0.5 * (bce(D(beside(x, y)), 1.0) + bce(D(beside(x, fake.detach())), 0.0))).backward()
        of_d.step()
        only([], [D])
        of_g.zero_grad()
        (bce(D(beside(x, fake)), 1.0) + 100 * (fake - y).abs().mean()).backward()
        of_g.step()
        only([D], [])
    assert_identical(played(s, batches()), weights({"G": G, "D": D}))


@pytest.mark.parametrize("mode", MODES)
def test_the_trainer_is_a_straight_loop_over_the_losses(mode):
    """Bit for bit: one optimizer a player, its own gradient only, in the game's order, linear decay."""
    s = settings(mode)
    game = new_game(s)
    optimizers = {player: adam(*(game.networks[n] for n in names)) for player, names in game.players.items()}
    torch.manual_seed(3)
    for number, batch in enumerate(batches_for(mode)):
        decay(optimizers.values(), number * BATCH)
        game.begin_round(number * BATCH / TOTAL)
        for player, losses, diagnostics in game.step(*batch):
            for optimizer in optimizers.values():
                optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizers[player].step()
            if limit := game.weight_clip.get(player):
                for weight in optimizers[player].param_groups[0]["params"]:
                    weight.data.clamp_(-limit, limit)
            end_turn(game, player, losses, diagnostics)
    assert_identical(played(s, batches_for(mode)), weights(game.networks))


def test_cyclegan_is_the_textbook_loop():
    """Zhu et al. 2017: both G with least squares, λ = 10 and identity 0.5; then both D on pooled fakes, halved."""
    s = settings("cycle")
    assert (
        s.mode_settings.objective,
        s.mode_settings.lambda_cycle,
        s.mode_settings.lambda_identity,
        s.mode_settings.pool,
    ) == ("lsgan", 10, 0.5, 50)
    game = new_game(s)
    G, F_, D_X, D_Y = (game.networks[n].train() for n in ("G", "F", "D_X", "D_Y"))
    of_g, of_d = adam(G, F_), adam(D_X, D_Y)
    pool_x, pool_y = Pool(50), Pool(50)
    torch.manual_seed(3)

    def mse(logits, label):
        return (logits - label).square().mean()

    def l1(a, b):
        return F.l1_loss(a, b)

    for number, (x, y) in enumerate(batches()):
        decay((of_g, of_d), number * BATCH)
        only([G, F_], [D_X, D_Y])
        of_g.zero_grad()
        fake_y, fake_x = G(x), F_(y)
        gan_g, gan_f = mse(D_Y(fake_y), 1), mse(D_X(fake_x), 1)
        cycle_x, cycle_y = 10 * l1(F_(fake_y), x), 10 * l1(G(fake_x), y)
        same_y, same_x = 10 * 0.5 * l1(G(y), y), 10 * 0.5 * l1(F_(x), x)
        (gan_g + gan_f + cycle_x + cycle_y + same_y + same_x).backward()
        of_g.step()
        only([D_X, D_Y], [G, F_])
        of_d.zero_grad()
        shown_y, shown_x = pool_y.query(fake_y), pool_x.query(fake_x)
        loss_y = 0.5 * (mse(D_Y(y), 1) + mse(D_Y(shown_y), 0))
        loss_x = 0.5 * (mse(D_X(x), 1) + mse(D_X(shown_x), 0))
        (loss_y + loss_x).backward()
        of_d.step()
    assert_identical(played(s, batches()), weights({"G": G, "F": F_, "D_X": D_X, "D_Y": D_Y}))


@pytest.mark.parametrize("mode", MODES)
def test_a_player_moves_only_its_own_networks(mode):
    s = settings(mode)
    game = new_game(s)
    before = {name: [p.clone() for p in network.parameters()] for name, network in game.networks.items()}
    trainer = Trainer(game, s.train, TOTAL)
    turns = game.step(*batches_for(mode)[0])
    for player, names in game.players.items():
        played_by, losses, _ = next(turns)
        assert played_by == player
        sum(losses.values()).backward(inputs=trainer.parameters[player])
        for name, network in game.networks.items():
            has_gradient = [p.grad is not None for p in network.parameters()]
            every = any if mode == "progan" else all  # of which smaller sizes' layers are at rest
            assert every(has_gradient or [True]) if name in names else not any(has_gradient)
        for parameter in trainer.parameters[player]:
            parameter.grad = None
    assert all(
        torch.equal(b, p) for n, bs in before.items() for b, p in zip(bs, game.networks[n].parameters(), strict=True)
    )


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "progan"])  # its D sees the batch's deviation
def test_accumulated_gradients_are_those_of_the_whole_batch(mode):
    """Without batch statistics, 3 + 1 images accumulated give the gradient of 4 at once (to float rounding)."""
    # No pool and no penalty: both draw random numbers, between those for z.
    own = {
        name: value for name, value in {"pool": 0, "lambda_x": 1.0}.items() if name in MODES[mode].Settings.model_fields
    }
    s = settings(mode, mode_settings={"gradient_penalty": 0.0, **own})
    batch = [torch.cat(both) for both in zip(*batches_for(mode)[:2], strict=True)]
    gradients = []
    for group in ([batch], [[x[:3] for x in batch], [x[3:] for x in batch]]):
        torch.manual_seed(3)
        trainer = Trainer(new_game(s), s.train, TOTAL)
        trainer.play(group, 0)
        # Adam's first moment after one step is (1 - β₁) times the gradient
        gradients.append([slots["exp_avg"] for o in trainer.optimizers.values() for slots in o.state.values()])
    for whole, accumulated in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, accumulated, rtol=1e-3, atol=1e-5)


def test_average_of_the_weights_follows_its_formula():
    s = settings("pix2pix", train={"ema": 0.9})
    game = new_game(s)
    trainer = Trainer(game, s.train, TOTAL)
    expected = [p.clone() for p in game.networks["G"].parameters()]
    for number, batch in enumerate(batches()[:6]):
        trainer.play([batch], number * BATCH)
        rounds = number + 1
        d = min(0.9, (1 + rounds) / (10 + rounds))
        expected = [e.lerp(p.detach(), 1 - d) for e, p in zip(expected, game.networks["G"].parameters(), strict=True)]
    for ours, theirs in zip(trainer.generator("a2b").parameters(), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_bf16_stays_near_fp32_and_keeps_float32_weights():
    results = {}
    for precision in ("fp32", "bf16"):
        s = settings("cycle", train={"precision": precision})
        game = new_game(s)
        trainer = Trainer(game, s.train, TOTAL)
        for number, batch in enumerate(batches()):
            trainer.play([batch], number * BATCH)
        assert all(p.dtype == torch.float32 for net in game.networks.values() for p in net.parameters())
        results[precision] = trainer.stats["G"].means()[0]
    for name, value in results["fp32"].items():
        assert results["bf16"][name] == pytest.approx(value, rel=0.1, abs=0.05)


def scaled(scale: float | None = None) -> Trainer:
    """A trainer in fp16 with torch's own scaler, on the CPU, where --precision doesn't offer it but torch can."""
    s = settings("cycle", train={"precision": "fp16"})
    trainer = Trainer(new_game(s), s.train, TOTAL)
    if scale:
        trainer.scaler.load_state_dict({**trainer.scaler.state_dict(), "scale": scale})
    return trainer


def test_one_scaler_is_updated_once_a_round_whatever_the_players():
    trainer = scaled(scale=16.0)
    for number, batch in enumerate(batches()[:5]):
        trainer.play([batch], number * BATCH)
    state = trainer.state()[1]["scaler"]
    assert (state["scale"], state["_growth_tracker"]) == (16.0, 5)
    again = scaled()
    again.load(*trainer.state())
    assert again.scaler.state_dict() == trainer.scaler.state_dict()


def test_an_overflow_skips_the_step_halves_the_scale_once_and_is_no_nan():
    trainer = scaled(scale=2.0**127)
    before = {name: value.clone() for name, value in weights(trainer.mode.networks).items()}
    trainer.play([batches()[0]], 0)
    assert trainer.state()[1]["scaler"]["scale"] == 2.0**126
    assert_identical(weights(trainer.mode.networks), before)
    assert all(stats.first_nonfinite() is None for stats in trainer.stats.values())


@pytest.mark.parametrize("mode", ["pix2pix", "cycle"])
def test_r1_is_applied_as_often_and_as_much_as_said(mode):
    """Averaged over many steps the lazy penalty is the penalty."""
    torch.manual_seed(0)
    batch = batches_for(mode)[0]
    means = {}
    for every, steps in ((1, 1), (4, 160)):
        s = settings(mode, mode_settings={"r1": 2.0, "r1_every": every})
        game = new_game(s)
        values = []
        for _ in range(steps):
            game.plan_round(len(batch[0]))
            values += [losses["r1"].item() for player, losses, _ in game.step(*batch) if player == "D"]
        means[every] = sum(values) / len(values)
    assert means[1] > 0
    assert means[4] == pytest.approx(means[1], rel=0.3)


def test_instance_noise_fades_to_nothing():
    s = settings("pix2pix", mode_settings={"instance_noise": 0.5})
    game = new_game(s)
    x, y = batches()[0]

    def loss_of_d(progress):
        return next(game.step(x, y, progress=progress))[1]["D"].item()

    assert loss_of_d(0.0) != loss_of_d(0.0)
    assert loss_of_d(1.0) == loss_of_d(1.0)
