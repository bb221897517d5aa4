"""Export of generators as programs of torch.export (.pt2), which need torch but not this toolkit."""

import io as streams
import json
from typing import Any

import numpy as np
import torch
from torch.export import Dim, ExportedProgram

from translate.export import parity
from translate.export.graph import Source
from translate.export.onnx import quiet

ABOUT = "imgtranslate.json"  # the extra file in the program that holds the generator's description


def checked(
    source: Source,
    io: str,
    precision: str,
    compared: parity.Compared,
    tolerance: tuple[float, float] | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """(the finished file, its difference from the network). It is loaded again and run on the inputs in `compared`.

    UserError (exit code 6) when it differs by more than `tolerance`, by default `parity.TOLERANCE`.
    """
    program = convert(source, io, precision)
    with quiet():
        trial = torch.export.load(streams.BytesIO(_saved(program, {}))).module()

    @torch.inference_mode()
    def run(*inputs: np.ndarray) -> np.ndarray:
        return trial(*(torch.from_numpy(array) for array in inputs)).numpy()

    difference = parity.measure(source, run, io, compared)
    parity.judge(difference, precision, io, tolerance)
    return _saved(program, source.about(io, precision, difference)), difference


def convert(source: Source, io: str, precision: str) -> ExportedProgram:
    """The network as a program for any batch size, and unless `source.fixed` for images of any height and width."""
    graph = source.graph(io, precision)
    example, free = graph.example()
    sizes = {name: Dim(name, min=1) for name in free[0].values()}
    shapes = tuple({place: sizes[name] for place, name in dims.items()} for dims in free) if any(free) else None
    with quiet():
        program = torch.export.export(
            graph,
            example,
            dynamic_shapes=shapes if any(free) else None,
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    # Remove assertions about the example's memory layout ("height is no multiple of 4"): they would refuse valid sizes,
    # and no operator needs them. The comparison runs both kinds of sizes.
    for node in list(program.graph.nodes):
        node.meta.pop("stack_trace", None)  # local paths
        if node.target is torch.ops.aten._assert_scalar.default:
            program.graph.erase_node(node)
    program.graph.eliminate_dead_code()
    program.graph_module.recompile()
    return program


def _saved(program: ExportedProgram, description: dict[str, Any]) -> bytes:
    buffer = streams.BytesIO()
    with quiet():
        torch.export.save(program, buffer, extra_files={ABOUT: json.dumps(description)})
    return buffer.getvalue()
