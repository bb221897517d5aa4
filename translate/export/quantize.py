"""Convolutions in 8-bit integers, their ranges learned from pictures (post-training static quantization).

Static only: with ranges found while running (dynamic), a picture's result would depend on the others of its batch.
"""

import tempfile
from pathlib import Path

import numpy as np

from translate.export.onnx import quiet
from translate.image import rgb8
from translate.model.torch_engine import to_input


def quantize(proto, io: str, pictures: list[np.ndarray], size: tuple[int, int]):
    """`proto` (an onnx.ModelProto in fp32) with its convolutions but the first and the last in int8.

    pictures: uint8 (H, W, C), brought to `size` (height, width); they should be of the kind that will be translated.
    The first and the last convolution hold few weights and touch the picture itself: in int8 they would cost half of
    the whole accuracy (docs/export.md).
    """
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = iter(pictures)

        def get_next(self):
            picture = next(self.left, None)
            if picture is None:
                return None
            levels = np.array(rgb8.resize(picture, size))[None]
            return {"image": levels if io == "uint8" else to_input(levels).numpy()}

    kinds = ["Conv", "ConvTranspose"]
    names = [node.name for node in proto.graph.node if node.op_type in kinds]
    with tempfile.TemporaryDirectory() as folder, quiet():
        target = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            proto,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=kinds,
            nodes_to_exclude=[names[0], names[-1]],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return onnx.load(target)
