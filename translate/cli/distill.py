"""`translate distill`"""

from pathlib import Path
from typing import Annotated

import typer

from translate.cli.train import Batch, Device, DryRun, Images, Minutes, Rate, Seed, Text


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
    batch: Batch = None,
    images: Images = None,
    minutes: Minutes = None,
    lr: Rate = None,
    device: Device = None,
    seed: Seed = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of `translate train`; may be repeated."),
    ] = None,
    dry_run: DryRun = False,
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
