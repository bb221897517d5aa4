"""Reads untrusted checkpoints of torch.save: no code in them is run, and declared sizes are checked first."""

import math
import warnings
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint

from translate.errors import DAMAGED, UserError
from translate.interop import legacy
from translate.interop.pickles import Foreign

State = dict[str, Tensor]
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
WRAPPERS = ("module.", "_orig_mod.")  # prefixes of DataParallel and torch.compile, often saved with the weights


def read(word: str) -> State:
    """The weights of one network: of FILE, or of FILE:NAME where the file holds several.

    The prefixes of DataParallel and torch.compile are removed from the names. At most the file's size is allocated, and
    nothing for files of PyTorch 1.6 or later, whose tensors are views of the file. UserError with exit code 2: no such
    file or network; 5: not acceptable.
    """
    path, name = split(word)
    sizes = _check(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # torch's warnings about unusual files
            # weights_only is required for safety. With mmap, tensors are views of the file whatever sizes they declare.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=not is_legacy(path))
    except Exception as error:  # torch's readers raise many types on a forged file
        raise UserError(f"{path} can't be read as weights: {_first_line(error)}.", DAMAGED) from error
    state = _choose(_networks(content), name, path)
    _check_tensors(state, sizes, path)
    while wrapper := next((w for w in WRAPPERS if all(key.startswith(w) for key in state)), None):  # in any order
        state = {key.removeprefix(wrapper): tensor for key, tensor in state.items()}
    return state


def is_legacy(path: Path) -> bool:
    """Whether the file is of the format before PyTorch 1.6 (2020), which has no checksums."""
    beginning = _beginning(path)
    return beginning.startswith(legacy.BEGINNING) and beginning[257:262] != b"ustar"  # torch looks for a tar file first


def split(word: str) -> tuple[Path, str | None]:
    """(file, name of a network in it) of FILE or FILE:NAME."""
    path, name = Path(word), None
    if not path.exists() and ":" in word:
        start, name = word.rsplit(":", 1)
        path = Path(start)
    if not path.is_file():
        raise UserError(f"there is no file {word}; name a .pth file that torch.save wrote.")
    return path, name


def _check(path: Path) -> Counter[int]:
    """Sizes in bytes of the storages in the file. UserError unless it is a complete file of torch.save that contains
    nothing but weights."""
    try:
        if is_legacy(path):
            return legacy.check(path)
        return _check_archive(path)
    except UserError:
        raise
    except Foreign as foreign:
        raise UserError(
            f"{path} holds more than weights ({str(foreign)[:80]!r}), which could run code when it is loaded; nothing "
            "was run. Save only the network's state_dict() with torch.save.",
            DAMAGED,
        ) from foreign
    except Exception as error:  # zipfile and pickletools raise many types on a truncated or forged file
        raise UserError(f"{path} is damaged or no checkpoint: {_first_line(error)}.", DAMAGED) from error


def _check_archive(path: Path) -> Counter[int]:
    beginning = _beginning(path)
    if not beginning.startswith(b"PK\x03\x04"):
        raise UserError(f"{path} {_other_kind(beginning)}.", DAMAGED)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename.split("/", 1)[-1] for entry in entries]
        if "constants.pkl" in names:
            raise UserError(
                f"{path} is a TorchScript program, not weights; save the network's state_dict() with torch.save.",
                DAMAGED,
            )
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        # Checked before anything is unpacked: torch.save compresses nothing and has no duplicate names.
        if not stored or len(set(names)) < len(names) or sum(e.file_size for e in entries) > path.stat().st_size:
            raise UserError(f"{path} is a ZIP archive that torch.save did not write.", DAMAGED)
        if broken := archive.testzip():
            raise UserError(f"{path} is damaged: the checksum of its part {broken[:80]} is wrong.", DAMAGED)
    if "data.pkl" not in names:
        raise UserError(f"{path} is a ZIP archive, but not one that torch.save wrote.", DAMAGED)
    if unsafe := get_unsafe_globals_in_checkpoint(str(path)):
        raise Foreign(sorted(unsafe)[0])
    return Counter(entry.file_size for entry, name in zip(entries, names, strict=True) if name.startswith("data/"))


def _beginning(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(512)


def _other_kind(beginning: bytes) -> str:
    if beginning[257:262] == b"ustar":
        return (
            "is a tar archive: if a checkpoint, then of PyTorch before 0.1.10 (2017), which can't be read without "
            "running what is in it"
        )
    if beginning.startswith(b"\x80"):
        return "is a bare pickle, not a checkpoint of torch.save; nothing in it was run"
    return "is not a checkpoint: it is no file of torch.save, or its beginning is damaged"


def _networks(content: Any, name: str = "", depth: int = 3) -> dict[str, State]:
    """Every state dict in the saved object, by its dotted name; '' if the object is a state dict itself."""
    if not isinstance(content, dict):
        return {}
    # dict.items: a pickle may give an OrderedDict attributes, and one called 'items' would hide its method.
    tensors = {key: value for key, value in dict.items(content) if isinstance(key, str) and isinstance(value, Tensor)}
    if any(key.endswith(".weight") for key in tensors):
        return {name: tensors}
    found: dict[str, State] = {}
    for key, value in dict.items(content) if depth else ():
        if isinstance(key, str):
            found |= _networks(value, f"{name}.{key}".lstrip("."), depth - 1)
    return found


def _choose(networks: dict[str, State], name: str | None, path: Path) -> State:
    names = ", ".join(key[:40] for key in list(networks)[:12])
    if not networks:
        raise UserError(f"{path} holds no network's weights.", DAMAGED)
    if name is not None:
        if name not in networks:
            raise UserError(
                f"{path} holds no network '{name}'" + (f"; it has {names}." if names else ", but one only.")
            )
        return networks[name]
    if len(networks) > 1:
        raise UserError(f"{path} holds several networks ({names}); name one, as {path}:{next(iter(networks))}.")
    return next(iter(networks.values()))


def _check_tensors(state: State, sizes: Counter[int], path: Path) -> None:
    for key, tensor in state.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            raise UserError(f"{path}: its '{key[:80]}' is no ordinary tensor ({tensor.layout}).", DAMAGED)
        if tensor.dtype not in FLOATS and not key.endswith("num_batches_tracked"):
            raise UserError(
                f"{path}: its '{key[:80]}' is of {str(tensor.dtype).removeprefix('torch.')} numbers; weights should be "
                "float32, float16, bfloat16 or float64.",
                DAMAGED,
            )
    # A tensor with stride 0 can declare any size: 200,000 × 200,000 numbers in a file of 1.5 kB. And a mapped storage
    # can extend into its neighbours, or into the bytes after them.
    declared = sum(math.prod(tensor.shape) * tensor.element_size() for tensor in state.values())
    storages = {s.data_ptr(): s.nbytes() for s in (tensor.untyped_storage() for tensor in state.values())}
    if declared > path.stat().st_size or Counter(storages.values()) - sizes:
        raise UserError(f"{path} declares {declared:,} bytes of weights that it doesn't have.", DAMAGED)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:160]
