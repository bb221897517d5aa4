"""`translate evaluate`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def evaluate(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Run folder, generator file (.safetensors or .onnx), pretrained name; or a folder of "
            "anybody's outputs.",
        ),
    ],
    a: Annotated[Text, typer.Option("--a", help="Images to translate; the model's held-out ones if not given.")] = None,
    b: Annotated[Text, typer.Option("--b", help="Images of the other domain.")] = None,
    on: Annotated[Text, typer.Option(help="A run folder: on the held-out images of this run.")] = None,
    truth: Annotated[Text, typer.Option(help="For outputs: a folder of what they should be, by name.")] = None,
    real: Annotated[Text, typer.Option(help="For outputs: a folder of images of the domain.")] = None,
    direction: Annotated[Text, typer.Option(help="As a2b, or the target domain's name; all if not given.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All images of --a and --b, not only held-out.")] = False,
    paired: Annotated[bool, typer.Option("--paired", help="--a and --b are pairs by name.")] = False,
    unaligned: Annotated[bool, typer.Option("--unaligned", help="Pairs aren't aligned: no PSNR and SSIM.")] = False,
    size: Annotated[Text, typer.Option(help="Resize all images: 64, or HxW.")] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Images at most; the run's, or 500, if not given.")] = None,
    programs: Annotated[
        list[str] | None,
        typer.Option("--with", metavar='"COMMAND {outputs} {truth}"', help="A program that prints a number is a score "
                     "too; may be repeated."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; MODEL/evaluation if not given.")] = None,
    keep_images: Annotated[bool, typer.Option("--keep-images", help="Also write inputs, outputs and truth.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print evaluation.json instead of tables.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:  # fmt: skip
    """Score a model, or a folder of outputs, on images that it wasn't trained on.

    Every score with its 95 % interval, beside those of doing nothing and of real images. The folder gets
    evaluation.json, a CSV of the values of each image, and a sheet of the best, median and worst ones.
    """
    import sys

    from translate.evaluate.options import Options, both_sides

    options = Options(
        subject, a, b, on, truth, real, direction, everything, paired, unaligned, both_sides(size), limit,
        tuple(programs or ()), out, keep_images, device,
    )  # fmt: skip

    from translate.evaluate.run import run, title

    record, folder = run(options, (lambda line: print(line, file=sys.stderr)) if json else print)
    if json:
        from json import dumps

        print(dumps(record, indent=1))
        return
    from translate.evaluate.words import table

    for way, entry in record["directions"].items():
        print("\n".join(table(title(subject, way, entry, record["data"]), entry)))
    print(
        f"wrote {folder}: {', '.join(('evaluation.json', *(f'{way}.csv, {way}.png' for way in record['directions'])))}"
    )
