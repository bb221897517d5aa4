"""Torch's global flags, set for a whole process that trains."""

import torch

from translate.system.memory import keep_freed
from translate.train.settings import TrainSettings


def set_backends(settings: TrainSettings) -> None:
    """settings: resolved."""
    if settings.device == "cpu":
        keep_freed()
        torch.set_flush_denormal(True)  # denormal numbers cost a third of the time on a CPU
    elif settings.device == "cuda":
        torch.set_float32_matmul_precision("high" if settings.tf32 else "highest")
        torch.backends.cudnn.allow_tf32 = settings.tf32
        torch.backends.cudnn.benchmark = True  # sizes stay the same, so the search for the fastest kernel pays
