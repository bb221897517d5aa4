"""The device of the option --device."""

import re

import torch

from translate.errors import UserError


def choose(name: str | torch.device) -> str:
    """'cpu', 'cuda', 'cuda:1' or 'mps'; 'auto' is the fastest one. UserError if the machine doesn't have it."""
    name = str(name)
    mps = torch.backends.mps.is_available()
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    found = re.fullmatch(r"(cpu|cuda|mps)(?::(\d{1,4}))?", name)
    if found is None:
        raise UserError(f"--device must be auto, cpu, cuda or mps, not '{name}'.")
    kind, number = found[1], int(found[2] or 0)
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; use --device cpu, or check the driver.")
    if kind == "mps" and not mps:
        raise UserError("--device mps: torch finds no Apple GPU here; use --device cpu.")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if number >= count:
        raise UserError(f"--device {name}: there are only {count} of them here, counted from 0.")
    return name if kind == "cuda" else kind
