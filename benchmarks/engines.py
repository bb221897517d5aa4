"""Exported ONNX files in other engines, each installed from PyPI into an environment of its own: a Markdown table.

usage: python benchmarks/engines.py [ENGINE …]      (all: some minutes, 2 GB)

A cell is the largest difference from torch of any pixel, in [-1, 1] (uint8: in levels of 255), or "refused" (why goes
to stderr). `--fixed` files take one picture of one size, the others any; the pictures are noise.
"""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

MODEL = "openmoji_line2color"
FILES = {  # name -> (what `translate export` is given, height and width of the picture)
    "any size": ((), (63, 45)),
    "`--fixed 64x64`": (("--fixed", "64x64"), (64, 64)),
    "`--fixed 63x45`": (("--fixed", "63x45"), (63, 45)),
    "`--io uint8`": (("--io", "uint8"), (63, 45)),
    "`--precision fp16`": (("--precision", "fp16"), (63, 45)),
}


class Engine(NamedTuple):
    """packages: what pip installs. run: lines that make `y` of `path` and `x` (NumPy). ours: torch and onnx are taken
    from this environment."""

    packages: tuple[str, ...]
    run: str
    ours: bool = False


ONNXRUNTIME = """
import onnxruntime
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
y = session.run(None, {"image": x})[0]
"""
OPENVINO = """
import openvino
y = openvino.Core().compile_model(path, "CPU", HINT)(x)[0]
"""
OPENCV = """
import cv2
net = cv2.dnn.readNetFromONNX(path)
net.setInput(x)
y = net.forward()
"""
TRACT = """
import tract
model = tract.onnx().load(path)
model.set_input_fact(0, f"{','.join(map(str, x.shape))},{'f32' if x.dtype == numpy.float32 else 'u8'}")
model.analyse()
y = model.into_model().into_runnable().run([x])[0].to_numpy()
"""
ONNX2TORCH = """
import torch, onnx2torch
y = onnx2torch.convert(path).eval()(torch.from_numpy(x)).detach().numpy()
"""
ENGINES = {
    "onnxruntime 1.17": Engine(("onnxruntime==1.17.*", "numpy<2"), ONNXRUNTIME),
    "onnxruntime 1.18": Engine(("onnxruntime==1.18.*", "numpy<2"), ONNXRUNTIME),
    "onnxruntime 1.20": Engine(("onnxruntime==1.20.*",), ONNXRUNTIME),
    "onnxruntime": Engine(("onnxruntime",), ONNXRUNTIME),
    "openvino, hint f32": Engine(("openvino",), OPENVINO.replace("HINT", '{"INFERENCE_PRECISION_HINT": "f32"}')),
    "openvino by itself": Engine(("openvino",), OPENVINO.replace("HINT", "{}")),
    "opencv 4 dnn": Engine(("opencv-python-headless<5",), OPENCV),
    "opencv 5 dnn": Engine(("opencv-python-headless>=5",), OPENCV),
    "tract": Engine(("tract", "numpy"), TRACT),
    "onnx2torch": Engine(("onnx2torch",), ONNX2TORCH, ours=True),
}
RUNNER = """
import json, sys
import numpy
path, given, made = sys.argv[1:]
x = numpy.load(given)
{run}
numpy.save(made, numpy.asarray(y))
"""


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wanted = make(folder)
        print(f"| engine | version | {' | '.join(FILES)} |\n|{'---|' * (len(FILES) + 2)}", flush=True)
        for name in names or ENGINES:
            environment = folder / name.replace(" ", "_").replace(",", "")
            python, version = install(ENGINES[name], environment)
            cells = [attempt(python, ENGINES[name], folder, index, wanted[index]) for index in range(len(FILES))]
            print(f"| {name} | {version} | {' | '.join(cells)} |", flush=True)
            shutil.rmtree(environment, ignore_errors=True)


def make(folder: Path) -> list:
    """Export the files and write the pictures; what torch makes of each, as an array."""
    import numpy as np
    import torch

    from translate.model import file as generator_file
    from translate.model.torch_engine import to_image, to_input

    network = generator_file.load(MODEL, "a2b")[0].eval()
    wanted = []
    for index, (options, size) in enumerate(FILES.values()):
        target = str(folder / f"{index}.onnx")
        command = [sys.executable, "-m", "translate", "export", MODEL, "--to", "onnx", "--out", target, *options]
        subprocess.run(command, check=True, capture_output=True)
        levels = np.random.default_rng(index).integers(0, 256, (1, *size, 3), dtype=np.uint8)
        x = to_input(levels)
        with torch.inference_mode():
            y = network(x)
        whole = "uint8" in options
        np.save(folder / f"{index}.npy", levels if whole else x.numpy())
        wanted.append(to_image(y) if whole else y.numpy())
    return wanted


def install(engine: Engine, environment: Path) -> tuple[Path, str]:
    """The environment's Python, and the version that pip chose of the engine."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    needed = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*needed, *(["--no-deps"] if engine.ours else []), *engine.packages], check=True)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip())
    if engine.ours:
        (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    package = engine.packages[0].partition("=")[0].partition("<")[0].partition(">")[0]
    [found] = importlib.metadata.distributions(name=package, path=[str(site)])
    return python, found.version


def attempt(python: Path, engine: Engine, folder: Path, index: int, wanted) -> str:
    """One cell."""
    import numpy as np

    made = folder / f"made-{index}.npy"
    made.unlink(missing_ok=True)
    code = RUNNER.format(run=engine.run)
    words = [python, "-c", code, folder / f"{index}.onnx", folder / f"{index}.npy", made]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", cwd=folder)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
        print(f"{index}: {json.dumps(lines[-6:])}", file=sys.stderr)
        return "refused"
    found = np.load(made)
    if found.shape != wanted.shape:
        return f"another shape, {found.shape}"
    difference = float(np.abs(found.astype(np.float64) - wanted).max())
    return f"{difference:.0f} level{'s' * (difference != 1)}" if wanted.dtype == np.uint8 else f"{difference:.1g}"


if __name__ == "__main__":
    main(sys.argv[1:])
