"""The Typer app and its commands."""

import typer

import translate
from translate.cli import (
    compare,
    convert,
    data,
    distill,
    evaluate,
    export,
    import_,
    push,
    report,
    sample,
    toy,
    train,
    web,
    zoo,
)

app = typer.Typer(
    help="Image-to-image translation and GANs: train on folders of images or named sets, and use what was trained.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rendering the help with rich takes 0.4 s, more than all the rest
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("distill")(distill.distill)
app.command("convert")(convert.convert)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("sample")(sample.sample)
app.command("report")(report.report)
app.command("toy")(toy.toy)
app.command("export")(export.export)
app.command("web")(web.web)
app.command("zoo")(zoo.zoo)
app.command("push")(push.push)
app.command("import")(import_.import_)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        print(translate.__version__)
        raise typer.Exit()


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass
