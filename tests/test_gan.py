"""Images from noise: each paper's algorithm as a textbook would write it gives the same weights, bit for bit."""

import pytest
import torch
import torch.nn.functional as F
from games import BATCH, assert_identical, batches, new_game, played, settings, weights
from torch import nn

from translate.modes import DOMAINS, MODES
from translate.train.settings import mode_defaults
from translate.train.step.trainer import Trainer

GANS = [mode for mode, cls in MODES.items() if cls.kind == "noise"]


def paper(mode: str, **changes):
    """The mode's own objective, k and optimizer, with tiny networks."""
    train = {name: value for name, value in mode_defaults(mode)["train"].items() if name != "batch"}
    game = {"latent": 16, "k": mode_defaults(mode).get("mode_settings", {}).get("k", 1)}
    return settings(mode, **{"train": train, "mode_settings": game, **changes})


def images(k: int, rounds: int = 4):
    """Batches of k · BATCH images."""
    drawn = [x for (x,) in batches(rounds * k, domains=1)]
    return [(torch.cat(drawn[first : first + k]),) for first in range(0, len(drawn), k)]


def networks(s, **more) -> tuple[nn.Module, nn.Module]:
    """The same new G and D that the trainer begins with, then the same random numbers."""
    game = new_game(s, **more)
    torch.manual_seed(3)
    return game.networks["G"].train(), game.networks["D"].train()


def z() -> torch.Tensor:
    return torch.randn(BATCH, 16)


def ascend(optimizer: torch.optim.Optimizer, value: torch.Tensor) -> None:
    optimizer.zero_grad()
    (-value).backward()
    optimizer.step()


def adam(network: nn.Module, lr=2e-4, betas=(0.5, 0.999)) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True)


def test_vanilla_is_algorithm_1_of_2014():
    """k = 2 steps of D, each on new images and new noise, then one of G, which maximises log D(G(z))."""
    s = paper("vanilla", mode_settings={"k": 2, "latent": 16})
    assert (s.mode_settings.objective, s.generator.network, s.discriminator.network) == ("vanilla", "mlp", "mlp")
    G, D = networks(s)
    of_g, of_d = adam(G), adam(D)
    for (x,) in images(2):
        for m in range(2):
            real, fake = x[2 * m : 2 * m + 2], G(z()).detach()
            ascend(of_d, F.logsigmoid(D(real)).mean() + F.logsigmoid(-D(fake)).mean())
        ascend(of_g, F.logsigmoid(D(G(z()))).mean())
    ours, theirs = played(s, images(2)), weights({"G": G, "D": D})
    assert ours.keys() == theirs.keys()
    for name in ours:  # torch's cross entropy rounds otherwise than its logarithm of the sigmoid
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def test_dcgan_is_the_textbook_loop():
    """Radford et al. 2016: batch norm in both, real and fake images in batches of their own, Adam(2e-4, 0.5)."""
    s = paper("dcgan", generator={"norm": "batch"}, discriminator={"norm": "batch"})
    G, D = networks(s)
    of_g, of_d = adam(G), adam(D)
    for (x,) in images(1, 12):
        fake = G(z()).detach()
        of_d.zero_grad()
        (bce(D(x), 1.0) + bce(D(fake), 0.0)).backward()
        of_d.step()
        of_g.zero_grad()
        bce(D(G(z())), 1.0).backward()
        of_g.step()
    assert_identical(played(s, images(1, 12)), weights({"G": G, "D": D}))


def test_conditional_dcgan_is_the_textbook_loop():
    """Mirza & Osindero 2014: the class beside z as one-hot numbers, beside the image as planes of zeros and ones."""
    s = paper("dcgan")
    classes = [torch.tensor(pair) for pair in ([0, 2], [1, 1], [2, 0], [2, 1])]
    data = [(x, c) for (x,), c in zip(images(1), classes, strict=True)]
    G, D = networks(s, classes=3)
    of_g, of_d = adam(G), adam(D)
    for x, c in data:
        code = torch.eye(3)[c]
        planes = torch.zeros(BATCH, 3, 16, 16)
        for image, number in enumerate(c):
            planes[image, number] = 1
        fake = G(torch.cat([z(), code], 1)).detach()
        of_d.zero_grad()
        (bce(D(torch.cat([x, planes], 1)), 1.0) + bce(D(torch.cat([fake, planes], 1)), 0.0)).backward()
        of_d.step()
        of_g.zero_grad()
        bce(D(torch.cat([G(torch.cat([z(), code], 1)), planes], 1)), 1.0).backward()
        of_g.step()
    assert_identical(played(s, data, classes=3), weights({"G": G, "D": D}))


def test_wgan_is_algorithm_1():
    """Arjovsky et al. 2017: 5 steps of the critic with RMSprop(5e-5), its weights clipped to ± 0.01 after each."""
    s = paper("wgan")
    assert (s.mode_settings.k, s.mode_settings.clip, s.train.optimizer, s.train.lr) == (5, 0.01, "rmsprop", 5e-5)
    G, D = networks(s)
    of_g, of_d = (torch.optim.RMSprop(network.parameters(), lr=5e-5) for network in (G, D))
    for (x,) in images(5):
        for real in x.split(BATCH):
            fake = G(z()).detach()
            ascend(of_d, D(real).mean() - D(fake).mean())
            with torch.no_grad():
                for weight in D.parameters():
                    weight.copy_(weight.clip(-0.01, 0.01))
        ascend(of_g, D(G(z())).mean())
    assert max(weight.abs().max() for weight in D.parameters()) == torch.tensor(0.01)
    assert_identical(played(s, images(5)), weights({"G": G, "D": D}))


def test_wgan_gp_is_algorithm_1():
    """Gulrajani et al. 2017: D(x̃) - D(x) + 10 (‖∇D(x̂)‖₂ - 1)², 5 steps, Adam(1e-4, 0, 0.9)."""
    s = paper("wgan-gp", discriminator={"norm": "none"})
    assert (
        s.mode_settings.k,
        s.mode_settings.penalty,
        s.mode_settings.clip,
        s.train.lr,
        s.train.beta1,
        s.train.beta2,
    ) == (5, 10, 0, 1e-4, 0, 0.9)
    G, D = networks(s)
    of_g, of_d = (adam(network, 1e-4, (0.0, 0.9)) for network in (G, D))
    for (x,) in images(5):
        for real in x.split(BATCH):
            fake = G(z()).detach()
            of_real, of_fake = D(real), D(fake)
            loss = of_fake.mean() - of_real.mean()
            epsilon = torch.rand(BATCH, 1, 1, 1)
            between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
            slope = torch.autograd.grad(D(between).sum(), between, create_graph=True)[0]
            of_d.zero_grad()
            (loss + 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()).backward()
            of_d.step()
        of_g.zero_grad()
        (-D(G(z())).mean()).backward()
        of_g.step()
    assert_identical(played(s, images(5)), weights({"G": G, "D": D}))


@pytest.mark.parametrize("mode", GANS)
def test_every_step_of_d_sees_new_images(mode):
    s = paper(mode, mode_settings={"latent": 16, "k": 3, "r1": 0.0, "r2": 0.0})
    trainer, seen = Trainer(new_game(s), s.train, 100), []
    trainer.mode.D.register_forward_pre_hook(lambda network, given: seen.append(given[0].detach().clone()))
    ((x,),) = images(3, 1)
    trainer.play([(x,)], 0)
    assert trainer.mode.batches_per_round == 3
    shown = [n for n in range(6) if any(len(g) == BATCH and torch.equal(g[n % 2], x[n]) for g in seen)]
    assert shown == [*range(6)]
    times = sum(torch.equal(batch, real) for batch in seen for real in x.split(BATCH))
    again = 1 if trainer.mode.objective.relativistic else 0  # G's loss has real images, too
    assert times == 3 + again, "each batch is shown once"


@pytest.mark.parametrize("mode", ["wgan", "pix2pix", "cycle"])
def test_clipped_weights_lie_within_their_bounds_after_each_round(mode):
    s = settings(mode, mode_settings={"objective": "wgan", "clip_weights": 0.02})
    game = new_game(s)
    trainer = Trainer(game, s.train, 100)
    judges = [network for name, network in game.networks.items() if name.startswith("D")]
    for batch in batches(3, domains=DOMAINS[MODES[mode].kind]):
        trainer.play([batch], 0)
        assert all(weight.abs().max() <= torch.tensor(0.02) for judge in judges for weight in judge.parameters())
    assert max(weight.abs().max() for weight in game.networks["G"].parameters()) > 0.02


def test_together_is_apart_without_batch_norm():
    """separate=false: one pass over real and fake images gives what two give, and not with batch norm."""

    def loss(norm: str, separate: bool) -> float:
        s = paper("dcgan", discriminator={"norm": norm}, mode_settings={"latent": 16, "k": 1, "separate": separate})
        game = new_game(s)
        torch.manual_seed(3)
        return next(game.step(*images(1)[0]))[1]["D"].item()

    assert loss("instance", True) == pytest.approx(loss("instance", False), rel=1e-6)
    assert abs(loss("batch", True) - loss("batch", False)) > 1e-5


def test_bf16_keeps_float32_weights_and_a_float32_penalty():
    s = paper("wgan-gp", train={"precision": "bf16", "lr": 1e-4})
    trainer = Trainer(new_game(s), s.train, 100)
    trainer.play([images(5)[0]], 0)
    assert all(p.dtype == torch.float32 for net in trainer.mode.networks.values() for p in net.parameters())
    assert all(stats.first_nonfinite() is None for stats in trainer.stats.values())
