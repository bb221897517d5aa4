"""`translate report`"""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run folders; several are compared.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The HTML file; report.html in the run folder, or here for several runs, if not given."),
    ] = None,
) -> None:
    """Show how a training went, or compare several, in one HTML file.

    Held-out images over time under a slider, curves, scores, the best and the worst outputs, warnings, settings. The
    file has everything inside, is below 3 MB, and opens in any browser without a connection. Training writes it too.
    """
    from translate.report.run import Options
    from translate.report.run import report as write
    from translate.train.settings import departures

    write(Options(runs, out), departures)
