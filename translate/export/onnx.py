"""Generators as ONNX files that need nothing beside them: one direction, weights inside, any batch (and size)."""

import contextlib
import io as streams
import json
import logging
import warnings
from typing import Any

import torch

from translate.errors import UserError
from translate.export import parity, probes
from translate.export.graph import FIXED_OPSET, OPSET, Graph, Source
from translate.model import onnx_guard
from translate.model.onnx_engine import OnnxFile

IR = 8  # the version of ONNX's file format that came with opset 18
NEEDED = "ONNX export needs the packages onnx, onnxscript and onnxruntime: pip install onnx onnxscript onnxruntime."


def onnx_bytes(model: str, direction: str = "a2b", io: str = "float", precision: str = "fp32") -> bytes:
    """The ONNX file of one direction of a run folder, generator file or name in pretrained/, compared with torch.

    io: float or uint8, see `Graph`. precision: fp32 or fp16. UserError (exit code 6) when it differs too much.
    """
    source = Source.load(model, direction)
    return checked(source, convert(source, io, precision), io, precision, probes.choose(source, model))[0]


def convert(source: Source, io: str, precision: str = "fp32"):
    """The network as an onnx.ModelProto, without any description and without anything of this machine."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(NEEDED) from error
    graph = source.graph(io, precision)
    example, free = graph.example()
    with quiet():
        program = torch.onnx.export(
            graph,
            example,
            input_names=graph.inputs,
            output_names=[graph.output],
            dynamic_shapes=free if any(free) else None,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # as it is only with dynamo=False
    return _bare(program.model_proto, graph)


def checked(
    source: Source,
    proto: Any,
    io: str,
    precision: str,
    compared: parity.Compared,
    tolerance: tuple[float, float] | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """(the finished file, how far it is from torch); it was run by onnxruntime on what `compared` has.

    UserError (exit code 6) when it differs by more than `parity.TOLERANCE`, or `tolerance`.
    """
    trial = OnnxFile(_described(proto, source.about(io, precision, {})), "the export")
    difference = parity.measure(source, trial.raw, io, compared)
    parity.judge(difference, precision, io, tolerance)
    return _described(proto, source.about(io, precision, difference)), difference


def _described(proto: Any, description: dict[str, Any]) -> bytes:
    text = json.dumps({"sha256": onnx_guard.BLANK, **description}, ensure_ascii=True)
    del proto.metadata_props[:]
    proto.metadata_props.add(key=onnx_guard.KEY, value=text)
    return onnx_guard.seal(proto.SerializeToString(deterministic=True))


def _bare(proto: Any, traced: Graph):
    """Leave out what onnxruntime doesn't read: the exporter writes stack traces with local paths to every node."""
    graph = proto.graph
    del graph.value_info[:], proto.metadata_props[:]
    proto.ir_version = IR  # nothing in the file needs the exporter's, and older engines refuse it
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        if part is not proto:
            part.ClearField("metadata_props")
    if getattr(traced, "fixed", None):
        _as_opset(proto, FIXED_OPSET)
    for place, name in traced.free.items():
        graph.output[0].type.tensor_type.shape.dim[place].dim_param = name  # not a formula of the padding
    return proto


def _as_opset(proto: Any, version: int) -> None:
    """Declare an older opset, which the operators of a fixed graph are the same in but for attributes that say the
    default: onnx2torch has no operators of opset 18. onnx itself can't convert Pad and Resize; it checks them here."""
    import onnx

    proto.opset_import[0].version = version
    for node in proto.graph.node:
        if node.op_type == "Resize":
            kept = [part for part in node.attribute if part.name not in ("antialias", "keep_aspect_ratio_policy")]
            del node.attribute[:]
            node.attribute.extend(kept)
    onnx.checker.check_model(proto, full_check=True)


@contextlib.contextmanager
def quiet():
    """Keep the exporters' progress, warnings and log lines off the screen; errors are raised and come through."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(streams.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
