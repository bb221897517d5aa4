"""`translate import`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def import_(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.pth", help="A generator's checkpoint; FILE.pth:NAME if the file holds several networks."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Generator file to write; ./FILE.safetensors if not given.")] = None,
    back: Annotated[Text, typer.Option(help="The generator of the way back (latest_net_G_B.pth).")] = None,
    net_d: Annotated[Text, typer.Option(help="pix2pix's discriminator (latest_net_D.pth), for --init-from.")] = None,
    net_d_a: Annotated[Text, typer.Option(help="CycleGAN's latest_net_D_A.pth: it judges what FILE makes.")] = None,
    net_d_b: Annotated[Text, typer.Option(help="CycleGAN's latest_net_D_B.pth: it judges what --back makes.")] = None,
    from_: Annotated[str, typer.Option("--from", help="What the first domain is called.")] = "a",
    to: Annotated[str, typer.Option(help="What the second domain is called.")] = "b",
) -> None:
    """Make a generator file of a .pth checkpoint.

    Of pytorch-CycleGAN-and-pix2pix, or of a fork that kept its networks. The architecture is read off the weights, and
    nothing in the file is run. Files of every PyTorch since 0.1.10 (2017) are read, the published models among them.
    Go on training with `translate train --init-from`.
    """
    from translate.interop.importing import Options, import_checkpoint

    judges = {"net_d": net_d, "net_d_a": net_d_a, "net_d_b": net_d_b}
    options = Options(file, back, {name: path for name, path in judges.items() if path}, out, (from_, to))
    path = import_checkpoint(options)
    print(f"wrote {path}\nin Python: translate.load({str(path)!r})('picture.png').save('out.png')")
