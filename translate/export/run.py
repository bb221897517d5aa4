"""`translate export`: checks the options and calls the exporter that they select."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from translate.errors import UserError
from translate.model import file as generator_file
from translate.model.checks import LARGEST_SIDE
from translate.model.description import direction_of
from translate.model.measured import Types, measured
from translate.system.files import write_whole

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2", "junyanz": "-junyanz", "web": "-web"}  # of the default names
CHOICES = {"io": ("float", "uint8"), "precision": ("fp32", "fp16"), "quantize": ("int8",)}
# The options that each --to accepts; --out is always accepted.
TAKES = {
    "onnx": ("direction", "io", "precision", "quantize", "calibration", "images", "fixed"),
    "torch": ("direction", "io", "precision", "images", "fixed"),
    "junyanz": (),
    "web": ("direction",),
}
OF_PICTURES = (
    "direction",
    "quantize",
    "calibration",
    "images",
    "fixed",
)  # options that don't apply to a GAN's generator


@dataclass
class Options:
    """The options of the command line; None: not given."""

    model: str
    to: str
    out: Path | None = None
    direction: str | None = None
    io: str | None = None
    precision: str | None = None
    quantize: str | None = None
    calibration: Path | None = None
    images: Path | None = None
    fixed: str | None = None

    def check(self) -> None:
        """UserError for invalid values and combinations, before any file is read."""
        if self.to not in TAKES:
            raise UserError(f"--to {self.to}: it should be one of {', '.join(TAKES)}.")
        for name in TAKES["onnx"]:
            value = getattr(self, name)
            if value is None:
                continue
            if name not in TAKES[self.to]:
                raise UserError(f"--{name} has no meaning for --to {self.to}; leave it out.")
            if name in CHOICES and value not in CHOICES[name]:
                raise UserError(f"--{name} {value}: it should be {' or '.join(CHOICES[name])}.")
        if bool(self.quantize) != bool(self.calibration):
            raise UserError("--quantize int8 and --calibration FOLDER go together: its pictures show the ranges.")
        self.fixed_size()
        if self.quantize and self.precision == "fp16":
            raise UserError("--quantize int8 starts from fp32; leave --precision fp16 out.")

    def fixed_size(self) -> tuple[int, int] | None:
        """--fixed as (height, width) in pixels, or None. UserError when it is no such text."""
        if self.fixed is None:
            return None
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", self.fixed.lower())
        sides = [int(side) for side in found.groups()] if found else []
        if not sides or not all(0 < side <= LARGEST_SIDE for side in sides):
            raise UserError(f"--fixed must be HxW, as 256x256, not '{self.fixed}'.")
        return sides[0], sides[1]

    def check_noise(self, source: Path) -> None:
        """UserError for options that don't apply to a GAN's generator, which makes images from random numbers."""
        if self.to == "junyanz":
            raise UserError(f"{source} makes images from random numbers, which --to junyanz can't hold; use --to onnx.")
        for name in OF_PICTURES:
            if getattr(self, name) is not None:
                raise UserError(f"--{name} has no meaning for {source}, which makes images from random numbers.")

    def check_measured(self, source: Path, types: Types) -> None:
        """UserError for options that don't apply to a model of measured values."""
        if self.to == "junyanz":
            raise UserError(f"{source} translates measured values, which --to junyanz can't hold; use --to onnx.")
        for name in ("quantize", "calibration", "images"):
            if getattr(self, name) is not None:
                raise UserError(f"--{name} is for models of pictures, and {source} translates measured values.")
        if self.io == "uint8":
            raise UserError(f"--io uint8 holds 8 bits, and {source} translates measured values; use --io float.")

    def target(self, description: dict[str, Any]) -> Path:
        """The path to write; UserError when it exists or has the wrong suffix."""
        suffix = SUFFIXES[self.to]
        path = Path(self.model)
        name = path.resolve().name if path.is_dir() else path.stem
        if "direction" in TAKES[self.to] and len(description["directions"]) > 1:
            name += f"-{Path(self.direction or 'a2b').name}"
        out = self.out or Path(name + suffix)
        if suffix.startswith(".") and out.suffix != suffix:
            raise UserError(f"--out {out}: a file of --to {self.to} is called something{suffix}.")
        if out.exists() and not (self.to == "junyanz" and out.is_dir()):  # junyanz adds files to an existing folder
            raise UserError(f"{out} exists already; choose another name with --out.")
        return out


def export(options: Options) -> list[str]:
    """Write the export and return the lines to print. UserError before anything is written."""
    options.check()
    _, description, path = generator_file.read(options.model)
    direction = direction_of(description, options.direction or "a2b")
    if generator_file.NOISE in description["directions"]:
        options.check_noise(path)
        direction = generator_file.NOISE
    elif description.get("values") and direction in description["directions"]:
        generator_file.entry(description, direction, path)  # refuses types that don't fit the network
        if types := measured(description, direction):
            options.check_measured(path, types)
    out = options.target(description)
    if options.to == "junyanz":
        from translate.interop import junyanz

        return [f"wrote {path}" for path in junyanz.write(options.model, out)]
    if options.to == "web":
        from translate.export.web.run import write

        return [write(options.model, out, direction)]
    return _checked_file(options, out, direction)


def _checked_file(options: Options, out: Path, direction: str) -> list[str]:
    from translate.export import probes
    from translate.export.graph import Source

    io, precision = options.io or "float", "int8" if options.quantize else options.precision or "fp32"
    source = Source.load(options.model, direction, options.fixed_size())
    compared = probes.choose(source, options.model, options.images)
    if options.to == "onnx":
        from translate.export import onnx

        proto = onnx.convert(source, io, "fp32" if options.quantize else precision)
        if options.calibration:
            from translate.export.quantize import quantize

            seen = probes.from_folder(options.calibration, source, count=100)
            proto = quantize(proto, io, seen, source.fixed or source.size)
        content, difference = onnx.checked(source, proto, io, precision, compared)
    else:
        from translate.export import program

        content, difference = program.checked(source, io, precision, compared)
    write_whole(out, content)
    entry = source.description["directions"][direction]
    return [
        f"wrote {out}: {len(content) / 1e6:.2f} MB, {entry.get('from', 'a')} to {entry.get('to', 'b')} ({direction}), "
        f"{io}, {precision}" + (f", one picture of {options.fixed} only" if options.fixed else ""),
        f"  difference to the trained network: at most {difference['max']:.2g}, {difference['mean']:.2g} on average "
        f"({difference['unit']})",
        f"  compared on {difference['images']} {difference['pictures']} at "
        f"{', '.join(f'{height}×{width}' for height, width in difference['sizes'])}",
    ]
