"""Networks: the published parameter counts and keys, any input size, and what the settings mean."""

import hashlib

import pytest
import torch
from torch import nn

from translate.networks import (
    DISCRIMINATORS,
    GENERATORS,
    DiscriminatorSettings,
    GeneratorSettings,
    build_discriminator,
    build_generator,
    receptive_field,
)
from translate.networks.layers import NORMS
from translate.networks.patchgan import PatchGAN, Pixel
from translate.networks.resnet import ResNet
from translate.networks.unet import UNet


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# (network, parameters, entries of the state dict), as published for the reference implementation
PUBLISHED = [
    (lambda: ResNet(blocks=9), 11_378_179, 48),
    (lambda: ResNet(blocks=6), 7_837_699, 36),
    (lambda: ResNet(blocks=9, norm="batch"), 11_383_427, 140),
    (lambda: UNet(depth=8, norm="batch", dropout=True), 54_413_955, 82),
    (lambda: UNet(depth=7, norm="batch", dropout=True), 41_828_995, 70),
    (lambda: UNet(depth=8, norm="instance"), 54_409_603, 32),
    (lambda: PatchGAN(3, norm="instance"), 2_764_737, 10),
    (lambda: PatchGAN(6, norm="batch"), 2_768_705, 22),
]


@pytest.mark.parametrize(("make", "count", "entries"), PUBLISHED)
def test_parameter_counts_are_the_published_ones(make, count, entries):
    network = make()
    assert parameters(network) == count
    assert len(network.state_dict()) == entries


def both(*names: str) -> set[str]:
    return {f"{name}.{part}" for name in names for part in ("weight", "bias")}


def test_resnet_keys_are_the_published_ones():
    blocks = [f"model.{i}.conv_block.{j}" for i in range(10, 19) for j in (1, 5)]
    ends = [f"model.{i}" for i in (1, 4, 7, 19, 22, 26)]
    assert set(ResNet(blocks=9).state_dict()) == both(*ends, *blocks)
    # with dropout the second convolution of a block moves by one, the commonest failure to load
    moved = [name.replace("conv_block.5", "conv_block.6") for name in blocks]
    assert set(ResNet(blocks=9, dropout=True).state_dict()) == both(*ends, *moved)


def test_unet_keys_are_the_published_ones():
    keys = set(UNet(filters=4, depth=8, norm="instance").state_dict())
    expected, inside = both("model.model.0", "model.model.3"), "model.model.1"
    for _ in range(6):
        expected |= both(f"{inside}.model.1", f"{inside}.model.5")
        inside += ".model.3"
    assert keys == expected | both(f"{inside}.model.1", f"{inside}.model.3")
    batch = set(UNet(filters=4, depth=8, norm="batch").state_dict())
    assert "model.model.1.model.2.running_mean" in batch
    assert "model.model.1.model.1.bias" not in batch
    assert f"{inside}.model.4.weight" in batch  # the innermost level's only norm


def test_discriminator_keys_are_the_published_ones():
    assert set(PatchGAN(3).state_dict()) == both(*(f"model.{i}" for i in (0, 2, 5, 8, 11)))
    assert set(Pixel(3).state_dict()) == both("net.0", "net.2", "net.5")
    assert "net.5.bias" not in Pixel(3, norm="batch").state_dict()


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_receptive_fields(layers, field):
    """Measured with a gradient, not computed: which pixels one logit depends on."""
    assert receptive_field(layers) == field
    network = PatchGAN(1, filters=2, layers=layers, norm="none").double()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.5)
    image = torch.ones(1, 1, 2 * field, 2 * field, dtype=torch.float64, requires_grad=True)
    logits = network(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == field


@pytest.mark.parametrize("side", [(256, 30), (64, 6), (32, 2)])
def test_patchgan_map_sizes(side):
    assert PatchGAN(3, filters=2)(torch.zeros(1, 3, side[0], side[0])).shape == (1, 1, side[1], side[1])


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("upsampling", ["deconv", "resize", "shuffle", "blur"])
@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
def test_generators_take_any_size_and_keep_it(name, upsampling, norm):
    settings = GeneratorSettings(network=name, filters=4, blocks=1, depth=3, norm=norm, upsampling=upsampling)
    network = build_generator(settings, 3, 3).eval()
    for height, width in [(1, 1), (2, 3), (17, 40), (64, 64)]:
        with torch.inference_mode():
            out = network(torch.rand(2, 3, height, width) * 2 - 1)
        assert out.shape == (2, 3, height, width)
        assert out.abs().max() <= 1


@pytest.mark.parametrize("name", GENERATORS)
def test_padding_inside_does_not_touch_sizes_that_fit(name):
    """A size that is a multiple already gives what the bare layers give; one pixel less is padded and cropped."""
    torch.manual_seed(0)
    network = build_generator(GeneratorSettings(network=name, filters=4, blocks=1, depth=3, norm="none"), 3, 3)
    image = torch.rand(1, 3, 32, 32)
    image[..., -1, :] = image[..., -2, :]  # what padding by repeating the edge gives
    torch.testing.assert_close(network(image[..., :-1, :]), network(image)[..., :-1, :])


@pytest.mark.parametrize("name", [name for name in DISCRIMINATORS if name != "r3gan"])
def test_spectral_norm_bounds_every_layer(name):
    settings = DiscriminatorSettings(network=name, filters=8, layers=2, norm="none", spectral_norm=True, init_gain=5.0)
    network = build_discriminator(settings.for_size(32, 32), 3, (32, 32))
    for _ in range(30):
        network(torch.rand(1, 3, 32, 32))
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_initial_weights_are_the_papers():
    torch.manual_seed(0)
    network = build_generator(GeneratorSettings(norm="batch", blocks=2, filters=32), 3, 3)
    convolutions = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    weights = torch.cat([m.weight.flatten() for m in convolutions])
    assert weights.mean().abs() < 1e-3
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert all(m.bias.abs().max() == 0 for m in convolutions if m.bias is not None)
    scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
    assert scales.mean().item() == pytest.approx(1, abs=0.01)


def test_settings_choose_by_image_size():
    assert DiscriminatorSettings().for_size(32, 32).layers == 1
    assert DiscriminatorSettings().for_size(64, 64).layers == 2
    assert DiscriminatorSettings().for_size(256, 512).layers == 3
    assert DiscriminatorSettings(layers=4).for_size(32, 32).layers == 4
    unet = GeneratorSettings(network="unet")
    assert [unet.for_size(s, s).depth for s in (32, 64, 256, 1024)] == [5, 6, 8, 8]


@pytest.mark.parametrize("norm", ["instance", "group", "batch"])
def test_norms_survive_half_precision(norm):
    """Activations of 30,000 overflow a variance in fp16; the norms compute in float32."""

    out = NORMS[norm](8).train()(torch.randn(2, 8, 16, 16).clamp(-3, 3).mul(20_000).half())
    assert out.dtype == torch.float16
    assert out.isfinite().all()


def test_same_seed_same_weights_on_every_build():
    def digest() -> str:
        torch.manual_seed(7)
        network = build_generator(GeneratorSettings(filters=4, blocks=1), 3, 3)
        return hashlib.sha256(b"".join(t.numpy().tobytes() for t in network.state_dict().values())).hexdigest()

    assert digest() == digest()


@pytest.mark.parametrize("norm", ["instance", "group"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_norms_of_large_pictures_are_precise(norm, layout):
    """torch's own group norm, with the channels last, is off by 2e-4 here."""
    torch.manual_seed(0)
    x = (torch.rand(1, 8, 700, 900) + 1).contiguous(memory_format=layout)
    groups = 8 if norm == "instance" else 1
    exact = torch.nn.functional.group_norm(x.double().contiguous(), groups)
    assert (NORMS[norm](8)(x) - exact).abs().max() < 5e-6


@pytest.mark.parametrize("name", ["resnet", "unet", "light"])
def test_residual_generators_learn_other_colours_where_the_input_is_black(name):
    """With inward_gradient; f is about -2, so that x + f(x) is below -1 everywhere, and torch's clamp has no gradient.
    What would move it further out still has none."""
    torch.manual_seed(0)
    how = {"residual": True, "inward_gradient": True}
    made = GeneratorSettings(network=name, filters=4, blocks=1, **how).for_size(32, 32)
    generator, black = build_generator(made, 3, 3).train(), -torch.ones(1, 3, 32, 32)
    last = [layer for layer in generator.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)][-1]
    nn.init.constant_(last.bias, -2)
    assert torch.equal(generator(black), black)
    (-generator(black).mean()).backward()  # descent makes it lighter
    torch.testing.assert_close(last.bias.grad, torch.full_like(last.bias, -1 / 3))
    last.bias.grad = None
    generator(black).mean().backward()  # and here darker
    assert not last.bias.grad.any()
