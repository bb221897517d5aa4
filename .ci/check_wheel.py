"""Run the installed wheel, not the checkout: help, data sets, a tiny training, converting and exporting with it.

usage: check_wheel.py FOLDER   (a folder to make and work in; run with the Python that the wheel was installed for)
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

checkout = Path(__file__).resolve().parents[1]
work = Path(sys.argv[1]).resolve()
work.mkdir()

draw = np.random.default_rng(0)
for name in ("a", "b"):
    (work / name).mkdir()
    for number in range(24):
        array = np.full((40, 40, 3), draw.integers(0, 255, 3), np.uint8)
        array[10:30, 10:30] = draw.integers(0, 255, 3)
        Image.fromarray(array).save(work / name / f"{number}.png")


def run(*command: str) -> str:
    """What `python COMMAND` prints, in a folder outside the checkout."""
    done = subprocess.run([sys.executable, *command], cwd=work, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


where = Path(run("-c", "import translate; print(translate.__file__)").strip())
assert not where.is_relative_to(checkout), f"the checkout was run, not the wheel: {where}"
top = {path.name for path in where.parents[1].iterdir() if "info" not in path.suffix} - {"dependencies.pth"}
assert top == {"translate"}, f"the wheel must install the package 'translate' and nothing else, not {top}"

assert "train" in run("-m", "translate", "--help")
assert "windows_emoji" in run("-m", "translate", "data", "list")
options = ["--size", "16", "--images", "16", "--batch", "4", "--device", "cpu", "--out", "run"]
small = ["--set", "generator.filters=4", "--set", "blocks=1", "--set", "discriminator.filters=4"]
run("-m", "translate", "train", "--mode", "cycle", "--a", "a", "--b", "b", *options, *small)
assert "(40, 40)" in run("-c", "import translate; print(translate.load('run')('a/0.png').size)")
assert (work / "run" / "report.html").is_file(), "training must leave a report"
assert "MB, for any browser" in run("-m", "translate", "report", "run")
run("-m", "translate", "convert", "run", "a", "out", "--device", "cpu")
assert len(list((work / "out").glob("*.png"))) == 24
run("-m", "translate", "export", "run", "--to", "onnx", "--out", "run.onnx")
run("-m", "translate", "convert", "run.onnx", "a", "out-onnx")
assert len(list((work / "out-onnx").glob("*.png"))) == 24
assert (where.parent / "export" / "web" / "page" / "index.html").is_file(), "the wheel must bring the page"
models = sorted(path.stem for path in (where.parent / "_data" / "pretrained").glob("*.safetensors"))
assert models, "the wheel must bring the pretrained models"
run("-c", f"import translate; translate.load({models[0]!r})")
print(f"the wheel works: help, data sets, training, loading, converting, exporting; pretrained: {', '.join(models)}")
