"""What is evaluated: a translator or a GAN from a run folder or file, or a folder of outputs of any program."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from translate.errors import DAMAGED, UserError
from translate.model import file as generator_file
from translate.model.onnx_engine import OnnxEngine
from translate.model.sampler import Sampler
from translate.model.torch_engine import TorchEngine
from translate.model.valued import translate_values
from translate.system.device import choose
from translate.system.files import sha256
from translate.train.folder import run_settings
from translate.train.settings import RunSettings
from translate.values.domain import DomainType

BATCH = 16  # images at once, as in training: other numbers round otherwise
PASSES = 4  # with other random numbers, to see how much a stochastic model's outputs vary


@dataclass
class Subject:
    """path: the generator's file, or the folder of outputs. description: the model's; {} for a folder.

    run: the settings of the run that the model lies in, if it lies in one.
    """

    name: str
    path: Path
    description: dict[str, Any] = field(default_factory=dict)
    run: RunSettings | None = None
    device: str = "cpu"

    @property
    def is_model(self) -> bool:
        return bool(self.description)

    @property
    def directions(self) -> list[str]:
        return list(self.description["directions"]) if self.is_model else ["a2b"]

    @property
    def folder(self) -> Path:
        """Where the evaluation is written if nothing else is said."""
        if not self.is_model:
            return self.path.resolve().with_name(f"{self.path.resolve().name}-evaluation")
        if Path(self.name).expanduser().is_dir():
            return Path(self.name).expanduser() / "evaluation"
        own = Path(self.name).expanduser().exists()
        return (self.path.parent if own else Path()) / f"{Path(self.name).stem}-evaluation"

    def sha256(self) -> str | None:
        """Of the model's file; None for a folder."""
        return sha256(self.path) if self.is_model else None

    def outputs(self, direction: str, inputs: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, C) → uint8 (N, H, W, C'), as scored in training. UserError for NaN."""
        if self.path.suffix.lower() == ".onnx":
            engine: Any = OnnxEngine.load(self.path, direction, device=self.device)
        else:
            engine = TorchEngine.load(self.path, direction, device=self.device)
        return self._run(engine, inputs)

    def values(self, direction: str, inputs: np.ndarray, target: DomainType | None) -> np.ndarray:
        """Images as Data.test_values gives them → the outputs likewise. target: the type of their domain."""
        if self.path.suffix.lower() == ".onnx":
            raise UserError(f"{self.path}: an ONNX file of measured values isn't scored here; give the generator file.")
        engine = TorchEngine.load(self.path, direction, device=self.device)
        return translate_values(engine.network, inputs, target, self.device, BATCH)

    def samples(self, count: int) -> np.ndarray:
        """The first `count` seeds of a GAN, in the classes' order: uint8 (count, H, W, C)."""
        sampler = Sampler.load(self.path, device=self.device)
        classes = [number % len(sampler.classes) for number in range(count)] if sampler.classes else None
        try:
            return sampler(sampler.latents(range(count)), classes)
        except FloatingPointError as error:
            raise UserError(f"{self.path} can't be used: {error}.", DAMAGED) from error

    def passes(self, direction: str, inputs: np.ndarray) -> list[np.ndarray]:
        """Outputs of several passes with dropout; [] where the model has none."""
        if self.path.suffix.lower() == ".onnx":
            return []
        network, description, _ = generator_file.load(self.path, direction)
        if not any(isinstance(layer, torch.nn.Dropout) for layer in network.modules()):
            return []
        engine = TorchEngine(network, description, direction, device=self.device, stochastic=True)
        found = []
        with torch.random.fork_rng(devices=[0] if self.device.startswith("cuda") else []):
            for seed in range(PASSES):
                torch.manual_seed(seed)
                found.append(self._run(engine, inputs))
        return found

    def _run(self, engine: Any, inputs: np.ndarray) -> np.ndarray:
        try:
            return np.concatenate([engine(inputs[i : i + BATCH]) for i in range(0, len(inputs), BATCH)])
        except FloatingPointError as error:
            raise UserError(f"{self.path} can't be used: {error}.", DAMAGED) from error


def load(name: str, device: str = "auto") -> Subject:
    """name: a run folder, a generator file, an ONNX file, a name in pretrained/, or a folder of outputs."""
    path, device = Path(name).expanduser(), choose(device)
    if path.is_dir() and not (path / "config.toml").is_file() and not _has_generator(path):
        return Subject(name, path, device=device)
    if path.suffix.lower() == ".onnx":
        description = OnnxEngine.load(path, None, device="cpu").description
    else:
        _, description, path = generator_file.read(name)
    return Subject(name, path, description, run_settings(path.parent), device)


def names(subjects: Sequence[str]) -> list[str]:
    """A short and different name for each: the last parts of their paths, as many as are needed."""
    parts = []
    for name in subjects:
        path = Path(name).expanduser()
        whole = path.resolve().parts if path.exists() else (name,)
        parts.append(whole[:-1] if whole[-1] == "evaluation" else whole)
    for count in range(1, max(map(len, parts)) + 1):
        short = ["/".join(part[-count:]) for part in parts]
        if len(set(short)) == len(short):
            return short
    return [f"{name} ({number})" for number, name in enumerate(subjects, 1)]


def _has_generator(folder: Path) -> bool:
    return any((folder / f"{name}.safetensors").is_file() for name in ("best", "generator"))
