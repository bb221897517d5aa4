"""`translate web`"""

from typing import Annotated

import typer


def web(
    model: Annotated[str, typer.Argument(help="A run folder, a generator file, or a name in pretrained/.")],
    direction: Annotated[str, typer.Option(help="As a2b or b2a, or the target domain's name.")] = "a2b",
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 or any free one if not given.")] = None,
) -> None:
    """Translate pictures in the browser, on this machine, until Ctrl-C.

    The page is what `translate export MODEL --to web` writes: the browser does all the work, and no picture leaves it.
    Only this machine can open it. The runtime is fetched with npm the first time (33 MB).
    """
    import signal
    import tempfile
    from pathlib import Path

    from translate.errors import UserError
    from translate.export.web.serve import Server
    from translate.system.signals import CODES

    def stop(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        server.stopped = UserError(f"stopped by {name}; the page's temporary folder is removed.", CODES[number])
        raise server.stopped

    with Server(port) as server, tempfile.TemporaryDirectory(prefix="translate-web-") as temporary:
        for number in CODES:
            if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, stop)
        from translate.export.web.build import build  # imports torch, so only after the port was found free

        folder = Path(temporary) / "page"
        build(model, folder, direction)
        server.show(folder)
        print(f"{model} translates at {server.address} until you press Ctrl-C", flush=True)
        server.serve_forever()
