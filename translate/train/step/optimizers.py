"""Torch's optimizers without its compiler, which they import at their first use: as long as importing torch itself."""

import functools
import inspect
from typing import Any

import torch


@functools.cache
def light(kind: Any) -> Any:
    """The same class of optimizer, its methods without the wrappers that speak to torch.compile."""
    methods: dict[str, Any] = {
        name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad", "step")
    }
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(methods["step"])})
