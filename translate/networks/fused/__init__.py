"""Fused steps for CUDA: norm, activation, sum and padding as one step of Triton kernels, in channels_last."""

from importlib.util import find_spec

import torch
from torch import Tensor, nn

from translate.networks.fused.plan import Fused, Planned, can_fuse, plan

__all__ = ["Fused", "Planned", "can_fuse", "fuses", "plan"]

TRITON = find_spec("triton") is not None
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def fuses(network: nn.Module, x: Tensor) -> bool:
    """Whether the network runs in fused steps on x: on CUDA, with Triton and with weights in channels_last.

    The setting `channels_last = false` gives torch's own operations.
    """
    if not (TRITON and x.is_cuda and x.dtype in DTYPES):
        return False
    weights = (p for p in network.parameters() if p.ndim == 4 and not p.is_contiguous())
    return any(p.is_contiguous(memory_format=torch.channels_last) for p in weights)
