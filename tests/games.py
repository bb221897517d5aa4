"""A game played by the trainer on drawn batches, for the tests that play the same game by hand."""

from functools import partial

import torch
from small import tiny_settings
from torch import nn

from translate.modes import DOMAINS, MODES
from translate.modes.objectives import OBJECTIVES
from translate.networks import build_discriminator, build_generator
from translate.train.settings import RunSettings
from translate.train.step.trainer import Trainer
from translate.train.teacher import load

TOTAL, BATCH = 24, 2


def settings(mode: str, **changes) -> RunSettings:
    own = {
        name: value
        for name, value in {"k": 1, "latent": 16, "start": 64}.items()
        if name in MODES[mode].Settings.model_fields
    }
    return tiny_settings(mode, {"train": {"images": TOTAL, "ema": 0.0}, "mode_settings": own}, changes)


def new_game(s: RunSettings, **more):
    torch.manual_seed(1)
    game = MODES[s.mode]
    if game.taught and "teacher" not in more:
        more["teacher"] = load(s)[0]
    return game(
        s.mode_settings,
        OBJECTIVES[s.mode_settings.objective],
        partial(build_generator, s.generator, size=s.data.size),
        partial(build_discriminator, s.discriminator, size=s.data.size),
        (3, 3)[: DOMAINS[game.kind]],
        **more,
    )


def batches(count: int = TOTAL // BATCH, domains: int = 2):
    generator = torch.Generator().manual_seed(2)
    draw = partial(torch.rand, BATCH, 3, 16, 16, generator=generator)
    return [tuple(draw() * 2 - 1 for _ in range(domains)) for _ in range(count)]


def end_turn(game, player, losses, diagnostics) -> None:
    """What the trainer does after a player's step, for a round of one batch."""
    game.end_turn(player, lambda: {name: value.detach() for name, value in (losses | diagnostics).items()})


def batches_for(mode: str):
    return batches(domains=DOMAINS[MODES[mode].kind])


def played(s: RunSettings, images, **more) -> dict[str, torch.Tensor]:
    """Weights after the trainer has played all batches."""
    game = new_game(s, **more)
    trainer = Trainer(game, s.train, TOTAL)
    torch.manual_seed(3)
    for number, batch in enumerate(images):
        trainer.play([batch], number * BATCH)
    return weights(game.networks)


def weights(networks: dict[str, nn.Module]) -> dict[str, torch.Tensor]:
    return {f"{n}.{k}": v for n, net in networks.items() for k, v in net.state_dict().items()}


def assert_near(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], part: float) -> None:
    """What two trainings with tiny steps came to: nothing differs by more than a `part` of the largest value of its
    kind. Adam's first moments are the gradients."""
    assert ours.keys() == theirs.keys()
    largest: dict[str, float] = {}

    def kind(name: str) -> str:
        what, owner, *rest = name.split("/")
        return f"{what} {owner} {rest[-1]}" if what == "optimizers" else f"{what} {owner}"

    for name, value in theirs.items():
        largest[kind(name)] = max(largest.get(kind(name), 0.0), value.abs().max().item())
    for name, value in theirs.items():
        far = (value.double() - ours[name].double()).abs().max().item()
        assert far <= part * largest[kind(name)] or name.startswith("random/"), name


def assert_identical(ours, textbook):
    assert ours.keys() == textbook.keys()
    different = [name for name in ours if not torch.equal(ours[name], textbook[name])]
    assert not different


def only(trained: list[nn.Module], frozen: list[nn.Module]) -> None:
    """Let gradients reach the first networks' weights and not the others'."""
    for network, wanted in [(n, True) for n in trained] + [(n, False) for n in frozen]:
        network.requires_grad_(wanted)


def decay(optimizers, seen: int) -> None:
    """Constant, then linear to 0 over the second half, counted in images."""
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] = 2e-4 * (1.0 if seen <= TOTAL / 2 else (TOTAL - seen) / (TOTAL / 2))


def adam(*networks: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam([p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999), fused=True)
