"""The fused step on CUDA, compiled: against torch, in half precision, recorded in a graph, in whole networks."""

import copy

import pytest
import torch
from fused_cases import CASES, by_torch, differences, distance, fused, inputs, largest, loss, networks, played

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use (CUDA)"),
]
NETWORKS = list(networks())
# Large enough for many tiles, parts and rows.
SHAPES = [(1, 64, 256, 256), (4, 128, 65, 33), (8, 256, 64, 64), (2, 512, 16, 16), (128, 64, 4, 4)]


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    """Convolutions in full float32 where it is float32 that is compared."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@pytest.mark.parametrize("name", CASES)
def test_the_step_is_torchs(name):
    results, gradients, second = differences(CASES[name], "cuda", torch.float32)
    assert results < 2e-6
    assert gradients < 1e-5
    assert second < 1e-4


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1.5e-2), (torch.float16, 3e-3)])
@pytest.mark.parametrize("name", CASES)
def test_the_step_in_half_precision(name, dtype, tolerance):
    results, gradients, _ = differences(CASES[name], "cuda", dtype)
    assert results < tolerance
    assert gradients < 2 * tolerance


@pytest.mark.parametrize("shape", SHAPES)
def test_large_maps(shape):
    case = copy.deepcopy(CASES["instance, skip, reflect 1, both"])
    case.shape = shape
    results, gradients, _ = differences(case, "cuda", torch.float32)
    assert results < 2e-6
    assert gradients < 1e-5


def test_equal_inputs_give_equal_bits():
    case = copy.deepcopy(CASES["group of 8, relu, reflect 1, both"])
    case.shape = (4, 64, 128, 128)
    made = []
    for _ in range(2):
        t = inputs(case).to("cuda", torch.bfloat16)
        results = fused(case, t)
        made.append([*results, *torch.autograd.grad(loss(results), t.given())])
    assert all(torch.equal(a, b) for a, b in zip(*made, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_in_fused_steps_is_the_network(name):
    network, channels = networks()[name]
    network.cuda().to(memory_format=torch.channels_last)
    x = torch.rand(2, channels, 16, 16, device="cuda") * 2 - 1
    expected = played(copy.deepcopy(network), x, False)
    assert distance(played(copy.deepcopy(network), x, True), expected) < 1e-4
    ours, torchs = (distance(played(copy.deepcopy(network), x, fuse, half=True), expected) for fuse in (True, False))
    assert ours < 1.2 * torchs + 0.01  # as far from float32 as torch's own layers in half precision, or nearer


def test_fused_steps_are_what_a_network_on_cuda_takes_by_itself():
    network = networks()["resnet, instance"][0].cuda()
    x = torch.rand(1, 3, 16, 16, device="cuda")
    network(x)
    assert not network._plans  # channels first
    network.to(memory_format=torch.channels_last)(x)
    assert network._plans


def test_a_graph_replays_the_step():
    case = CASES["instance, skip, reflect 1, both"]
    t = inputs(case).to("cuda", torch.bfloat16)
    weights = [torch.randn_like(result) for result in fused(case, t)]

    def work():
        results = fused(case, t)
        return [*results, *torch.autograd.grad(results, t.given(), weights)]

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        recorded = work()
    with torch.no_grad():
        t.x.copy_(inputs(case, seed=1).x)
    graph.replay()
    assert all(torch.equal(a, b) for a, b in zip(recorded, work(), strict=True))
    assert largest(recorded[:2], by_torch(case, t.to("cpu", torch.float64))) < 1.5e-2


@pytest.mark.parametrize("norm", ["instance", "group"])
def test_a_penalty_of_the_discriminators_slope(norm):
    network = networks()[f"patch, {norm}"][0].cuda().to(memory_format=torch.channels_last)
    x = torch.rand(2, 6, 16, 16, device="cuda", requires_grad=True)
    found = []
    for fuse in (False, True):
        network.fused = fuse
        slope = torch.autograd.grad(network(x).mean((1, 2, 3)).sum(), x, create_graph=True)[0]
        found.append(torch.autograd.grad(slope.square().sum() * 1e4, list(network.parameters()), allow_unused=True))
    a, b = ([torch.zeros(1) if g is None else g for g in gradients] for gradients in found)
    assert distance(b, a) < 1e-4
