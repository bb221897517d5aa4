"""What the fused step is compared on: on a CPU through Triton's interpreter, on CUDA compiled."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from translate.networks import (
    DISCRIMINATORS,
    GENERATORS,
    DiscriminatorSettings,
    GeneratorSettings,
    build_discriminator,
    build_generator,
)
from translate.networks.fused.function import norm_act_pad
from translate.networks.fused.spec import Spec


@dataclass
class Case:
    """shape: (N, C, H, W). skip: a residual is added."""

    shape: tuple[int, int, int, int]
    spec: Spec
    skip: bool = False


# Odd sizes, every kind of norm, activation and padding; channels that fill no tile; pads as large as the map allows.
CASES = {
    "instance, relu": Case((2, 16, 5, 7), Spec(1, slope=0.0)),
    "instance, leaky, several parts": Case((1, 20, 20, 17), Spec(1, slope=0.2)),
    "instance, relu, reflect 3": Case((2, 8, 4, 9), Spec(1, slope=0.0, pad=3, kind="reflect")),
    "instance, relu, replicate 3": Case((1, 8, 2, 5), Spec(1, slope=0.0, pad=3, kind="replicate")),
    "instance, zeros 1": Case((1, 72, 3, 3), Spec(1, pad=1, kind="zeros")),
    "instance, skip": Case((2, 16, 5, 6), Spec(1), True),
    "instance, skip, reflect 1, both": Case((2, 16, 6, 5), Spec(1, pad=1, kind="reflect", plain=True), True),
    "instance, relu, skip, replicate 1, both": Case(
        (1, 24, 5, 5), Spec(1, slope=0.0, pad=1, kind="replicate", plain=True), True
    ),
    "group of 8, relu, reflect 1, both": Case((2, 24, 6, 7), Spec(8, slope=0.0, pad=1, kind="reflect", plain=True)),
    "group of 4, leaky, skip": Case((2, 4, 7, 5), Spec(4, slope=0.2), True),
    "batch, leaky": Case((3, 20, 6, 5), Spec(1, batch=True, slope=0.2)),
    "batch, relu, reflect 2, skip": Case((2, 16, 9, 4), Spec(1, batch=True, slope=0.0, pad=2, kind="reflect"), True),
    "image, reflect 3, 8 channels": Case((2, 3, 6, 7), Spec(pad=3, kind="reflect", channels=8)),
    "relu, replicate 1": Case((1, 16, 5, 4), Spec(slope=0.0, pad=1, kind="replicate")),
}


@dataclass
class Tensors:
    x: Tensor
    weight: Tensor | None
    bias: Tensor | None
    skip: Tensor | None

    def given(self) -> list[Tensor]:
        return [t for t in (self.x, self.weight, self.bias, self.skip) if t is not None]

    def to(self, device: str, dtype: torch.dtype) -> "Tensors":
        """Parameters keep full precision where it is half."""
        wide = dtype if dtype == torch.float64 else torch.float32
        made = []
        for tensor, kind in zip((self.x, self.weight, self.bias, self.skip), (dtype, wide, wide, dtype), strict=True):
            made.append(None if tensor is None else tensor.detach().to(device, kind).requires_grad_())
        return Tensors(*made)


def inputs(case: Case, seed: int = 0) -> Tensors:
    random = torch.Generator().manual_seed(seed)
    n, c, h, w = case.shape
    affine = case.spec.group > 1 or case.spec.batch
    # Means far from 0, rows in another order in memory.
    x = torch.randn(n, c, h, w, generator=random) * 2 + 5 * torch.randn(1, c, 1, 1, generator=random)
    weight, bias = (torch.randn(c, generator=random) if affine else None for _ in range(2))
    return Tensors(x, weight, bias, torch.randn(n, c, h, w, generator=random) if case.skip else None)


def fused(case: Case, t: Tensors) -> list[Tensor]:
    padded, plain, _ = norm_act_pad(t.x, case.spec, t.weight, t.bias, t.skip)
    return [padded, plain] if case.spec.plain else [padded]


def by_torch(case: Case, t: Tensors) -> list[Tensor]:
    """The same by torch's own layers."""
    spec, y = case.spec, t.x
    if spec.batch:
        y = F.batch_norm(y, None, None, t.weight, t.bias, True, eps=spec.eps)
    elif spec.group:
        y = F.group_norm(y, y.shape[1] // spec.group, t.weight, t.bias, spec.eps)
    y = F.leaky_relu(y, spec.slope)
    y = y if t.skip is None else y + t.skip
    padded = F.pad(y, [spec.pad] * 4, mode="constant" if spec.kind == "zeros" else spec.kind) if spec.pad else y
    if spec.channels:
        padded = F.pad(padded, (0, 0, 0, 0, 0, spec.channels - y.shape[1]))
    return [padded, y] if spec.plain else [padded]


def loss(results: Iterable[Tensor]) -> Tensor:
    """Every number of the results with a weight of its own."""
    total = torch.zeros((), dtype=torch.float64)
    for seed, result in enumerate(results):
        weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        total = total + (result.double().cpu() * weights).sum()
    return total


def largest(found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    """The largest difference, by the size of what is compared where that is more than 1."""
    pairs = [(f.detach().double().cpu(), e.detach().double().cpu()) for f, e in zip(found, expected, strict=True)]
    return max(((f - e).abs().max() / e.abs().max().clamp_min(1)).item() for f, e in pairs)


def distance(found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    """‖found − expected‖ / ‖expected‖ of all numbers together."""
    flat = [torch.cat([t.detach().double().cpu().flatten() for t in tensors]) for tensors in (found, expected)]
    return ((flat[0] - flat[1]).norm() / flat[1].norm()).item()


def played(network: torch.nn.Module, x: Tensor, fuse: bool, half: bool = False) -> list[Tensor]:
    """The result and the gradients of the input and the parameters. half: in bf16 where autocast puts it."""
    network.fused = fuse
    x = x.detach().clone().requires_grad_()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        y = network(x)
    return [y, *torch.autograd.grad(loss([y]), [x, *network.parameters()])]


def differences(case: Case, device: str, dtype: torch.dtype) -> tuple[float, float, float]:
    """Of the results, the gradients, and the gradients of a gradient's square, between the fused step in `dtype` and
    torch in float64 on the same (rounded) numbers."""
    ours = inputs(case).to(device, dtype)
    exact = ours.to("cpu", torch.float64)
    found, expected = fused(case, ours), by_torch(case, exact)
    results = largest(found, expected)
    gradients = largest(
        torch.autograd.grad(loss(found), ours.given(), retain_graph=True),
        torch.autograd.grad(loss(expected), exact.given(), retain_graph=True),
    )
    if not case.spec.group:
        return results, gradients, 0.0
    second = []
    for results_, t in ((found, ours), (expected, exact)):
        slope = torch.autograd.grad(loss(results_), t.x, create_graph=True)[0]
        wanted = [t.x, *([] if t.weight is None else [t.weight])]
        second.append(torch.autograd.grad(slope.double().square().sum(), wanted))
    return results, gradients, largest(*second)


def networks() -> dict[str, tuple[torch.nn.Module, int]]:
    """Every generator and discriminator that works on images, small, with their norms and ways; and input channels."""
    torch.manual_seed(0)
    made: dict[str, tuple[torch.nn.Module, int]] = {}
    ways = (("instance", "reflect", "deconv"), ("group", "replicate", "resize"), ("batch", "zeros", "shuffle"))
    for name in GENERATORS:
        for norm, padding, way in ways:
            settings = GeneratorSettings(network=name, filters=8, blocks=2, downs=1, depth=3, init_gain=0.2)
            if name == "spade":  # whose untrained outputs would all be -1 or 1
                settings = settings.model_copy(update={"init_gain": 0.05})
            settings = settings.model_copy(update={"norm": norm, "padding": padding, "upsampling": way})
            made[f"{name}, {norm}"] = build_generator(settings, 3, 3), 3
    for name in DISCRIMINATORS:
        for norm in ("instance", "group", "batch"):
            settings = DiscriminatorSettings(network=name, filters=8, layers=2, norm=norm, init_gain=0.2)
            made[f"{name}, {norm}"] = build_discriminator(settings, 6, (16, 16)), 6
    return {name: made[name] for name in made if not name.startswith("mlp")}
