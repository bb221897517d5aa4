"""R3GAN (Huang et al. 2024): its loss as the paper writes it, the training as a textbook loop, and its networks."""

import math

import pytest
import torch
import torch.nn.functional as F
from games import batches, new_game, played, settings, weights
from test_gan import adam, z
from torch import nn

from translate.networks import LATENT, DiscriminatorSettings, GeneratorSettings, build_discriminator, build_generator
from translate.networks.layers import blur_pool
from translate.networks.r3gan import GAIN, Block, R3GANDiscriminator, R3GANGenerator
from translate.train.settings import mode_defaults


def test_r3gan_is_the_textbook_loop():
    """Adam with β₁ = 0; D: softplus(D(G(z)) - D(x)), γ/2 ‖∇D(x)‖² and γ/2 ‖∇D(G(z))‖²; G: softplus(D(x) - D(G(z)))."""
    own = mode_defaults("r3gan")
    train = {name: own["train"][name] for name in ("lr", "beta1", "beta2")}
    s = settings("r3gan", train={**train, "decay_from": 1.0})
    w = s.mode_settings
    assert (w.objective, w.k, w.r1, w.r2, w.r1_every) == ("relativistic", 1, 2.0, 2.0, 1)
    game = new_game(s)
    G, D = game.networks["G"].train(), game.networks["D"].train()
    of_g, of_d = (adam(network, 2e-4, (0.0, 0.99)) for network in (G, D))
    torch.manual_seed(3)

    def squared_slope(x):
        x = x.detach().clone().requires_grad_()
        slope = torch.autograd.grad(D(x).sum(), x, create_graph=True)[0]
        return 0.5 * slope.square().sum((1, 2, 3)).mean()

    for (x,) in batches(6, domains=1):
        fake = G(z()).detach()
        of_d.zero_grad()
        (F.softplus(D(fake) - D(x)).mean() + 2.0 * squared_slope(x) + 2.0 * squared_slope(fake)).backward()
        of_d.step()
        of_g.zero_grad()
        F.softplus(D(x) - D(G(z()))).mean().backward()
        of_g.step()
    ours, theirs = played(s, batches(6, domains=1)), weights({"G": G, "D": D})
    for name, value in theirs.items():  # sums in another order
        torch.testing.assert_close(ours[name], value, rtol=1e-3, atol=1e-6)


def test_both_penalties_take_part():
    ends = {}
    for name, change in {"both": {}, "r1": {"r2": 0.0}, "r2": {"r1": 0.0}}.items():
        ends[name] = played(settings("r3gan", mode_settings=change), batches(3, domains=1))
    assert any(not torch.equal(ends["both"][key], ends["r1"][key]) for key in ends["both"])
    assert any(not torch.equal(ends["both"][key], ends["r2"][key]) for key in ends["both"])


def test_layers_are_the_papers():
    """No norm anywhere; twice the channels inside a block, in groups of 16; two blocks at each of five resolutions."""
    G, D = R3GANGenerator(size=(64, 64), filters=16), R3GANDiscriminator(size=(64, 64), filters=16)
    for network in (G, D):
        blocks = [layer for layer in network.modules() if isinstance(layer, Block)]
        assert len(blocks) == 2 * 5
        norms = (nn.BatchNorm2d, nn.InstanceNorm2d, nn.GroupNorm)
        assert not any(isinstance(layer, norms) for layer in network.modules())
        for block in blocks:
            first, middle, last = (layer for layer in block.layers if isinstance(layer, nn.Conv2d))
            assert first.out_channels == middle.out_channels == last.in_channels == 2 * first.in_channels
            assert [layer.kernel_size for layer in (first, middle, last)] == [(1, 1), (3, 3), (1, 1)]
            assert middle.in_channels // middle.groups == 16
    widths = [layer.layers[0].in_channels for layer in G.net if isinstance(layer, Block)]
    assert widths == [128, 128, 128, 128, 64, 64, 32, 32, 16, 16]
    mirrored = [layer.layers[0].in_channels for layer in D.net if isinstance(layer, Block)]
    assert mirrored == widths[::-1]


@pytest.mark.parametrize("init", ["normal", "kaiming"])
def test_initial_blocks_are_the_identity_whatever_init_says(init):
    """Fix-up: the last layer of each is 0; the others have gain · blocks^(-1/4) / √inputs."""
    torch.manual_seed(0)
    made = GeneratorSettings(network="r3gan", filters=32, blocks=2, init=init)
    network = build_generator(made, 64, 3, (32, 32))
    count = 2 * 4
    x = torch.randn(2, 256, 4, 4)
    block = next(layer for layer in network.modules() if isinstance(layer, Block))
    assert torch.equal(block(x), x)
    first = block.layers[0].weight
    assert first.std().item() == pytest.approx(GAIN * count**-0.25 / math.sqrt(first[0].numel()), rel=0.05)


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (32, 64)])
def test_sizes(size):
    with torch.inference_mode():
        image = build_generator(GeneratorSettings(network="r3gan", filters=4, blocks=1), 8, 3, size)(torch.randn(2, 8))
        assert image.shape == (2, 3, *size)
        discriminator = DiscriminatorSettings(network="r3gan", filters=4).for_size(*size)
        assert discriminator.layers == 2
        assert build_discriminator(discriminator, 3, size)(image).shape == (2, 1, 1, 1)
    with pytest.raises(ValueError, match="can't make 30 x 30"):
        GeneratorSettings(network="r3gan").for_size(30, 30)
    assert "r3gan" in LATENT


def test_spectral_norm_of_zeros_is_refused():
    with pytest.raises(ValueError, match="begin with zeros"):
        DiscriminatorSettings(network="r3gan", spectral_norm=True)


def test_blur_pool_is_the_filter_1_2_1():
    x = torch.randn(2, 3, 8, 10)
    taps = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (taps[:, None] * taps).expand(3, 1, 3, 3)
    wanted = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=3)
    torch.testing.assert_close(blur_pool()(x), wanted)
