"""Torch's global flags of a process that trains."""

import os

import torch

from translate.system.memory import keep_freed
from translate.train.settings import TrainSettings


def set_backends(settings: TrainSettings) -> None:
    """settings: resolved (no 'auto')."""
    if settings.device == "cpu":
        keep_freed()
        torch.set_flush_denormal(True)  # denormal numbers cost a third of the time on a CPU
    elif settings.device == "cuda":
        torch.set_float32_matmul_precision("high" if settings.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = settings.tf32
        torch.backends.cudnn.benchmark = not settings.deterministic  # sizes stay the same: the search pays
        if settings.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
            torch.use_deterministic_algorithms(True)
