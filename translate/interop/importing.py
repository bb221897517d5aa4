"""`translate import`: converts checkpoints of the official layout into one generator file."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

import translate
from translate.errors import UserError
from translate.interop import pth
from translate.interop.architecture import Architecture
from translate.interop.junyanz import understand
from translate.system import hashed_tensors
from translate.system.files import write_whole

# Official discriminator name -> ours. Theirs is named after the generator that it trains: D_A comes with G_A: A → B,
# so its input is images of B, which are our Y.
JUDGES = {"net_d": "D", "net_d_a": "D_Y", "net_d_b": "D_X"}


@dataclass
class Options:
    """The command line's options. Files may be FILE.pth:NAME. judges: discriminators, a key of JUDGES -> file."""

    file: str
    back: str | None = None
    judges: dict[str, str] = field(default_factory=dict)
    out: Path | None = None
    domains: tuple[str, str] = ("a", "b")


def import_checkpoint(options: Options, say=print) -> Path:
    """Read, recognise and write; returns the generator file's path. UserError before anything is written."""
    out = options.out or Path(f"{_stem(options.file)}.safetensors")
    if out.suffix != ".safetensors":
        raise UserError(f"--out {out}: a generator file is called something.safetensors.")
    if out.exists():
        raise UserError(f"{out} exists already; choose another name with --out.")
    if "net_d" in options.judges and len(options.judges) + bool(options.back) > 1:
        raise UserError("--net-d is pix2pix's discriminator of pairs; --back, --net-d-a and --net-d-b are CycleGAN's.")
    tensors: dict[str, Tensor] = {}
    description: dict[str, Any] = {"directions": {}, "discriminators": {}}
    paths: dict[Path, None] = {}

    def take(word: str, name: str, generates: bool) -> dict[str, Any]:
        architecture, weights = understand(pth.read(word), word)
        if architecture.generates != generates:
            wanted = "generator" if generates else "discriminator"
            raise UserError(f"{word} is {architecture}, where a {wanted} is wanted.")
        tensors.update({f"{name}/{key}": tensor for key, tensor in weights.items()})
        count = sum(tensor.numel() for key, tensor in weights.items() if key.endswith((".weight", ".bias")))
        say(f"{word}: {summary(architecture)}, {count:,} parameters")
        paths[pth.split(word)[0]] = None
        return {"network": architecture.network, "arguments": architecture.arguments}

    a, b = options.domains
    description["directions"]["a2b"] = {**take(options.file, "a2b", True), "from": a, "to": b}
    there = _channels(description["directions"]["a2b"])
    if options.back:
        description["directions"]["b2a"] = {**take(options.back, "b2a", True), "from": b, "to": a}
        if _channels(description["directions"]["b2a"]) != there[::-1]:
            raise UserError(f"{options.back} is not the way back of {options.file}: their channels differ.")
    for option, word in options.judges.items():
        judge = take(word, JUDGES[option], False)
        sees = {"D": sum(there), "D_Y": there[1], "D_X": there[0]}[JUDGES[option]]
        if judge["arguments"]["in_channels"] != sees:
            raise UserError(
                f"--{option.replace('_', '-')} {word} judges {judge['arguments']['in_channels']} channels, but with "
                f"{options.file} it should be {sees}."
            )
        description["discriminators"][JUDGES[option]] = judge
    if old := ", ".join(str(path) for path in paths if pth.is_legacy(path)):
        say(f"{old}: PyTorch's format before version 1.6, which has no checksums; a flipped bit would go unnoticed")
    write_whole(out, hashed_tensors.dumps(tensors, {**_facts(description, options), **description}))
    return out


def summary(architecture: Architecture) -> str:
    """A description: 'a ResNet generator with 9 blocks, 64 filters, instance norm, 3 → 3 channels'."""
    a = architecture.arguments
    channels = f"{a['in_channels']} → {a['out_channels']}" if architecture.generates else a["in_channels"]
    norm = f"{a['norm']} norm" if a["norm"] != "none" else "no norm"
    return f"{architecture}, {a['filters']} filters, {norm}, {channels} channels"


def _facts(description: dict[str, Any], options: Options) -> dict[str, Any]:
    """The other metadata of a generator file. Official files hold neither the image size nor the training data."""
    entry = description["directions"]["a2b"]
    paired = "D" in description["discriminators"] or (entry["network"] == "unet" and not options.back)
    side = 2 ** entry["arguments"]["depth"] if entry["network"] == "unet" else 256
    return {
        "kind": "generator",
        "version": translate.__version__,
        "mode": "pix2pix" if paired else "cycle",
        "size": [side, side],
        "background": [255, 255, 255],
        "range": [-1, 1],
        "images": 0,
        "licences": [],
        "scores": [],
    }


def _channels(entry: dict[str, Any]) -> tuple[int, int]:
    return entry["arguments"]["in_channels"], entry["arguments"]["out_channels"]


def _stem(word: str) -> str:
    """A name from the path: horse2zebra for folder/horse2zebra.pth, run-G_A for run.pth:G_A."""
    path, name = pth.split(word)
    return path.stem + (re.sub(r"[^\w.-]+", "_", f"-{name}") if name else "")
