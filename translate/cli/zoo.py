"""`translate zoo`"""

from typing import Annotated

import typer

PLAIN = 1000  # characters a line where the output is no terminal: nothing is broken into lines


def zoo(
    name: Annotated[str | None, typer.Argument(help="Show the card of this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the trained generators that come along, or show the card of one.

    Their names are models for every verb, and for translate.load in Python.
    """
    from translate.zoo.run import card, find, rows

    if as_json:
        from json import dumps

        print(dumps(find(name)[1].plain() if name else rows(), indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=not name, header_style="bold")
    if not console.is_terminal:
        console.width = PLAIN
    if name and not console.is_terminal:
        print("\n".join(f"{word}: {text}" for word, text in card(name)))
        return
    if name:
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for word, text in card(name):
            table.add_row(word, text)
        console.print(table, markup=False)
        return
    for heading in ("name", "from → to", "size", "licence", "what", "score"):
        table.add_column(heading, no_wrap=heading in ("name", "size"))
    for row in rows():
        side = f"{row['size'][1]} × {row['size'][0]} px, " if len(row["size"]) == 2 else ""
        size = f"{side}{row['bytes'] / 1e6:.1f} MB"
        table.add_row(row["name"], f"{row['from']} → {row['to']}", size, row["licence"], row["title"], row["score"])
    console.print(table, markup=False)
    console.print("\nSee one with `translate zoo NAME`; try one with `translate web NAME`.", style="dim")
