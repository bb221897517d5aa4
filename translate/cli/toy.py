"""`translate toy`"""

from pathlib import Path
from typing import Annotated

import typer

from translate.cli.names import names


def toy(
    data: Annotated[str, typer.Option(help="ring: 8 Gaussians on a circle; grid: 25 of them.")] = "ring",
    objectives: Annotated[
        str,
        typer.Option(help=f"all, or some of {','.join(names('EXPERIMENTS'))}."),
    ] = "all",
    out: Annotated[Path | None, typer.Option(help="Folder for the figure; toy-DATA if not given.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    rounds: Annotated[
        int | None, typer.Option(help="Steps of G for each objective; its own number if not given.")
    ] = None,
) -> None:
    """Train a GAN of each objective on points of a plane, and see which modes it finds.

    Takes some minutes on a CPU and needs no data. Writes toy.png, a row per objective, and toy.json, the numbers.
    """
    from translate.toy.run import Options
    from translate.toy.run import toy as start

    start(Options(data, objectives, out, seed, rounds))
