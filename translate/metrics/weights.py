"""Weight files of the metrics' networks: found in installed packages without importing these, and verified."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from translate.errors import DAMAGED, UNAVAILABLE, UserError

INSTALL = 'pip install "imgtranslate[scores]"'


def is_installed(package: str) -> bool:
    """Whether there is such a package. It is not imported."""
    return find_spec(package) is not None


def find_in_package(package: str, file: str, score: str) -> Path:
    """Where `file` lies inside the installed `package`, which is not imported.

    UserError that names the score (`score`) that can't be computed, and what to install.
    """
    spec = find_spec(package)  # of a top-level package: runs no code of it
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / file).is_file():
            return path
    raise UserError(f"{score} needs the weights of a network, which are not installed: {INSTALL}", UNAVAILABLE)


def load(path: Path, sha256: str | None = None) -> tuple[dict[str, torch.Tensor], str]:
    """(state dict on the CPU, sha256 of the file). UserError if it isn't `sha256`, where that is given.

    The file is read once and only as data (`weights_only`), so what was hashed is what is used.
    """
    try:
        found = digest(path)
        if sha256 is not None and found != sha256:
            raise UserError(
                f"{path} is not the file the scores are defined with (sha256 {found[:12]}…, expected {sha256[:12]}…): "
                f"reinstall it with {INSTALL} --force-reinstall",
                DAMAGED,
            )
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.", DAMAGED) from error
    except Exception as error:  # torch.load raises UnpicklingError, RuntimeError, EOFError… on what isn't its file
        raise UserError(f"{path} is not a PyTorch file of plain weights (a state dict).", DAMAGED) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{path} is not a PyTorch file of plain weights (a state dict).", DAMAGED)
    return state, found


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fold(weight: torch.Tensor, norm: dict[str, torch.Tensor], eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """One convolution (weight, bias) that does what a bias-free convolution and its batch norm do in evaluation.

    BN(w*x) = g (w*x - mean) / sqrt(var + eps) + b. Folded in float64 and rounded once.
    """
    scale = norm["weight"].double() / (norm["running_var"].double() + eps).sqrt()
    bias = norm["bias"].double() - norm["running_mean"].double() * scale
    return (weight.double() * scale[:, None, None, None]).float(), bias.float()
