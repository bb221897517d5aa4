"""The ONNX engine: runs exported generators with onnxruntime, without torch; the same interface as torch_engine.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from translate.errors import DAMAGED, UserError
from translate.image.picture import PEAKS
from translate.model import onnx_guard
from translate.model.description import check, direction_of
from translate.model.measured import fits
from translate.system.untrusted import read_bytes

NOISE = "z2a"  # as in translate/model/file.py, which would import torch
TYPES = {"float": "tensor(float)", "uint8": "tensor(uint8)"}


class OnnxFile:
    """An opened ONNX file of `translate export`, which translates or makes images. description: of its metadata."""

    def __init__(self, content: bytes, source: Path | str, *, device: str = "cpu", threads: int = 0):
        """content: the file's bytes; `source` names it in UserErrors. device: cpu, cuda or auto. threads: 0 = all."""
        self.source = source
        self.description = check(onnx_guard.description(content, source), source)
        self.session = _session(content, source, device, threads)

    def raw(self, *inputs: np.ndarray) -> np.ndarray:
        """The graph's output for a batch in the file's layout (docs/export.md, docs/sample.md).

        MemoryError when the memory is too small, RuntimeError when onnxruntime fails otherwise.
        """
        names = [port.name for port in self.session.get_inputs()]
        try:
            return self.session.run(None, dict(zip(names, inputs, strict=True)))[0]
        except Exception as error:  # onnxruntime has no exception class for memory errors
            if "alloc" in str(error).lower():
                raise MemoryError(f"a batch of {inputs[0].shape} needs more memory than there is") from error
            raise RuntimeError(f"onnxruntime can't run {self.source}: {_line(error)}") from error


class OnnxEngine(OnnxFile):
    """One direction of a generator, from a file that `translate export` wrote.

    Calling it: levels (N, H, W, C), uint8, uint16 or float32 in [0, 1] → levels (N, H, W, C') of the same dtype. A
    file of `--io uint8` takes uint8 only, a file of `--fixed` takes one size only; UserError otherwise.
    FloatingPointError when the output contains NaN or infinity.
    """

    def __init__(self, content: bytes, source: Path | str, *, device: str = "cpu", threads: int = 0):
        super().__init__(content, source, device=device, threads=threads)
        self.direction, promised = _promises(self.description, source)
        self.io: str = promised["io"]
        self.fixed: list[int] | None = promised.get("fixed")  # the only accepted (height, width); None: any
        self.channels: int = self.description["directions"][self.direction]["arguments"]["out_channels"]
        self.high_bit = self.io == "float"  # whether it accepts more than 8 bits
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        found = [(port.name, port.type, len(port.shape)) for port in (*inputs, *outputs)]
        if found != [(name, TYPES[self.io], 4) for name in ("image", "translated")]:
            raise UserError(f"{source} doesn't take and give one batch of {self.io} pictures, as it says.", DAMAGED)

    @classmethod
    def load(
        cls,
        path: str | Path,
        direction: str | None = "a2b",
        *,
        device: str = "cpu",
        threads: int = 0,
        precision: str = "fp32",
        stochastic: bool = False,
    ) -> "OnnxEngine":
        """From a file. direction: None takes the file's own. threads: 0 uses all cores.

        UserError when the file can't be read or used, or doesn't have the direction.
        """
        if precision != "fp32" or stochastic is not False:
            raise UserError("--precision and --stochastic are decided when an ONNX file is exported, not when it runs.")
        try:
            content = read_bytes(Path(path).expanduser(), onnx_guard.MOST - 1)
        except OSError as error:
            raise UserError(f"{path} can't be read: {error.strerror}.", DAMAGED) from error
        engine = cls(content, path, device=device, threads=threads)
        if direction is not None and direction_of(engine.description, direction) != engine.direction:
            raise UserError(f"{path} translates {engine.direction} only, not {direction}.")
        return engine

    def __call__(self, levels: np.ndarray) -> np.ndarray:
        return self._of_size(levels, self._batch)

    def exact(self, x: np.ndarray) -> np.ndarray:
        """float32 (N, H, W, C) in [-1, 1] → float32 (N, H, W, C') in [-1, 1]; otherwise as calling it."""
        if self.io != "float":
            raise UserError(f"{self.source} takes 8-bit pictures only, not measured values; export it with --io float.")
        return self._of_size(x, self._floats)

    def _of_size(self, batch: np.ndarray, run: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        if self.fixed is None:
            return run(batch)
        height, width = self.fixed
        if batch.shape[1:3] != (height, width):
            raise UserError(
                f"{self.source} takes pictures of {height} × {width} only, as it was exported; resize them with "
                f"--size {height}x{width} (in Python size=({height}, {width}))."
            )
        return np.concatenate([run(batch[place : place + 1]) for place in range(len(batch))])

    def _batch(self, levels: np.ndarray) -> np.ndarray:
        kind = levels.dtype.name
        if self.io == "float":
            peak = np.float32(PEAKS[kind] / 2)
            result = (self._floats(levels.astype(np.float32) / peak - np.float32(1)) + np.float32(1)) * peak
            return result if kind == "float32" else np.rint(result).astype(kind)
        if kind != "uint8":
            raise UserError(f"{self.source} takes 8-bit pictures only, not {kind}; --io float exports one that does.")
        return self._pictures(levels, (*levels.shape[:3], self.channels))

    def _floats(self, x: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        y = self._pictures(image, (len(x), self.channels, *x.shape[1:3]))
        if not np.isfinite(y).all():
            raise FloatingPointError("the network's output is not a number (NaN or infinity)")
        return np.clip(y, -1, 1).transpose(0, 2, 3, 1)

    def _pictures(self, batch: np.ndarray, wanted: tuple[int, ...]) -> np.ndarray:
        y = self.raw(batch)
        if y.shape != wanted or y.dtype != batch.dtype:
            raise UserError(f"{self.source} makes {y.dtype} of {y.shape}, where pictures are {wanted}.", DAMAGED)
        return y


def _promises(description: dict[str, Any], source: Path | str) -> tuple[str, dict[str, Any]]:
    """(direction, the description's `onnx` fields). UserError when something that a Translator needs is missing."""
    direction, *others = description["directions"]
    if direction == NOISE:
        raise UserError(f"{source} makes images from random numbers, not from images; docs/sample.md says how.")
    if others or not description.get("onnx") or not fits(description, direction):
        raise UserError(f"{source} doesn't say which pictures it takes; export it again.", DAMAGED)
    return direction, description["onnx"]


def _session(content: bytes, source: Path | str, device: str, threads: int):
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"{source} needs onnxruntime: pip install onnxruntime.") from None
    if device not in ("cpu", "cuda", "auto"):
        raise UserError(f"an ONNX file runs on cpu, cuda or auto, not on {device}.")
    wanted = ["CPUExecutionProvider"]
    if device != "cpu" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        wanted.insert(0, "CUDAExecutionProvider")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the toolkit reports errors itself
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.load_model_format", "ONNX")  # ORT's own format isn't checked
    try:
        # From the checked bytes, not from the path: the file could have been replaced since.
        session = onnxruntime.InferenceSession(content, options, providers=wanted)
    except Exception as error:
        raise UserError(
            f"onnxruntime {onnxruntime.__version__} can't open {source}: {_line(error)}.", DAMAGED
        ) from error
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise UserError(
            "--device cuda: this onnxruntime has no CUDA; pip install onnxruntime-gpu, or use --device cpu."
        )
    return session


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
