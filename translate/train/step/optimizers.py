"""A player's optimizer; torch's classes without its compiler, which they import at their first use (some 5 s)."""

import functools
import inspect
from typing import Any

import torch
from torch import nn

from translate.train.settings import TrainSettings


def optimizer(
    parameters: list[nn.Parameter], s: TrainSettings, lr: float, discriminator: bool
) -> torch.optim.Optimizer:
    """The optimizer that the settings name for a generator's or a discriminator's player."""
    kind, device = (s.optimizer_d or s.optimizer) if discriminator else s.optimizer, parameters[0].device
    # A recorded round reads the step size from where it was when it was recorded.
    step_size: Any = torch.tensor(lr, device=device) if s.graphs else lr
    if kind == "rmsprop":
        return light(torch.optim.RMSprop)(parameters, step_size, capturable=bool(s.graphs))
    fused = device.type in ("cuda", "cpu") or None  # one kernel for all parameters
    if kind == "sgd":
        return light(torch.optim.SGD)(parameters, step_size, fused=fused)
    return light(torch.optim.Adam)(
        parameters, step_size, betas=(s.beta1, s.beta2), fused=fused, capturable=bool(s.graphs)
    )


@functools.cache
def light(kind: Any) -> Any:
    """The same class of optimizer, its methods without the wrappers that speak to torch.compile."""
    methods: dict[str, Any] = {
        name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad", "step")
    }
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(methods["step"])})
