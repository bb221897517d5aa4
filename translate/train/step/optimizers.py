"""A player's optimizer. Torch's classes without torch.compile's wrappers, whose import takes some 5 s."""

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
    # A recorded round reads the learning rate from this tensor.
    lr_value: Any = torch.tensor(lr, device=device) if s.graphs else lr
    if kind == "rmsprop":
        return light(torch.optim.RMSprop)(parameters, lr_value, capturable=bool(s.graphs))
    fused = device.type in ("cuda", "cpu") or None  # one kernel for all parameters
    if kind == "sgd":
        return light(torch.optim.SGD)(parameters, lr_value, fused=fused)
    return light(torch.optim.Adam)(
        parameters, lr_value, betas=(s.beta1, s.beta2), fused=fused, capturable=bool(s.graphs)
    )


@functools.cache
def light(kind: Any) -> Any:
    """The optimizer class `kind`, whose methods have no wrappers for torch.compile."""
    methods: dict[str, Any] = {
        name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad", "step")
    }
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(methods["step"])})
