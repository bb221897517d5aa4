"""What CUDA graphs do, on a CPU: every operation of a function is recorded, and replayed on the same memory."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ASKS = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal.default")


class Tape(TorchDispatchMode):
    """Operations with the very tensors they took and gave, so that a value that Python read is frozen, as on a GPU.

    Raises where the host would wait for the device, which can't be recorded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple, dict, Any]] = []
        self.done = True

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if any(asked in str(func) for asked in ASKS):
            raise AssertionError(f"{func} waits for the device")
        out = func(*args, **kwargs)
        self.operations.append((func, args, kwargs, out))
        return out

    def replay(self) -> None:
        if self.done:  # recording has done it once; on a GPU it does nothing
            self.done = False
            return
        with torch.no_grad():
            for func, args, kwargs, kept in self.operations:
                for target, value in zip(tree_leaves(kept), tree_leaves(func(*args, **kwargs)), strict=True):
                    if isinstance(target, Tensor) and target.data_ptr() != value.data_ptr():
                        target.copy_(value)


def _refused(*_, **__) -> None:
    raise AssertionError("a number is copied to the device, which waits for it")


def capture(body: Callable[[], None], pool: Any = None) -> Callable[[], None]:
    """In the place of translate.train.step.cuda_graphs.capture."""
    tape = Tape()
    with tape, pytest.MonkeyPatch.context() as patched:
        for name in ("tensor", "as_tensor"):  # on a GPU they copy from the host, which waits
            patched.setattr(torch, name, _refused)
        body()
    return tape.replay
