"""Small things that many tests need: a folder of drawn pictures, the settings of a training that takes a second."""

import os
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import torch
from PIL import Image, ImageDraw

from translate.cli import main
from translate.model.file import pack
from translate.modes import MODES, ModeSettings
from translate.networks import GeneratorSettings, build_generator
from translate.settings import merge
from translate.train.settings import RunSettings, mode_defaults, settings_class

# Of processes that tests start: our modules, and one thread each.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent)}
TINY = {
    "generator": {"filters": 4, "blocks": 1, "downs": 2, "depth": 3},
    "discriminator": {"filters": 4, "layers": 1},
    "mode_settings": {},
    "train": {
        "images": 48,
        "batch": 2,
        "device": "cpu",
        "precision": "fp32",
        "ema": 0.9,
        "save_every": 8,
        "report": False,
    },
    "data": {"size": 16},
}
# Whatever a mode's paper has, these tests begin with networks that treat every image by itself.
PLAIN = {
    "generator": {"norm": "instance", "dropout": False, "init": "normal"},
    "discriminator": {"norm": "instance", "spectral_norm": False, "init": "normal"},
}


def tiny_settings(mode: str, *changes: dict) -> RunSettings:
    """Settings of `mode` for its own networks, but TINY and PLAIN; `changes` are laid over them in turn."""
    own = mode_defaults(mode)
    values = {"mode": mode, "a": "x", **{part: own.get(part, {}) for part in ("mode_settings", *PLAIN)}}
    values = merge(merge(values, PLAIN), TINY)
    if MODES[mode].kind == "translation":
        values["b"] = "y"
    for change in changes:
        values = merge(values, change)
    if MODES[mode].taught:  # and without a discriminator's settings
        own = {name: value for name, value in values["mode_settings"].items() if name not in ModeSettings.model_fields}
        values["mode_settings"] = {"teacher": str(tiny_teacher()), "direction": "a2b", **own}
    s = settings_class(mode).parse(values, "test")
    s.generator, s.discriminator = s.generator.for_size(*s.data.size), s.discriminator.for_size(*s.data.size)
    return s


@cache
def tiny_teacher() -> Path:
    """The file of a teacher for the modes that have one, made once a process."""
    path = Path(mkdtemp(prefix="teacher-")) / "teacher.safetensors"
    return tiny_model(path, network="resnet", blocks=2, filters=6, upsampling="resize")


def tiny_model(
    path: Path, *directions: str, channels: tuple[int, int] = (3, 3), palette=(), description=None, **settings
) -> Path:
    """A generator file with untrained networks that visibly change a picture. palette: of label maps."""
    chosen = {"filters": 4, "blocks": 1, "init_gain": 0.3, **settings}
    torch.manual_seed(0)
    entries = {}
    for direction in directions or ("a2b",):
        made = GeneratorSettings(**chosen).for_size(16, 16)
        network = build_generator(made, *channels, palette=palette)
        arguments = made.arguments(*channels, palette=palette)
        names = {"from": direction[0], "to": direction[2]}
        entries[direction] = network, {"network": made.network, "arguments": arguments, **names}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        pack(entries, {"mode": "cycle", "background": [255, 255, 255], "size": [16, 16], **(description or {})})
    )
    return path


def draw_pair(number: int, side: int = 24) -> tuple[Image.Image, Image.Image]:
    """An outline and the same shape filled: a pair that pix2pix could learn."""
    random = np.random.default_rng(number)
    colour = tuple(int(c) for c in random.integers(0, 200, 3))
    x0, y0 = (int(v) for v in random.integers(2, side // 3, 2))
    x1, y1 = (int(v) for v in random.integers(2 * side // 3, side - 2, 2))
    pair = []
    for fill in (None, colour):
        picture = Image.new("RGB", (side, side), "white")
        shape = ImageDraw.Draw(picture).ellipse if number % 2 else ImageDraw.Draw(picture).rectangle
        shape((x0, y0, x1, y1), fill=fill, outline="black")
        pair.append(picture)
    return pair[0], pair[1]


def draw_folders(root: Path, count: int = 24, side: int = 24) -> tuple[Path, Path]:
    """root/lines and root/filled: `count` pairs of PNG files with the same names."""
    folders = root / "lines", root / "filled"
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(count):
        for folder, picture in zip(folders, draw_pair(number, side), strict=True):
            picture.save(folder / f"{number:03d}.png")
    return folders


def run_verb(monkeypatch, capsys, *words) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `translate WORDS`, run in this process."""
    monkeypatch.setattr(sys, "argv", ["translate", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    return code, *capsys.readouterr()
