"""--with: any program that prints a number is a score too, such as a detector's or a segmenter's verdict."""

import math
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from translate.errors import UserError
from translate.image import rgb8
from translate.system.files import write_together

FOLDERS = ("outputs", "truth", "inputs", "real")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


class Program:
    """A command line with {outputs}, {truth}, {inputs} or {real} for folders of PNG files. NAME=COMMAND names it."""

    def __init__(self, text: str):
        """UserError for text that is no command or names no folder of outputs."""
        named = re.match(r"([A-Za-z][\w.-]*)=(.+)", text, re.DOTALL)
        try:
            self.words = shlex.split(named[2] if named else text)
        except ValueError as error:
            raise UserError(f"--with {text}: {str(error).lower()}.") from None
        if not any("{outputs}" in word for word in self.words[1:]):
            raise UserError(
                f'--with {text}: say where the program gets the folder of outputs, as in --with "COMMAND {{outputs}} '
                '{truth}".'
            )
        self.uses = {name for name in FOLDERS if any(f"{{{name}}}" in word for word in self.words)}
        plain = [word for word in self.words if "{" not in word and not word.startswith("-")]
        self.name = named[1] if named else Path(plain[-1] if plain else self.words[0]).stem

    def score(self, folders: dict[str, Path]) -> float:
        """The last number that it prints. No shell: each word is one argument. UserError when it fails, prints none, or
        needs a folder that there isn't."""
        for name in sorted(self.uses - folders.keys()):
            raise UserError(f"--with {self.name} needs {{{name}}}, and there are no such images here.")
        command = list(self.words)
        for name, folder in folders.items():
            command = [word.replace(f"{{{name}}}", str(folder)) for word in command]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            raise UserError(f"--with {self.name}: {command[0]} can't be run: {error.strerror}.") from error
        if done.returncode:
            last = next(iter(done.stderr.strip().splitlines()[-1:]), "it said nothing")[:200]
            raise UserError(f"--with {self.name} failed with exit code {done.returncode}: {last.rstrip('.')}.")
        numbers = re.findall(NUMBER, done.stdout)
        if not numbers or not math.isfinite(value := float(numbers[-1])):
            raise UserError(f"--with {self.name} printed no number: its last line should have one.")
        return value


def scores(programs: list[Program], images: dict[str, tuple[list[str], np.ndarray]]) -> dict[str, dict[str, float]]:
    """By program: its number for the outputs, and as floor and ceiling for the inputs ("nothing") and for the truth
    ("real") in place of the outputs. images: names and uint8 (N, H, W, C) by folder, "outputs" among them."""
    if not programs:
        return {}
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="translate-") as top:
        folders = {name: Path(top) / name for name in images}
        for name, (names, arrays) in images.items():
            write_images(folders[name], names, arrays)
        for program in programs:
            found[program.name] = {"value": program.score(folders)}
            for of, name in (("nothing", "inputs"), ("real", "truth")):
                if name in folders:
                    found[program.name][of] = program.score({**folders, "outputs": folders[name]})
    return found


def write_images(folder: Path, names: list[str], arrays: np.ndarray) -> None:
    """`folder`/NAME.png of each image, uint8 (N, H, W, C). UserError when the disk is full."""
    files = [(folder / f"{name}.png", rgb8.to_png(array), None) for name, array in zip(names, arrays, strict=True)]
    for path, *_ in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    for error in write_together(files):
        if error:
            raise error
