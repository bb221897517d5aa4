"""Export of generators as single ONNX files: one direction, with its weights, for any batch (and image size)."""

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

IR = 8  # the version of ONNX's file format of opset 18
NEEDED = "ONNX export needs the packages onnx, onnxscript and onnxruntime: pip install onnx onnxscript onnxruntime."


def onnx_bytes(model: str, direction: str = "a2b", io: str = "float", precision: str = "fp32") -> bytes:
    """The ONNX file of one direction, compared with torch. model: a run folder, generator file or name in pretrained/.

    io: float or uint8, see `Graph`. precision: fp32 or fp16. UserError (exit code 6) when the outputs differ too much.
    """
    source = Source.load(model, direction)
    return checked(source, convert(source, io, precision), io, precision, probes.choose(source, model))[0]


def convert(source: Source, io: str, precision: str = "fp32"):
    """The network as an onnx.ModelProto, without a description and without paths of this machine."""
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
    assert program is not None  # it is None only with dynamo=False
    return _bare(program.model_proto, graph)


def checked(
    source: Source,
    proto: Any,
    io: str,
    precision: str,
    compared: parity.Compared,
    tolerance: tuple[float, float] | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """(the finished file, its difference from torch). onnxruntime runs it on the images or seeds in `compared`.

    UserError (exit code 6) when it differs by more than `tolerance`, by default `parity.TOLERANCE`.
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
    """Remove what onnxruntime doesn't read: the exporter writes stack traces with local paths into every node."""
    graph = proto.graph
    del graph.value_info[:], proto.metadata_props[:]
    proto.ir_version = IR  # older engines refuse the exporter's version, and nothing in the file needs it
    for part in (proto, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("doc_string")
        if part is not proto:
            part.ClearField("metadata_props")
    if getattr(traced, "fixed", None):
        _as_opset(proto, FIXED_OPSET)
    for place, name in traced.free.items():
        graph.output[0].type.tensor_type.shape.dim[place].dim_param = name  # replaces a formula of the padding
    return proto


def _as_opset(proto: Any, version: int) -> None:
    """Declare an older opset: onnx2torch has no operators of opset 18.

    The operators of a graph of one size are equal in both opsets, except for attributes with default values, which are
    removed. onnx's own converter doesn't support Pad and Resize; its checker validates the result.
    """
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
    """Suppress the exporters' progress output, warnings and log lines. Exceptions are raised as usual."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(), contextlib.redirect_stdout(streams.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
