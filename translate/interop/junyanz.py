"""The layout of pytorch-CycleGAN-and-pix2pix: converts its state dicts to our networks, and ours to its files."""

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate.errors import DAMAGED, UserError
from translate.interop.architecture import Architecture, mismatch
from translate.interop.recognise import recognise
from translate.model import file as generator_file
from translate.system.files import write_whole
from translate.system.hashed_tensors import nest

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

# The options of the official ResNet; of the official U-Net only the upsampling can differ.
FIXED = {
    "downs": 2,
    "kernel": 7,
    "padding": "reflect",
    "downsampling": "stride",
    "upsampling": "deconv",
    "residual": False,
}


def understand(state: dict[str, Tensor], source: str) -> tuple[Architecture, dict[str, Tensor]]:
    """(architecture, weights in float32, ready for load_state_dict) of an official state dict.

    UserError (exit code 5) names what `source` is and which part of it doesn't fit.
    """
    state = {name: tensor for name, tensor in state.items() if not _stale(name, state)}
    if not state:
        raise UserError(f"{source} holds statistics of norms and no weights.", DAMAGED)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    architecture = recognise(shapes, source)
    left_out = _left_out(architecture, shapes)
    if problem := mismatch(architecture, {**shapes, **left_out}, source):
        raise problem
    weights = {}
    for name, tensor in state.items():
        counter = name.endswith("num_batches_tracked")
        weights[name] = tensor.detach().to(torch.int64 if counter else torch.float32, copy=True).contiguous()
        if not weights[name].isfinite().all():
            raise UserError(
                f"{source}: its '{name}' holds NaN or infinity: its training had diverged, or the file is damaged.",
                DAMAGED,
            )
    for name, shape in left_out.items():
        weights[name] = torch.zeros(shape, dtype=torch.int64 if name.endswith("num_batches_tracked") else torch.float32)
    return architecture, weights


def write(model: str, folder: Path) -> list[Path]:
    """Write a generator file's network into `folder` as latest_net_G.pth, or both directions as latest_net_G_A.pth
    (a2b) and latest_net_G_B.pth (b2a); return the paths.

    model: a run folder, a generator file or a name in pretrained/. UserError, before anything is written, when the
    layout can't hold such a network or a file is there already.
    """
    tensors, description, source = generator_file.read(model)
    directions = description["directions"]
    names = {"a2b": "G_A", "b2a": "G_B"} if len(directions) == 2 else dict.fromkeys(directions, "G")
    files = {}
    for direction, entry in directions.items():
        weights = nest(tensors, f"{direction}/")
        generator_file.build(entry, weights, source)  # raises unless the weights fit
        files[folder / f"latest_net_{names[direction]}.pth"] = _official(entry, weights, source)
    for path in files:
        if path.exists():
            raise UserError(f"{path} exists already; choose another folder.")
    for path, state in files.items():
        content = io.BytesIO()
        torch.save(state, content)
        write_whole(path, content.getvalue())
    return list(files)


def _stale(name: str, state: dict[str, Tensor]) -> bool:
    """Whether these are running statistics of an instance norm, which old versions saved and never used.

    A batch norm has a scale as well. With dropout, a norm's index can be that of a convolution's neighbour.
    """
    module, _, kind = name.rpartition(".")
    return kind in STATISTICS and f"{module}.weight" not in state


def _left_out(architecture: Architecture, shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Names and shapes that our networks have and the official layout lacks; all are filled with zeros: counters of
    batch norm (PyTorch before 0.4.1) and, without norms, the biases of convolutions that a norm would follow."""
    ours = {name: tuple(tensor.shape) for name, tensor in architecture.build().state_dict().items()}
    counters = {name for name in ours if name.endswith("num_batches_tracked")}
    missing = counters | (_biases(architecture) if architecture.arguments["norm"] == "none" else set())
    return {name: ours[name] for name in missing - shapes.keys() if name.rpartition(".")[0] + ".weight" in shapes}


def _biases(architecture: Architecture) -> set[str]:
    """Names of the biases that a network has only if its norm isn't batch norm."""
    with_norm = architecture.build(norm="batch").state_dict()
    return {name for name in architecture.build().state_dict() if name.endswith(".bias") and name not in with_norm}


def _official(entry: dict[str, Any], weights: dict[str, Tensor], source: Path) -> "OrderedDict[str, Tensor]":
    """The state dict as the official program saves it. UserError names an argument that the layout can't represent."""
    network, arguments = entry["network"], entry["arguments"]
    if network not in ("resnet", "unet"):
        raise UserError(f"{source} is a '{network}' generator; the official layout has resnet and unet only.")
    if "palette" in arguments:
        raise UserError(f"{source} takes label maps, which the official layout has no field for; use --to onnx.")
    for name, value in FIXED.items():
        if name in arguments and arguments[name] != value:
            raise UserError(
                f"{source} has {name} = {arguments[name]}; the official layout can hold only {name} = {value}."
            )
    if network == "unet" and arguments["depth"] < 5:
        raise UserError(f"{source} has depth = {arguments['depth']}; the official layout begins at depth = 5.")
    if arguments["norm"] not in ("instance", "batch", "none"):
        raise UserError(f"{source} has norm = {arguments['norm']}; the official layout has instance, batch and none.")
    if arguments["norm"] == "none":
        biases = _biases(Architecture(network, arguments))
        if any(weights[name].any() for name in biases):
            raise UserError(f"{source} has norm = none with biases, which the official layout leaves out.")
        weights = {name: tensor for name, tensor in weights.items() if name not in biases}
    order = Architecture(network, arguments).build().state_dict()
    return OrderedDict((name, weights[name]) for name in order if name in weights)
