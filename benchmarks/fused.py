"""The fused step and whole ResNet-9 generators on a GPU: milliseconds, and bytes a second beside a copy's.

Run: python benchmarks/fused.py [--quick]. About a minute on an H200.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from translate.networks.fused.function import norm_act_pad
from translate.networks.fused.spec import Spec
from translate.networks.resnet import ResNet

SHAPES = [(64, 256, 3), (128, 128, 0), (256, 64, 1), (64, 64, 3), (256, 16, 1)]  # channels, side, reflection behind
REGIONS, SECONDS = 5, 0.02


def milliseconds(work: Callable[[], object], warm: int = 3) -> float:
    """Median over some regions of one call's time on the device."""
    for _ in range(warm):
        work()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    work()
    torch.cuda.synchronize()
    count, times = max(1, int(SECONDS / (time.perf_counter() - begun))), []
    for _ in range(REGIONS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / count)
    return statistics.median(times)


def recorded(work: Callable[[], object]) -> Callable[[], None]:
    """The work as a graph: without the time that the CPU needs to launch it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def copy_rate() -> float:
    """GB/s, what is read and what is written."""
    big, other = (torch.rand(1 << 28, device="cuda") for _ in range(2))
    return 2 * big.nbytes / 1e6 / milliseconds(lambda: other.copy_(big))


def plain(x: Tensor, skip: Tensor | None, pad: int) -> Tensor:
    """What networks/layers.py does: norm in float32, ReLU or sum, reflection."""
    y = F.instance_norm(x.float()).to(x.dtype)
    y = F.relu(y) if skip is None else y + skip
    return F.pad(y, [pad] * 4, mode="reflect") if pad else y


def step(x: Tensor, skip: Tensor | None, pad: int) -> Tensor:
    spec = Spec(1, slope=1.0 if skip is not None else 0.0, pad=pad, kind="reflect")
    return norm_act_pad(x, spec, skip=skip)[0]


def steps(batches: tuple[int, ...], copied: float) -> None:
    """forward: x twice read, y written; backward: x and dy twice read, dx written (and the skip's)."""
    print(f"{'(N, C, H, W), pad, skip':36} {'plain f / f+b':>17} {'fused f / f+b':>17}  GB/s (a copy: {copied:.0f})")
    for batch in batches:
        for channels, side, pad in SHAPES:
            for add in (False, True) if side == 64 and channels == 256 else (False,):
                x = torch.randn(batch, channels, side, side, device="cuda", dtype=torch.bfloat16)
                x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
                skip = torch.randn_like(x).detach().requires_grad_() if add else None
                given = [x] if skip is None else [x, skip]
                times = []
                for function in (plain, step):
                    gradient = torch.randn_like(function(x, skip, pad))

                    def forward(function=function, x=x, skip=skip, pad=pad) -> None:
                        with torch.no_grad():
                            function(x, skip, pad)

                    def both(function=function, x=x, skip=skip, pad=pad, gradient=gradient, given=given) -> None:
                        torch.autograd.grad(function(x, skip, pad), given, gradient)

                    times += [milliseconds(recorded(forward)), milliseconds(recorded(both))]
                size = x.numel() * 2 / 1e6  # MB; MB a millisecond are GB a second
                rates = (3 + add) * size / times[2], (8 + 2 * add) * size / times[3]
                rate = f"{rates[0]:6.0f} {rates[1]:6.0f}"
                print(
                    f"{(batch, channels, side, side)!s:24} {pad:3d} {'skip' if add else '':6}"
                    f" {times[0]:8.3f} {times[1]:8.3f} {times[2]:8.3f} {times[3]:8.3f}  {rate}",
                    flush=True,
                )


def generators(batches: tuple[int, ...], compiled: bool) -> None:
    """ResNet-9 at 256 px in bf16, channels last, forward and backward."""
    print(f"{'ResNet-9, 256 px, forward + backward':36} {'ms':>9} {'graph ms':>9} {'first s':>9}")
    network = ResNet().cuda().to(memory_format=torch.channels_last)
    kinds = ["plain", "fused"] + ["blocks compiled"] * compiled
    for kind in kinds:
        torch.manual_seed(0)
        one = copy.deepcopy(network)
        one.fused = kind == "fused"
        if kind == "blocks compiled":
            for layer in one.model:
                if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    layer.compile()
        for batch in batches:
            x = torch.rand(batch, 3, 256, 256, device="cuda").contiguous(memory_format=torch.channels_last) * 2 - 1
            x.requires_grad_()
            parameters = [x, *one.parameters()]

            def work(one=one, x=x, parameters=parameters) -> None:
                with torch.autocast("cuda", torch.bfloat16):
                    y = one(x)
                torch.autograd.grad(y.float().square().mean(), parameters)

            begun = time.perf_counter()
            work()
            torch.cuda.synchronize()
            first = time.perf_counter() - begun
            eager = milliseconds(work)
            print(
                f"{kind:28} batch {batch:3d} {eager:9.2f} {milliseconds(recorded(work)):9.2f} {first:9.1f}", flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer shapes, nothing compiled")
    quick = parser.parse_args().quick
    torch.backends.cudnn.benchmark = True
    copied = copy_rate()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; copy {copied:.0f} GB/s (read and written)")
    generators((1, 16) if quick else (1, 8, 16), not quick)
    steps((1, 16) if quick else (1, 8, 16), copied)


if __name__ == "__main__":
    main()
