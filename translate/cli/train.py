"""`translate train`"""

from pathlib import Path
from typing import Annotated

import typer

from translate.cli.names import listed

Text = str | None

# Options of every verb that trains.
Batch = Annotated[int | None, typer.Option(help="Images a step.")]
Images = Annotated[int | None, typer.Option(help="Training length in images seen.")]
Rate = Annotated[float | None, typer.Option(help="Adam's step size.")]
Device = Annotated[Text, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int | None, typer.Option(help="Everything random follows from it.")]
Minutes = Annotated[float | None, typer.Option(help="Training length in minutes on this machine, instead of --images.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show settings, data and an estimate; train nothing.")]


def train(
    mode: Annotated[
        Text,
        typer.Option(help=f"The method: {listed('MODES')}."),
    ] = None,
    a: Annotated[Text, typer.Option("--a", help="Domain A: a folder or a named set.")] = None,
    b: Annotated[Text, typer.Option("--b", help="Domain B: a folder or a named set; not for noise.")] = None,
    domains: Annotated[
        Text, typer.Option(help="For star, instead of --a and --b: folders or named sets with commas between them.")
    ] = None,
    labels: Annotated[
        Text, typer.Option(help="From noise, by class: auto (the set's own, or sub-folders) or a CSV of file,class.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/MODE-A-B if not given.")] = None,
    preset: Annotated[
        Text,
        typer.Option(help=f"{listed('PRESETS')}; chosen by the device. auto: the best, by trial (with --minutes)."),
    ] = None,
    size: Annotated[Text, typer.Option(help="Size to train at: 64, or HxW as 128x256.")] = None,
    batch: Batch = None,
    images: Images = None,
    minutes: Minutes = None,
    lr: Rate = None,
    precision: Annotated[Text, typer.Option(help="auto, fp32, bf16 or fp16.")] = None,
    device: Device = None,
    workers: Annotated[int | None, typer.Option(help="Loader processes.")] = None,
    seed: Seed = None,
    config: Annotated[Path | None, typer.Option(help="Take the settings of a run's config.toml.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, as config.toml names it; may be repeated."),
    ] = None,
    init_from: Annotated[Text, typer.Option(help="Generator file or run folder to start from.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Train a translator, or a GAN. The same command again continues where it stopped.

    The images are fetched if they are named sets. What is written goes to the run folder: sample sheets, log,
    checkpoints, and the newest and the best generator.
    """
    from translate.train.options import Options, default_folder

    given = {"size": size, "batch": batch, "images": images, "lr": lr, "precision": precision, "device": device,
             "workers": workers, "seed": seed, "labels": labels}  # fmt: skip
    options = Options(
        mode, a, b, preset, config, sets or [], init_from, {k: v for k, v in given.items() if v is not None}, minutes,
        domains,
    )  # fmt: skip
    settings, candidates = options.settings(), options.candidates()
    folder = out or default_folder(settings)

    from translate.train.run import dry_run as rehearse
    from translate.train.run import start

    (rehearse if dry_run else start)(settings, folder, minutes=minutes, candidates=candidates)
