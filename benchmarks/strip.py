"""A training as it went: held-out pictures at several moments, from the sheets of a run folder, in one PNG file.

usage: python benchmarks/strip.py RUN STRIP.png [--at IMAGES...] [--rows ROW...]

Columns: the input, the output after as many images as --at says (by default the first sheet, and then about three times
as many each), and the truth where the sheets have it. --rows: of the sheet, counted from 0.
"""

import argparse
from pathlib import Path

from gan_results import events

from translate.image import rgb8, sheet_file
from translate.system.files import write_whole

OUTPUT = "output"


def moments(sheets: list[Path]) -> list[Path]:
    """The first sheet, the last one, and some between them, each of about three times as many images."""
    chosen = [sheets[0]]
    for sheet in sheets:
        if int(sheet.stem) >= 3 * int(chosen[-1].stem):
            chosen.append(sheet)
    return list(dict.fromkeys([*chosen, sheets[-1]]))


def seconds(run: Path) -> list[tuple[int, float]]:
    """(images seen, seconds of training) along the log of a run that was not interrupted."""
    timed = [(line["images"], line["time"]) for line in events(run) if "time" in line]
    return [(images, time - timed[0][1]) for images, time in timed]


def strip(run: Path, sheets: list[Path], rows: list[int]) -> bytes:
    parts = [sheet_file.unpack(sheet) for sheet in sheets]
    heads = parts[0].headings
    columns = {heads[0]: parts[0].tiles[:, 0]}
    times = seconds(run)
    for sheet, part in zip(sheets, parts, strict=True):
        images = int(sheet.stem)
        took = next(took for seen, took in times if seen >= images)
        words = f"{took:.0f} s" if took < 100 else f"{took / 60:.0f} min"
        columns[f"{images:,} · {words}"] = part.tiles[:, heads.index(OUTPUT)]
    if "truth" in heads:
        columns["truth"] = parts[0].tiles[:, heads.index("truth")]
    pictures = [[column[row] for column in columns.values()] for row in rows]
    return rgb8.to_png(rgb8.sheet(pictures, headings=list(columns), side_by_side=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("strip", type=Path)
    parser.add_argument("--at", type=int, nargs="+")
    parser.add_argument("--rows", type=int, nargs="+", default=[0, 1, 2, 3])
    options = parser.parse_args()
    sheets = sorted((options.run / "samples").glob("*.png"))
    if options.at:
        sheets = [sheet for sheet in sheets if int(sheet.stem) in options.at]
    write_whole(options.strip, strip(options.run, sheets if options.at else moments(sheets), options.rows))


if __name__ == "__main__":
    main()
