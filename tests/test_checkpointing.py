"""Activation checkpointing: the same numbers, bit for bit, while less is kept."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from games import assert_identical, batches, settings, weights
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from translate.modes import DOMAINS, MODES
from translate.networks import (
    DISCRIMINATORS,
    GENERATORS,
    DiscriminatorSettings,
    GeneratorSettings,
    build_discriminator,
    build_generator,
    checkpoint_activations,
)
from translate.system import image_rng
from translate.train.build import build_mode
from translate.train.step.trainer import Trainer


def generator(name: str, norm: str = "batch", dropout: bool = True) -> nn.Module:
    torch.manual_seed(0)
    kind = GeneratorSettings(network=name, filters=8, blocks=3, depth=4, norm=norm, dropout=dropout, init="kaiming")
    return build_generator(kind, 3, 3)


def discriminator(name: str, norm: str = "batch", spectral_norm: bool = False) -> nn.Module:
    torch.manual_seed(0)
    kind = DiscriminatorSettings(network=name, filters=8, layers=2, norm=norm, spectral_norm=spectral_norm)
    return build_discriminator(kind, 3, (32, 32))


def checkpointed(network: nn.Module) -> nn.Module:
    twin = copy.deepcopy(network)
    checkpoint_activations(twin)
    return twin


def images(size: int = 32) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1


def learnt(network: nn.Module, precision: str = "fp32", penalty: bool = False) -> list[Tensor]:
    """Gradients and statistics after two passes of a network, on each of which a loss depends."""
    torch.manual_seed(3)
    x = images().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = network(x).float().square().mean() + network(0.5 * x).float().abs().mean()
        if penalty:
            loss = loss + torch.autograd.grad(network(x).float().sum(), x, create_graph=True)[0].square().sum()
    loss.backward(inputs=[x, *network.parameters()])
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return [x.grad, *gradients, *(b.clone() for b in network.buffers())]


def assert_same(ours: list[Tensor], theirs: list[Tensor]) -> None:
    assert [torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)] == [True] * len(theirs)


def kept(network: nn.Module) -> int:
    """Bytes that are there after a pass and were not before."""
    x = images(64)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as made:
        y = network(x)
    assert y.requires_grad
    return sum(e.nbytes() for e in made.profiler.kineto_results.events() if e.name() == "[memory]")


@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_learn_the_same(name, norm):
    network = generator(name, norm)
    assert_same(learnt(checkpointed(network)), learnt(network))


@pytest.mark.parametrize("penalty", [False, True])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_discriminators_learn_the_same(name, penalty):
    network = discriminator(name)
    assert_same(learnt(checkpointed(network), penalty=penalty), learnt(network, penalty=penalty))


@pytest.mark.parametrize("name", GENERATORS)
def test_mixed_precision_learns_the_same(name):
    network = generator(name)
    assert_same(learnt(checkpointed(network), "bf16"), learnt(network, "bf16"))


def test_weights_that_every_pass_changes_stay_as_they_are():
    network = discriminator("patch", "none", spectral_norm=True)
    assert_same(learnt(checkpointed(network)), learnt(network))


@pytest.mark.parametrize(("name", "least"), [("resnet", 4), ("light", 2), ("unet", 1.5)])
def test_generators_keep_less(name, least):
    network = generator(name, "instance", dropout=False)
    assert kept(network) > least * kept(checkpointed(network))


@pytest.mark.parametrize("name", ["patch", "pixel", "dcgan"])
def test_discriminators_keep_their_input_only(name):
    torch.manual_seed(0)
    network = build_discriminator(DiscriminatorSettings(network=name, filters=8, layers=2), 3, (64, 64))
    assert kept(network) > 20 * kept(checkpointed(network))


@pytest.mark.parametrize("name", GENERATORS)
def test_files_and_use_are_the_same(name):
    network = generator(name).eval()
    twin = checkpointed(network)
    assert [*twin.state_dict()] == [*network.state_dict()]
    assert [n for n, _ in twin.named_modules()] == [n for n, _ in network.named_modules()]
    with torch.inference_mode():
        assert torch.equal(twin(images()), network(images()))
    graphs = [torch.export.export(n, (images(),)).graph_module.code for n in (twin, network)]
    assert graphs[0] == graphs[1]


def test_a_copy_learns_by_itself():
    """An average of weights is a deep copy: what it keeps must be its own layers."""
    network = checkpointed(generator("resnet", "batch"))
    twin = copy.deepcopy(network)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learnt(twin)
    assert_identical(dict(network.state_dict()), before)
    assert all(p.grad is None for p in network.parameters())
    assert all(p.grad is not None for p in twin.parameters())


def test_threads_with_dropout_don_t_disturb_each_other():
    """Each draws from its own numbers; restoring torch's global ones in a backward pass would mix them up."""
    network = checkpointed(generator("resnet", "instance"))

    def work(seed: int) -> list[Tensor]:
        numbers = torch.Generator().manual_seed(seed)
        with image_rng.part(0, 1, numbers):
            loss = sum((network(images()).square().mean() for _ in range(3)), torch.zeros(()))
            return [*torch.autograd.grad(loss, list(network.parameters()))]

    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for ours, theirs in zip(threads.map(work, range(4)), alone, strict=True):
            assert_same(ours, theirs)


@pytest.mark.parametrize("mode", ["cycle", "pix2pix", "wgan-gp"])
def test_a_game_is_played_the_same(mode):
    """Several passes of a network, players in turn, penalties: the trainer's own rounds."""

    def played(checkpointing: bool) -> dict[str, Tensor]:
        s = settings(mode, train={"checkpointing": checkpointing})
        torch.manual_seed(1)
        trainer = Trainer(build_mode(s), s.train, 24)
        assert any(getattr(n, "parts", ()) for n in trainer.mode.networks.values()) == checkpointing
        for number, batch in enumerate(batches(3, DOMAINS[MODES[mode].kind])):
            trainer.play([batch] * trainer.mode.batches_per_round, 2 * number)
        return weights(trainer.mode.networks)

    assert_identical(played(True), played(False))
