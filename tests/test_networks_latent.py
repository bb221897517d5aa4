"""Networks that make images from noise, and their discriminators: the published layouts, counts and sizes."""

import json

import pytest
import torch
from torch import nn

from translate.networks import LATENT, DiscriminatorSettings, GeneratorSettings, build_discriminator, build_generator
from translate.networks.dcgan import DCGANDiscriminator, DCGANGenerator, stages
from translate.networks.mlp import MLPDiscriminator, MLPGenerator


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_dcgan_has_the_published_number_of_parameters():
    """PyTorch's tutorial and most others at 64 px: 3,576,704 and 2,765,568 without any bias; here layers that no norm
    follows have one: the last of G (3 channels), the first (64) and the last (1) of D."""
    assert parameters(DCGANGenerator(100, 3)) == 3_576_704 + 3
    assert parameters(DCGANDiscriminator(3)) == 2_765_568 + 64 + 1


def test_dcgan_at_64_px_is_the_published_layout():
    """512, 256, 128, 64 and 3 channels, maps of 4, 8, 16, 32 and 64 px, 4×4 kernels; D is the mirror image."""
    seen: list[tuple[int, ...]] = []

    def note(network: nn.Module) -> nn.Module:
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                assert layer.kernel_size == (4, 4)
                layer.register_forward_hook(lambda layer, given, out: seen.append(tuple(out.shape[1:])))
        return network

    with torch.inference_mode():
        image = note(DCGANGenerator(100, 3))(torch.randn(2, 100))
        widths = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32)]
        assert seen == [*widths, (3, 64, 64)]
        seen.clear()
        note(DCGANDiscriminator(3))(image)
        assert seen == [*widths[::-1], (1, 1, 1)]


def test_dcgan_has_its_norms_and_activations_where_the_paper_has_them():
    """Batch norm everywhere but at G's output and D's input; ReLU and tanh in G, LeakyReLU 0.2 in D; no pooling."""
    kinds = {nn.ConvTranspose2d: "up", nn.Conv2d: "down", nn.ReLU: "relu", nn.Tanh: "tanh", nn.LeakyReLU: "leaky"}

    def order(network: nn.Module) -> list[str]:
        return [kinds.get(type(layer), "norm") for layer in network.net]

    assert order(DCGANGenerator(size=(32, 32))) == ["up", "norm", "relu"] * 3 + ["up", "tanh"]
    discriminator = DCGANDiscriminator(size=(32, 32))
    assert order(discriminator) == ["down", "leaky"] + ["down", "norm", "leaky"] * 2 + ["down"]
    assert {layer.negative_slope for layer in discriminator.net if isinstance(layer, nn.LeakyReLU)} == {0.2}


SIDES = {(28, 28): (2, (7, 7)), (32, 32): (3, (4, 4)), (48, 48): (3, (6, 6)), (64, 64): (4, (4, 4)),
         (128, 128): (5, (4, 4)), (32, 64): (3, (4, 8))}  # fmt: skip


@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("upsampling", ["deconv", "resize", "shuffle"])
def test_dcgan_sizes(size, upsampling):
    assert stages(size) == SIDES[size]
    settings = GeneratorSettings(network="dcgan", filters=2, norm="batch", upsampling=upsampling).for_size(*size)
    discriminator = DiscriminatorSettings(network="dcgan", filters=2, norm="batch").for_size(*size)
    with torch.inference_mode():
        image = build_generator(settings, 5, 3, size)(torch.randn(2, 5))
        assert image.shape == (2, 3, *size)
        assert image.abs().max() <= 1
        assert build_discriminator(discriminator, 3, size)(image).shape == (2, 1, 1, 1)


@pytest.mark.parametrize("size", [(30, 30), (33, 33), (64, 33), (4, 4), (36, 36)])
def test_dcgan_says_which_sizes_it_can_make(size):
    with pytest.raises(ValueError, match=f"to 28, 32, 48, 64, .* can't make {size[0]} x {size[1]}"):
        GeneratorSettings(network="dcgan").for_size(*size)


def test_mlp_layers_and_the_points_of_a_plane():
    units = [layer.out_features for layer in MLPGenerator(100, 1).modules() if isinstance(layer, nn.Linear)]
    assert units == [256, 256, 28 * 28]
    units = [layer.out_features for layer in MLPDiscriminator(1, layers=3).modules() if isinstance(layer, nn.Linear)]
    assert units == [256, 256, 256, 1]
    for size, channels in (((1, 1), 2), ((10, 14), 3)):
        image = MLPGenerator(7, channels, size=size, filters=8)(torch.randn(4, 7))
        assert image.shape == (4, channels, *size)
        assert image.abs().max() <= 1
        assert MLPDiscriminator(channels, size=size, filters=8)(image).shape == (4, 1, 1, 1)


@pytest.mark.parametrize("name", LATENT)
def test_a_generator_from_noise_is_built_again_from_its_arguments(name):
    """What a generator file holds is enough: JSON-able arguments give a network with the same keys and shapes."""
    settings = GeneratorSettings(network=name, filters=4, blocks=2, norm="batch").for_size(16, 32)
    arguments = json.loads(json.dumps(settings.arguments(9, 3, (16, 32))))
    again = LATENT[name](**arguments)
    again.load_state_dict(build_generator(settings, 9, 3, (16, 32)).state_dict())
    assert again(torch.randn(2, 9)).shape == (2, 3, 16, 32)
