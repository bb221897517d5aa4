"""What the machine can do at most (matrix products, copies), and what a piece of work asks of it (FLOPs, bytes)."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from harness import alternate, spread, timed
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

ROUNDS = 7
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Sides of the square matrices: large enough for the full rate, small enough for a second.
SIDES = {"cuda": (4096, 8192), "mps": (2048, 4096), "cpu": (1024, 2048)}
KINDS = {"cuda": ("fp32", "tf32", "bf16", "fp16"), "mps": ("fp32", "fp16"), "cpu": ("fp32", "bf16")}
COPIED = {"cuda": 1 << 30, "mps": 1 << 28, "cpu": 1 << 28}  # bytes; beyond every cache
FILLING = ("empty", "new_empty", "empty_like", "empty_strided")  # operators that touch no memory


def limits(device: str) -> dict[str, Any]:
    """{"flops": {precision: spread}, "bytes": spread}, both a second: the best size's matrix product, and a copy (what
    it reads and what it writes)."""
    rates = {}
    for kind in KINDS[device]:
        # No other way holds for all versions of torch: mixing it with its successor is an error.
        torch.set_float32_matmul_precision("high" if kind == "tf32" else "highest")
        sides = [_product(device, DTYPES[kind], side) for side in SIDES[device]]
        rates[kind] = max(sides, key=lambda rate: rate["median"])
    source = torch.zeros(COPIED[device], dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    seconds = alternate({"copy": partial(timed, partial(target.copy_, source), device)}, ROUNDS)["copy"]
    found = {"flops": rates, "bytes": spread(2 * COPIED[device] / value for value in seconds)}
    del source, target
    release(device)
    return found


def release(device: str) -> None:
    """Give the memory of this process back to those that are measured next."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()


def _product(device: str, dtype: torch.dtype, side: int) -> dict[str, float]:
    # Random numbers: on zeros a GPU draws less power and runs faster than it ever would.
    a, b = (torch.randn(side, side, device=device, dtype=torch.float32).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    seconds = alternate({"product": partial(timed, lambda: torch.mm(a, b, out=out), device)}, ROUNDS)["product"]
    return {**spread(2 * side**3 / value for value in seconds), "side": side}


class Counter(TorchDispatchMode):
    """Counts FLOPs, as torch's own counter has them (which can't be used: it refuses the gradient of a gradient), and
    the bytes of all tensors that operators are given and give, views and bare allocations left out.

    Those bytes are what unfused kernels would move if each read its inputs and wrote its outputs once. Fused ones move
    less; those that read twice, as norms do, or change the layout move more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **kwargs, out_val=result)
        if not func.is_view and func.overloadpacket.__name__ not in FILLING:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def count(work: Callable[[], Any]) -> tuple[int, int]:
    """(FLOPs, bytes) of `work`, forward and backward: products and convolutions, a multiply-add as 2; see Counter."""
    with Counter() as counter:
        work()
    return counter.flops, counter.bytes
