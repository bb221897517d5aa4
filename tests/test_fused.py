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
from translate.networks.segments import checkpoint_activations

NETWORKS = list(networks())


@pytest.mark.parametrize("name", CASES)
def test_the_step_is_torchs_and_so_are_its_two_derivatives(name):
    results, gradients, second = differences(CASES[name], "cpu", torch.float32)
    assert results < 2e-6
    assert gradients < 1e-5
    assert second < 1e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1.5e-2), (torch.float16, 3e-3)])
@pytest.mark.parametrize("name", ["instance, skip, reflect 1, both", "group of 8, relu, reflect 1, both"])
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


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_fused_steps_is_the_network(name):
    network, channels = networks()[name]
    x = torch.rand(2, channels, 16, 16) * 2 - 1
    twin = copy.deepcopy(network)
    assert largest(played(network, x, True), played(twin, x, False)) < 1e-4
    assert any(isinstance(step, Fused) for parts in network._plans.values() for _, steps in parts for step in steps)
    # Running statistics, and what they give in evaluation.
    assert largest(network.state_dict().values(), twin.state_dict().values()) < 1e-5
    assert network.state_dict().keys() == twin.state_dict().keys()
    with torch.no_grad():
        assert largest([network.eval()(x)], [twin.eval()(x)]) < 1e-4


def test_half_precision_pads_3_channels_to_8():
    network, _ = networks()["resnet, instance"]
    x = torch.rand(1, 3, 8, 8) * 2 - 1
    seen = []
    handle = torch.nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.nn.functional.conv2d", lambda x, w, *rest: seen.append(w.shape) or handle(x, w, *rest))
        ours = played(network, x, True, half=True)
    assert seen[0][1] == seen[-1][0] == 8
    assert ours[0].shape == (1, 3, 8, 8)
    exact = played(network, x, False)
    # As far from float32 as torch's own layers in half precision, or nearer.
    assert distance(ours, exact) < 1.2 * distance(played(network, x, False, half=True), exact)


def test_the_bias_before_an_instance_norm_has_no_gradient():
    network, _ = networks()["resnet, instance"]
    network.fused = True
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    assert not network.model[1].bias.grad.any()
    assert network.model[-2].bias.grad.any()


def test_recomputed_activations_give_the_same():
    network, channels = networks()["resnet, batch"]
    twin = copy.deepcopy(network)
    checkpoint_activations(twin)
    x = torch.rand(2, channels, 16, 16) * 2 - 1
    found, expected = played(twin, x, True), played(network, x, True)
    assert all(torch.equal(f, e) for f, e in zip(found, expected, strict=True))
    assert largest(twin.state_dict().values(), network.state_dict().values()) == 0


@pytest.mark.parametrize("norm", ["instance", "group"])
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
