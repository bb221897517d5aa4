"""The figure: a row per objective, with samples at five times of the training and the counts over time."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from translate.image.sheet import FAINT, INK, PAPER
from translate.toy.experiments import SNAPSHOTS, Result
from translate.toy.mixtures import Mixture
from translate.toy.verdict import verdict

SUPERSAMPLING = 3  # the figure is drawn this much larger and reduced: smooth dots and lines
PANEL, GAP, LABEL, CHART, MARGIN, HEAD, FOOT = 136, 8, 190, 190, 14, 26, 26
FIELD, REAL, GOOD, BAD, LINE = (247, 247, 249), (196, 199, 205), (0, 107, 164), (226, 106, 44), (214, 216, 220)


def figure(results: Sequence[Result], mixture: Mixture, real: np.ndarray) -> bytes:
    """A PNG file. real: points (N, 2) of the mixture, drawn in grey below the samples."""
    width = 2 * MARGIN + LABEL + len(SNAPSHOTS) * (PANEL + GAP) + CHART
    height = 2 * MARGIN + HEAD + len(results) * (PANEL + GAP) + FOOT
    pen = Pen(width, height)
    left, top = MARGIN + LABEL, MARGIN + HEAD
    for place, fraction in enumerate(SNAPSHOTS):
        text = f"{100 * fraction:.0f} %" if place else f"{100 * fraction:.0f} % of the training"
        pen.text(left + place * (PANEL + GAP) + PANEL / 2, top - 12, text, 12, FAINT, "mm")
    pen.text(
        left + len(SNAPSHOTS) * (PANEL + GAP) + CHART / 2, top - 12, "modes covered, good samples", 12, FAINT, "mm"
    )
    for number, result in enumerate(results):
        y = top + number * (PANEL + GAP)
        _label(pen, result, mixture, MARGIN, y)
        for place, points in enumerate(result.snapshots):
            _panel(pen, left + place * (PANEL + GAP), y, points, mixture, real)
        _chart(pen, left + len(SNAPSHOTS) * (PANEL + GAP), y, result, len(mixture.centres))
    _legend(pen, MARGIN + LABEL, height - MARGIN - FOOT / 2)
    return pen.png()


class Pen:
    """Draws on an enlarged image, in pixels of the final one."""

    def __init__(self, width: int, height: int):
        self.size = width, height
        self.paper = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), PAPER)
        self.draw = ImageDraw.Draw(self.paper)

    def text(self, x: float, y: float, text: str, size: int, colour: tuple, anchor: str = "lm") -> None:
        font = ImageFont.load_default(size=size * SUPERSAMPLING)
        self.draw.text((x * SUPERSAMPLING, y * SUPERSAMPLING), text, colour, font, anchor=anchor)

    def box(self, x: float, y: float, width: float, height: float, colour: tuple) -> None:
        self.draw.rectangle(
            (x * SUPERSAMPLING, y * SUPERSAMPLING, (x + width) * SUPERSAMPLING - 1, (y + height) * SUPERSAMPLING - 1),
            fill=colour,
        )

    def dot(self, x: float, y: float, radius: float, colour: tuple) -> None:
        x, y, radius = x * SUPERSAMPLING, y * SUPERSAMPLING, radius * SUPERSAMPLING
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def line(self, points: list[tuple[float, float]], colour: tuple, width: float) -> None:
        scaled = [(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in points]
        self.draw.line(scaled, fill=colour, width=round(width * SUPERSAMPLING), joint="curve")

    def png(self) -> bytes:
        small = self.paper.resize(self.size, Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.quantize(128, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        return file.getvalue()


def _label(pen: Pen, result: Result, mixture: Mixture, x: float, y: float) -> None:
    pen.text(x, y + 22, result.name, 20, INK)
    modes = f"{result.last.modes}/{len(mixture.centres)} modes"
    pen.text(x, y + 48, f"{modes} · {100 * result.last.good:.0f} % good", 14, INK)
    for number, line in enumerate(verdict(result, len(mixture.centres)).split(", ")):
        pen.text(x, y + 72 + 18 * number, line, 13, FAINT)


def _panel(pen: Pen, x: float, y: float, points: np.ndarray, mixture: Mixture, real: np.ndarray) -> None:
    pen.box(x, y, PANEL, PANEL, FIELD)
    good = mixture.nearest(torch.from_numpy(points))[1].numpy()
    for some, radius, colour in ((real, 1.6, REAL), (points[~good], 0.7, BAD), (points[good], 1.2, GOOD)):
        for a, b in (some + 1) / 2:
            pen.dot(x + 2 + a * (PANEL - 4), y + 2 + (1 - b) * (PANEL - 4), radius, colour)


def _chart(pen: Pen, x: float, y: float, result: Result, modes: int) -> None:
    """The fraction of the modes that are covered and the fraction of the samples that are good, as lines."""
    x, y, width, height = x + 14, y + 8, CHART - 46, PANEL - 16
    for part, text in ((0, "0"), (0.5, f"{modes / 2:g}"), (1, f"{modes}")):
        pen.line([(x, y + height * (1 - part)), (x + width, y + height * (1 - part))], LINE, 1)
        pen.text(x - 4, y + height * (1 - part), text, 10, REAL if part == 0.5 else FAINT, "rm")
        pen.text(x + width + 4, y + height * (1 - part), f"{100 * part:.0f} %", 10, GOOD, "lm")
    across = [x + width * (number + 1) / len(result.counts) for number in range(len(result.counts))]
    covered = [y + height * (1 - count.modes / modes) for count in result.counts]
    good = [y + height * (1 - count.good) for count in result.counts]
    pen.line(list(zip(across, covered, strict=True)), INK, 1.4)
    pen.line(list(zip(across, good, strict=True)), GOOD, 1.8)


def _legend(pen: Pen, x: float, y: float) -> None:
    words = {
        REAL: "real points",
        GOOD: "good samples: within 3 standard deviations of a centre",
        BAD: "all other samples",
    }
    for colour, text in words.items():
        pen.dot(x + 5, y, 3, colour)
        pen.text(x + 14, y, text, 12, FAINT)
        x += 30 + ImageFont.load_default(size=12).getlength(text)
    pen.line([(x + 4, y), (x + 22, y)], INK, 1.4)
    pen.text(x + 28, y, "modes covered", 12, FAINT)
