"""`translate compare`"""

from pathlib import Path
from typing import Annotated

import typer

Text = str | None


def compare(
    subjects: Annotated[
        list[str],
        typer.Argument(metavar="X Y...", help="Run folders, model files, folders of outputs or of evaluations."),
    ],
    a: Annotated[Text, typer.Option("--a", help="Images to translate; the held-out ones if not given.")] = None,
    b: Annotated[Text, typer.Option("--b", help="Images of the other domain.")] = None,
    on: Annotated[Text, typer.Option(help="A run folder: on the held-out images of this run.")] = None,
    direction: Annotated[Text, typer.Option(help="a2b or b2a only; all that they have if not given.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All images of --a and --b, not only held-out.")] = False,
    paired: Annotated[bool, typer.Option("--paired", help="--a and --b are pairs by name.")] = False,
    size: Annotated[Text, typer.Option(help="Resize all images: 64, or HxW.")] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="Images at most.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the table, sheets and comparison.json.")] = Path("comparison"),
    json: Annotated[bool, typer.Option("--json", help="Print comparison.json instead of words.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Say which of two or more is better on the same images, and by how much.

    Each is compared with the first, image by image, so that small differences show. What was not evaluated yet is
    evaluated now. Trainings that differ only in their seed count as one, with the spread of the seeds.
    """
    import sys

    from translate.evaluate.options import Options as Evaluating
    from translate.evaluate.options import both_sides

    evaluating = Evaluating(
        "", a, b, on, direction=direction, everything=everything, paired=paired, size=both_sides(size), limit=limit,
        device=device,
    )  # fmt: skip

    from translate.compare.run import Options, run

    about, lines = run(Options(subjects, out, evaluating), lambda line: print(line, file=sys.stderr if json else None))
    if json:
        from json import dumps

        print(dumps(about, indent=1))
        return
    print("\n".join(lines))
    print(f"wrote {out}: comparison.md, comparison.json, {', '.join(f'{way}.png' for way in about['directions'])}")
