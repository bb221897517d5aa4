"""The device of the option --device."""

import torch

from translate.errors import UserError


def choose(name: str) -> str:
    """'cpu', 'cuda' or 'mps'; 'auto' is the fastest one. UserError if the machine doesn't have it."""
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if name not in ("cpu", "cuda", "mps"):
        raise UserError(f"--device must be auto, cpu, cuda or mps, not '{name}'.")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; use --device cpu, or check the driver.")
    if name == "mps" and not mps:
        raise UserError("--device mps: torch finds no Apple GPU here; use --device cpu.")
    return name
