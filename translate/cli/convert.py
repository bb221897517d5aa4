"""`translate convert`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def convert(
    model: Annotated[
        str, typer.Argument(help="Run folder, generator file (.safetensors or .onnx), or pretrained name.")
    ],
    paths: Annotated[
        list[str],
        typer.Argument(metavar="IN... OUT", help="A folder, file or pattern (or several), and where the results go."),
    ],
    direction: Annotated[str, typer.Option(help="As a2b or b2a, or the target domain's name.")] = "a2b",
    size: Annotated[Text, typer.Option(help="Resize first: longer side, as 512, or HxW.")] = None,
    tile: Annotated[int, typer.Option(help="For images larger than memory: pixels at once, as 1024; 0: all.")] = 0,
    norms: Annotated[
        str, typer.Option(help="Measured values larger than memory: statistics of norms exact, sample or auto.")
    ] = "auto",
    alpha: Annotated[str, typer.Option(help="keep, drop, or background: lay the result on it.")] = "keep",
    background: Annotated[Text, typer.Option(help="Colour under transparency; the model's if not given.")] = None,
    grey: Annotated[str, typer.Option(help="Grayscale images: keep, colour, or auto: as trained.")] = "auto",
    format: Annotated[Text, typer.Option(help="png, jpg, webp, avif, tif ...; each file's own if not given.")] = None,
    range: Annotated[
        Text, typer.Option(help="Black and white in float and 16-bit files, as 0:4095; the model's if not given.")
    ] = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG, WebP and AVIF.")] = 95,
    batch: Annotated[int, typer.Option(min=0, help="Images of equal size at once; 0: chosen.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read and write; 0: chosen.")] = 0,
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, torch or onnx.")] = "auto",
    stochastic: Annotated[bool, typer.Option("--stochastic", help="Keep pix2pix's dropout on.")] = False,
    seed: Annotated[int, typer.Option(help="For --stochastic.")] = 0,
    max_pixels: Annotated[int, typer.Option(min=1, help="Larger images are refused.")] = 64_000_000,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Do all again, replacing what is there.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Also write a sheet of inputs beside outputs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")] = False,
) -> None:
    """Translate a folder of images into another.

    Videos as well, and single files. Sizes, names, formats, transparency and 16 bits stay as they are. A second run
    does only what is missing or changed. OUT/report.json says what was made, and of what could not be translated, why.
    """
    from translate.convert.options import Options, parse_colour, parse_size, parse_suffix, parse_values
    from translate.errors import UserError
    from translate.model.checks import one_of
    from translate.model.checks import tile as checked_tile

    if len(paths) < 2:
        raise UserError("translate convert MODEL IN OUT: where should the results go? OUT is missing.")
    one_of("--alpha", alpha, ("keep", "drop", "background"))
    one_of("--grey", grey, ("auto", "keep", "colour"))
    one_of("--precision", precision, ("fp32", "bf16", "fp16"))
    one_of("--backend", backend, ("auto", "torch", "onnx"))
    one_of("--norms", norms, ("exact", "sample", "auto"))
    checked_tile(tile)
    ground, wanted, suffix = parse_colour(background), parse_size(size), parse_suffix(format)

    from translate.convert.run import convert as start
    from translate.model.rules import Rules

    rules = Rules(size=wanted, alpha=alpha, background=ground, grey=grey, tile=tile)  # type: ignore[arg-type]
    start(
        Options(
            model, tuple(paths[:-1]), Path(paths[-1]), direction=direction, rules=rules, suffix=suffix, quality=quality,
            batch=batch, workers=workers, precision=precision, device=device, backend=backend, stochastic=stochastic,
            seed=seed, max_pixels=max_pixels, overwrite=overwrite, compare=compare, dry_run=dry_run,
            values=parse_values(range), norms=norms,
        )
    )  # fmt: skip
