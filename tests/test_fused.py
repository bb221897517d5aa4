"""The fused step through Triton's interpreter: against torch, twice differentiated, in whole networks."""

import copy
import os

import pytest
import torch

if torch.cuda.is_available():
    pytest.skip("with a GPU the kernels are compiled: test_gpu_fused.py", allow_module_level=True)
os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported, which the first fused step does

from fused_cases import CASES, differences, distance, fused, inputs, largest, networks, played
from torch import nn

from translate.networks.fused import fuses, plan
from translate.networks.fused.plan import Fused
from translate.networks.layers import upsample
from translate.networks.segments import Segmented, checkpoint_activations

# The fast tier has every kernel, padding and norm once, and one network; the rest is slow in the interpreter.
REPEATED = {"instance, relu", "instance, skip", "instance, relu, reflect 3", "group of 4, leaky, skip", "batch, leaky"}
FAST_NETWORKS = {"unet, group"}


def some_slow(names, slow) -> list:
    return [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in names]


@pytest.mark.parametrize("name", some_slow(CASES, REPEATED))
def test_the_step_is_torchs_and_so_are_its_two_derivatives(name):
    results, gradients, second = differences(CASES[name], "cpu", torch.float32)
    assert results < 2e-6
    assert gradients < 1e-5
    assert second < 1e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1.5e-2), (torch.float16, 3e-3)])
@pytest.mark.parametrize(
    "name",
    some_slow(
        ["instance, skip, reflect 1, both", "group of 8, relu, reflect 1, both"], {"group of 8, relu, reflect 1, both"}
    ),
)
def test_the_step_in_half_precision(name, dtype, tolerance):
    results, gradients, _ = differences(CASES[name], "cpu", dtype)
    assert results < tolerance
    assert gradients < 2 * tolerance
    assert fused(CASES[name], inputs(CASES[name]).to("cpu", dtype))[0].dtype == dtype


def test_the_result_has_the_channels_last_whatever_comes_in():
    case = CASES["instance, skip, reflect 1, both"]
    t = inputs(case)
    expected = fused(case, t)
    t.x = t.x.transpose(2, 3).contiguous().transpose(2, 3)
    assert largest(fused(case, t), expected) == 0
    assert all(y.is_contiguous(memory_format=torch.channels_last) for y in expected)


@pytest.mark.parametrize("name", some_slow(networks(), networks().keys() - FAST_NETWORKS))
def test_a_network_in_fused_steps_is_the_network(name):
    network, channels = networks()[name]
    if not isinstance(network, Segmented):
        pytest.skip("its steps are not listed, so none of them is fused")
    torch.manual_seed(7)  # with some images a ReLU or clamp is at its kink, and rounding changes a gradient
    x = torch.rand(2, channels, 16, 16) * 2 - 1
    twin = copy.deepcopy(network)
    assert largest(played(network, x, True), played(twin, x, False)) < 1e-4
    assert any(isinstance(step, Fused) for parts in network._plans.values() for _, steps in parts for step in steps)
    # Running statistics, and what they give in evaluation.
    assert largest(network.state_dict().values(), twin.state_dict().values()) < 1e-5
    assert network.state_dict().keys() == twin.state_dict().keys()
    with torch.no_grad():
        assert largest([network.eval()(x)], [twin.eval()(x)]) < 1e-4


def test_half_precision_pads_few_channels_to_8():
    network, channels = networks()["patch, instance"]
    x = torch.rand(1, channels, 16, 16) * 2 - 1
    seen = []
    handle = torch.nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.nn.functional.conv2d", lambda x, w, *rest: seen.append(w.shape) or handle(x, w, *rest))
        ours = played(network, x, True, half=True)
    assert seen[0][1] == seen[-1][0] == 8
    exact = played(network, x, False)
    assert ours[0].shape == exact[0].shape
    # As far from float32 as torch's own layers in half precision, or nearer.
    assert distance(ours, exact) < 1.2 * distance(played(network, x, False, half=True), exact) + 0.01


def test_the_bias_before_an_instance_norm_has_no_gradient():
    network, channels = networks()["patch, instance"]
    network.fused = True
    network(torch.rand(1, channels, 16, 16)).sum().backward()
    first, dead = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][:2]
    assert not dead.bias.grad.any()
    assert first.bias.grad.any()


@pytest.mark.slow
def test_recomputed_activations_give_the_same():
    network, channels = networks()["patch, batch"]
    twin = copy.deepcopy(network)
    checkpoint_activations(twin)
    x = torch.rand(2, channels, 16, 16) * 2 - 1
    found, expected = played(twin, x, True), played(network, x, True)
    assert all(torch.equal(f, e) for f, e in zip(found, expected, strict=True))
    assert largest(twin.state_dict().values(), network.state_dict().values()) == 0


@pytest.mark.parametrize("norm", some_slow(["instance", "group"], {"instance"}))
def test_a_penalty_of_the_discriminators_slope(norm):
    network, channels = networks()[f"patch, {norm}"]
    x = torch.rand(2, channels, 16, 16, requires_grad=True)
    found = []
    for fuse in (False, True):
        network.fused = fuse
        slope = torch.autograd.grad(network(x).mean((1, 2, 3)).sum(), x, create_graph=True)[0]
        gradients = torch.autograd.grad(slope.square().sum() * 1e4, list(network.parameters()), allow_unused=True)
        found.append([torch.zeros(1) if g is None else g for g in gradients])
    assert found[0][0].abs().max() > 1e-3
    assert distance(found[1], found[0]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet, instance", "unet, batch", "patch, group"])
def test_torchs_compiler_takes_the_step_as_one_operation(name):
    """Without a break in the graph, and with the same numbers."""
    network, channels = networks()[name]
    x = torch.rand(1, channels, 16, 16) * 2 - 1
    expected = played(copy.deepcopy(network), x, True)
    network.compile(backend="aot_eager", fullgraph=True)
    assert largest(played(network, x, True), expected) < 1e-6


def test_nearest_neighbour_upsampling_keeps_half_precision():
    layer = upsample("resize", 8, 4, 3, True)[0]
    x = torch.rand(1, 8, 3, 3).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y.float(), layer(x.float()))


def test_what_a_cpu_does_is_unchanged():
    network, channels = networks()["resnet, instance"]
    network.to(memory_format=torch.channels_last)
    assert not fuses(network, torch.rand(1, channels, 8, 8))


def test_what_works_in_place_changes_what_was_pushed():
    steps = plan(
        [nn.Conv2d(8, 8, 1), nn.InstanceNorm2d(8), "push", nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(8, 8, 1)]
    )
    assert [type(step).__name__ for step in steps] == ["Convolution", "Fused", "Convolution"]
    assert isinstance(steps[1], Fused)
    assert steps[1].push
    assert steps[1].slope == 0.2
