"""Post-training static quantization: convolutions in int8, with ranges calibrated on images.

Static only: with dynamic quantization an image's result would depend on the other images of its batch.
"""

import tempfile
from pathlib import Path

import numpy as np

from translate.export.onnx import quiet
from translate.image import rgb8
from translate.model.torch_engine import to_input


def quantize(proto, io: str, pictures: list[np.ndarray], size: tuple[int, int]):
    """`proto` (an onnx.ModelProto in fp32) with all convolutions except the first and the last in int8.

    pictures: for the calibration, uint8 (H, W, C), resized to `size` (height, width); they should be similar to the
    images that will be translated. The first and the last convolution stay in fp32: they have few weights, and in int8
    they would cause half of the whole error (docs/export.md).
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
