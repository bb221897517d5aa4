"""`translate export`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def export(
    model: Annotated[str, typer.Argument(help="A run folder, a generator file, or a name in pretrained/.")],
    to: Annotated[
        str, typer.Option(help="onnx, torch (a .pt2 program), junyanz (.pth files) or web (a folder: a page).")
    ],
    out: Annotated[
        Path | None, typer.Option(help="File, or folder for junyanz and web; named after MODEL if not given.")
    ] = None,
    direction: Annotated[Text, typer.Option(help="As b2a, or the target domain's name; a2b if not given.")] = None,
    io: Annotated[
        Text,
        typer.Option(help="onnx, torch: float (NCHW in [-1, 1]; if not given) or uint8 (NHWC, for plain pictures)."),
    ] = None,
    precision: Annotated[Text, typer.Option(help="onnx, torch: fp32 (if not given) or fp16, half the size.")] = None,
    quantize: Annotated[Text, typer.Option(help="onnx: int8, a quarter of the size; needs --calibration.")] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Folder of pictures as they will come, for --quantize.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures to compare on; the run's held-out ones or drawn ones if not given."),
    ] = None,
    fixed: Annotated[
        Text,
        typer.Option(metavar="HxW", help="onnx, torch: one picture of this size, for engines of fixed sizes."),
    ] = None,
) -> None:
    """Write a trained generator for use without this toolkit.

    An onnx or torch file takes any batch, height and width (from noise: any batch). Before it is written it is run on
    pictures of several sizes, or on seeds, and compared with the trained network; if it differs too much nothing is
    written (exit code 6).
    """
    from translate.export.run import Options, export

    for line in export(Options(model, to, out, direction, io, precision, quantize, calibration, images, fixed)):
        print(line)
