"""What the settings of a training step promise, each against a step written out by hand or a value that is known."""

import pytest
import torch
from games import BATCH, TOTAL, batches, batches_for, end_turn, new_game, settings, weights
from small import tiny_settings
from torch import nn

from translate.data import open_data
from translate.modes import MODES
from translate.networks import GENERATORS, LATENT, takes
from translate.system.hashed_tensors import nest, read
from translate.train.build import build_mode
from translate.train.run import start
from translate.train.step.trainer import Trainer, learning_rate

LR = 0.01


def quiet(*words: str) -> None:
    pass


def step_by_hand(game, batch, lr: dict[str, float], clip_norm: float = 0.0) -> dict[str, float]:
    """Each player's move with plain gradient descent. Returns the norms of the gradients before clipping."""
    norms = {}
    for player, losses, diagnostics in game.step(*batch):
        parameters = [p for name in game.players[player] for p in game.networks[name].parameters()]
        found = torch.autograd.grad(sum(losses.values()), parameters, allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        scale = min(1.0, clip_norm / norm.item()) if clip_norm else 1.0
        norms[player] = norm.item()
        with torch.no_grad():
            for p, g in zip(parameters, gradients, strict=True):
                p -= lr[player] * scale * g
                if limit := game.weight_clip.get(player):
                    p.clamp_(-limit, limit)
        end_turn(game, player, losses, diagnostics)
    return norms


def assert_same_step(ours, theirs, before) -> None:
    """The changes of the weights agree to a thousandth of the largest change of their network."""
    assert ours.keys() == theirs.keys() == before.keys()
    largest: dict[str, float] = {}
    for name, value in theirs.items():
        network = name.partition(".")[0]
        largest[network] = max(largest.get(network, 0.0), (value - before[name]).abs().max().item())
    for name, value in theirs.items():
        assert (ours[name] - value).abs().max().item() <= 1e-3 * largest[name.partition(".")[0]], name


SETTINGS = {
    "plain": {},
    "accumulate": {"accumulate": 3, "batch": 2},
    "clip_norm": {"clip_norm": 0.05},
    "lr_d": {"lr_d": 10 * LR},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_one_round_of_a_run_is_the_step_written_out(name, pictures, tmp_path):
    """A run of 6 images, all of them in one round, from its settings to its generator file."""
    train = {"images": 6, "batch": 6, "ema": 0.0, "optimizer": "sgd", "lr": LR, "score_images": 2, **SETTINGS[name]}
    domains = {"a": str(pictures[0]), "b": str(pictures[1])}
    s = tiny_settings("pix2pix", domains, {"train": {**train, "workers": 0, "channels_last": False}})
    start(s, tmp_path / "run", say=quiet)

    torch.manual_seed(s.seed)
    game = build_mode(s)
    before = {name: value.clone() for name, value in weights(game.networks).items()}
    (batch,) = open_data(s.a, s.b, s.data, paired=True, seed=s.seed, say=quiet).batches(0, 6, 6)
    norms = step_by_hand(game, batch, {"G": LR, "D": s.train.lr_d or LR}, s.train.clip_norm or 0.0)
    assert not s.train.clip_norm or min(norms.values()) > 2 * s.train.clip_norm  # otherwise nothing is clipped
    tensors, _ = read(tmp_path / "run" / "checkpoints" / "000000006.safetensors")
    trained = {name.replace("/", "."): value for name, value in nest(tensors, "networks/").items()}
    assert_same_step(trained, weights(game.networks), before)


@pytest.mark.parametrize("mode", MODES)
def test_clipped_gradients_and_the_step_size_of_d_hold_in_every_mode(mode):
    s = settings(mode, train={"optimizer": "sgd", "lr": LR, "lr_d": 10 * LR, "clip_norm": 0.01})
    game, by_hand = new_game(s), new_game(s)
    before = {name: value.clone() for name, value in weights(by_hand.networks).items()}
    trainer, batch = Trainer(game, s.train, TOTAL), batches_for(mode)[0]
    torch.manual_seed(3)
    trainer.play([batch], 0)
    torch.manual_seed(3)
    norms = step_by_hand(by_hand, batch, {"G": LR, "D": 10 * LR}, 0.01)
    assert max(norms.values()) > 0.01
    assert_same_step(weights(game.networks), weights(by_hand.networks), before)


NORMED = [
    mode
    for mode, game in MODES.items()
    if "norm" in takes({**GENERATORS, **LATENT}[game.defaults["generator"]["network"]])
]


@pytest.mark.parametrize("mode", NORMED)
def test_the_kept_generator_has_the_batch_statistics_of_the_trained_one(mode):
    """Batch norm's running means and variances are no weights: they are copied, not averaged, and not forgotten."""
    s = settings(mode, generator={"norm": "batch"}, train={"ema": 0.9})
    trainer = Trainer(new_game(s), s.train, TOTAL)
    new = {name: dict(trainer.generator(name).named_buffers()) for name in trainer.mode.generators}
    new = {name: {key: value.clone() for key, value in of.items()} for name, of in new.items()}
    for number, batch in enumerate(batches_for(mode)[:3]):
        trainer.play([batch], number * BATCH)
    for direction, name in trainer.mode.generators.items():
        trained = dict(trainer.mode.networks[name].named_buffers())
        kept = dict(trainer.generator(direction).named_buffers())
        assert trainer.generator(direction) is not trainer.mode.networks[name]
        means = [key for key in kept if key.endswith("running_mean")]
        assert means
        assert not any(torch.equal(kept[key], new[direction][key]) for key in means)
        assert all(torch.equal(kept[key], trained[key]) for key in trained)


class Bowl(nn.Module):
    """A discriminator D(x) = ½‖x‖²: its gradient is x, so that R1 says at which images it was taken."""

    def __init__(self, outputs: int = 1):
        super().__init__()
        self.scale, self.outputs = nn.Parameter(torch.ones(())), outputs

    def forward(self, x):
        return self.scale * 0.5 * x.square().sum((1, 2, 3), keepdim=True).expand(-1, self.outputs, 1, 1)


@pytest.mark.parametrize("mode", [mode for mode in MODES if MODES[mode].discriminators])
def test_r1_is_the_squared_gradient_at_real_images(mode):
    one = {"scales": 1, "lambda_features": 0.0}  # several D see it smaller, and a bowl has no features
    own = {name: value for name, value in one.items() if name in MODES[mode].Settings.model_fields}
    s = settings(mode, mode_settings={"r1": 2.0, "r1_every": 1, **own})
    game = new_game(s)
    critics = [name for name in game.networks if name.startswith("D")]
    for name in critics:
        game.networks[name] = Bowl(3 if game.many else 1)
        setattr(game, name, game.networks[name])
    trainer, batch = Trainer(game, s.train, TOTAL), batches_for(mode)[0]
    trainer.play([batch], 0)
    # a single D sees the target domain, or all of many
    seen = [torch.cat(batch)] if game.many else batch[-len(critics) :]
    expected = 0.5 * 2.0 * sum(images.square().sum((1, 2, 3)).mean().item() for images in seen)
    assert trainer.stats["D"].means()[0]["r1"] == pytest.approx(expected, rel=1e-4)


def test_pix2pix_changes_the_colours_of_input_and_output_each_by_its_own_mean():
    """Brightness, saturation and contrast are the pair's; the grey and the mean that they refer to are an image's own,
    so what D sees of one half does not depend on the other half."""
    s = settings("pix2pix", mode_settings={"diffaugment": ["color"]})
    (x, y), (other_x, other_y) = batches()[:2]

    def seen_by_d(pair):
        trainer, seen = Trainer(new_game(s), s.train, TOTAL), []
        trainer.mode.networks["D"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
        torch.manual_seed(3)
        trainer.play([pair], 0)
        return seen[0].split(3, 1)  # the real pair

    first_x, first_y = seen_by_d((x, y))
    assert not torch.allclose(first_y, y)  # changed at all
    assert torch.allclose(seen_by_d((other_x, y))[1], first_y, atol=1e-5)
    assert torch.allclose(seen_by_d((x, other_y))[0], first_x, atol=1e-5)


def test_learning_rate_is_constant_then_linear_in_images():
    assert [learning_rate(seen, 100, 0.5) for seen in (0, 49, 50, 75, 100)] == [1, 1, 1, 0.5, 0]
    assert learning_rate(99, 100, 1.0) == 1
