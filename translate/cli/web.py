"""`translate web`"""

from pathlib import Path
from typing import Annotated

import typer


def web(
    model: Annotated[
        str | None,
        typer.Argument(help="A run folder, a generator file, or a name of the zoo; all of the zoo if not given."),
    ] = None,
    direction: Annotated[
        str | None, typer.Option(help="As b2a, or the target domain's name; a2b if not given.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 or any free one if not given.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the pages into this folder, for any static host, and serve nothing.")
    ] = None,
) -> None:
    """Translate pictures in the browser, on this machine, until Ctrl-C.

    A GAN's page makes samples. Without MODEL a start page offers the generators that come along. The browser does all
    the work, and no picture leaves it. Only this machine can open it. The runtime is fetched with npm the first time
    (33 MB).
    """
    import signal
    import tempfile

    from translate.errors import UserError
    from translate.export.web.serve import Server
    from translate.system.signals import CODES

    if direction and not model:
        raise UserError("--direction is of one MODEL; name it, or leave --direction out.")
    if out:
        if port is not None:
            raise UserError("--port and --out don't go together: with --out nothing is served.")
        from translate.export.web.run import write

        print(write(model, out, direction))
        return

    def stop(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        server.stopped = UserError(f"stopped by {name}; the page's temporary folder is removed.", CODES[number])
        raise server.stopped

    with Server(port) as server, tempfile.TemporaryDirectory(prefix="translate-web-") as temporary:
        for number in CODES:
            if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, stop)
        from translate.export.web.run import pages  # imports torch, so only after the port was found free

        folder = Path(temporary) / "page"
        pages(model, folder, direction)
        server.show(folder)
        print(f"{model or 'the zoo'} is at {server.address} until you press Ctrl-C", flush=True)
        server.serve_forever()
