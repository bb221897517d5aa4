"""Run the installed wheel, not the checkout: help, data sets, a tiny training, loading its generator.

usage: check_wheel.py SITE RUN   (SITE: the folder the wheel was installed into; RUN: a folder to work in)
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

site, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
work.mkdir()
top = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} - {"bin", "__pycache__"}
assert top == {"translate"}, f"the wheel must install the package 'translate' and nothing else, not {top}"

draw = np.random.default_rng(0)
for name in ("a", "b"):
    (work / name).mkdir()
    for number in range(24):
        array = np.full((40, 40, 3), draw.integers(0, 255, 3), np.uint8)
        array[10:30, 10:30] = draw.integers(0, 255, 3)
        Image.fromarray(array).save(work / name / f"{number}.png")


def run(*command: str) -> str:
    """The output of `python COMMAND` with the wheel's site first on the path, from a folder outside the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    # The editable checkout's finder would win over PYTHONPATH's entry only if it came first: -P keeps the folder out.
    done = subprocess.run(
        [sys.executable, "-P", *command], cwd=work, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


where = run("-c", "import translate; print(translate.__file__)").strip()
assert Path(where).is_relative_to(site), f"the wheel is not what was run: {where}"
assert "train" in run("-m", "translate", "--help")
assert "windows_emoji" in run("-m", "translate", "data", "list")
options = ["--size", "16", "--images", "16", "--batch", "4", "--device", "cpu", "--out", "run"]
small = ["--set", "generator.filters=4", "--set", "blocks=1", "--set", "discriminator.filters=4"]
print(run("-m", "translate", "train", "--mode", "cycle", "--a", "a", "--b", "b", *options, *small))
code = "import translate; t = translate.load('run'); print(t('a/0.png').size)"
assert "(40, 40)" in run("-c", code)
print("the wheel works: help, data sets, training, loading")
