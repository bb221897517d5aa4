"""`translate sample`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def sample(
    model: Annotated[str, typer.Argument(help="Run folder of a GAN, generator file, or pretrained name.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures; MODEL-samples if not given.")] = None,
    count: Annotated[
        int | None,
        typer.Option("-n", min=1, max=100_000, help="Seeds; 64 if not given, or 8 for each class of several."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The first seed; a picture's name is its seed.")] = 0,
    chosen: Annotated[Text, typer.Option("--class", help="Of this class only, where the model has classes.")] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Also the ways from each seed to the next.")
    ] = False,
    expr: Annotated[
        Text, typer.Option(help='Also a sum of seeds\' latents: "mean(1,2,3) - mean(4,5) + mean(6,7)".')
    ] = None,
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="Also the nearest training images: does it copy? Needs a run folder.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Draw pictures with a trained GAN.

    One PNG file for each seed, and sheet.png with the first of them. The same seed is the same picture every time.
    """
    from translate.sample.run import Options, sample

    sample(Options(model, out, count, seed, chosen, interpolate, expr, neighbours, device))
