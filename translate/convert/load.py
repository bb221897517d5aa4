"""Loads the model of a conversion by its options."""

import os
from pathlib import Path

from translate.convert.options import Options
from translate.errors import UserError
from translate.model.translator import Translator
from translate.system.files import sha256


def load(options: Options) -> tuple[Translator, str]:
    """(the translator, the SHA-256 of its file). UserError when the model can't be loaded with these options."""
    onnx = options.model.lower().endswith(".onnx")
    if onnx and options.backend == "torch":
        raise UserError(f"--backend torch can't run {options.model}; give the generator file it was exported from.")
    if onnx or options.backend == "onnx":
        if options.precision != "fp32" or options.stochastic:
            raise UserError("--precision and --stochastic are decided when an ONNX file is exported, not when it runs.")
        if options.rules.tile:
            raise UserError("--tile needs the generator file and --backend torch: an ONNX file runs in one piece.")
    if onnx:
        translator = Translator.load(options.model, direction=options.direction, device=options.device)
        return translator, sha256(Path(options.model))
    from translate.model import file as generator_file
    from translate.system.device import choose

    path = generator_file.find(options.model)
    if options.backend == "onnx":
        from translate.export.onnx import onnx_bytes
        from translate.model.onnx_engine import OnnxEngine

        content = onnx_bytes(options.model, options.direction)
        return Translator(OnnxEngine(content, path)), sha256(path)
    device = choose(options.device)
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"  # torchrun starts one process per GPU
    chosen = {"precision": options.precision, "stochastic": options.stochastic}
    translator = Translator.load(path, direction=options.direction, device=device, **chosen)
    if options.rules.tile:
        from translate.model.tiles import check_tileable

        check_tileable(translator.engine.network)  # type: ignore[attr-defined]
    return translator, sha256(path)
