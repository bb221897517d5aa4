"""`translate push`"""

from typing import Annotated

import typer


def push(
    model: Annotated[str, typer.Argument(help="Run folder, generator file, or pretrained name.")],
    to: Annotated[str, typer.Argument(metavar="USER/NAME", help="The repository; made if it isn't there.")],
    private: Annotated[bool, typer.Option("--private", help="Only you, and whom you let in, can see it.")] = False,
    permitted: Annotated[
        bool,
        typer.Option("--permitted", help="You have the right to publish it, whatever its sets' terms say."),
    ] = False,
    licence: Annotated[str, typer.Option(help="The Hub's name of the licence, as mit; the sets' if not given.")] = "",
    no_sheet: Annotated[
        bool, typer.Option("--no-sheet", help="Without the sheet, which shows held-out images of the training.")
    ] = False,
) -> None:
    """Upload a generator to the Hugging Face Hub.

    As three files in one commit: generator.safetensors, a card as README.md, and the newest sheet as sheet.png.
    Afterwards hf://USER/NAME is a model for every verb. Log in first: `hf auth login`, or set HF_TOKEN.
    """
    from translate.push.run import Options
    from translate.push.run import push as start

    start(Options(model, to, private, permitted, licence, not no_sheet))
