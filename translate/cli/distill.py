"""`translate distill`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def distill(
    teacher: Annotated[
        str, typer.Argument(metavar="MODEL", help="Run folder, generator file, name of the zoo, or hf://user/name.")
    ],
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/distill-A-B if not given.")] = None,
    a: Annotated[Text, typer.Option("--a", help="Images to translate; those of the teacher if not given.")] = None,
    b: Annotated[Text, typer.Option("--b", help="Of the other domain, for scores; likewise.")] = None,
    direction: Annotated[
        Text, typer.Option(help="Which of the teacher's, such as b2a; its first if not given.")
    ] = None,
    preset: Annotated[Text, typer.Option(help="A preset of `translate train`; chosen by the device.")] = None,
    size: Annotated[Text, typer.Option(help="Size to train at; the teacher's if not given.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    images: Annotated[int | None, typer.Option(help="Training length in images seen.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Training length in minutes on this machine, instead of --images.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Adam's step size.")] = None,
    device: Annotated[Text, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Everything random follows from it.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of `translate train`; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show settings, data and an estimate; train nothing.")
    ] = False,
) -> None:
    """Train a small generator to do what a trained one does. The same command again continues where it stopped.

    A training of --mode distill, in a run folder like any other: scores, report, convert, export and compare follow.
    No discriminator and no true images are needed: those of --b are for the scores.
    """
    from translate.train.options import Options, default_folder

    given = {"teacher": teacher, "direction": direction, "size": size, "batch": batch, "images": images, "lr": lr,
             "device": device, "seed": seed}  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    settings = Options("distill", a, b, preset, None, sets or [], None, given, minutes).settings()

    from translate.train.run import dry_run as rehearse
    from translate.train.run import start

    (rehearse if dry_run else start)(settings, out or default_folder(settings), minutes=minutes)
