"""The command line. One file per command; torch is imported only inside a command, so that --help is quick."""

import contextlib
import errno
import os
import sys
import warnings

from translate.errors import DISK, INTERNAL, INTERRUPTED, UserError
from translate.system.output import tolerate
from translate.system.text import in_short, printable

FAILING = {getattr(errno, name) for name in ("ENOSPC", "EIO", "EDQUOT", "EROFS", "ESTALE") if hasattr(errno, name)}


def _expanded(word: str) -> str:
    """~ as the user's own folder also where a shell leaves it, in --out=~/x."""
    option, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return option + equals + (os.path.expanduser(value) if value == "~" or value.startswith("~/") else value)


def main() -> None:
    """The `translate` command. Every problem of the user's is one sentence and a documented exit code."""
    from translate.cli.app import app

    tolerate()
    # How long an idle OpenMP thread spins (read when torch is imported). GNU's default of 300,000 iterations takes the
    # core from the thread that is waited for when another program uses a core: docs/log.md.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Pillow warns on stderr about every unusual file; files that can't be used are listed in our own messages.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        app(args=[_expanded(word) for word in sys.argv[1:]])
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # all processes of torchrun meet the same errors
            print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)  # names may hold escapes
        _report_to_torchrun(f"error: {error}")
        sys.exit(error.code)
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if isinstance(error, OSError) and error.filename and error.strerror:  # about a file, so not a bug
            print(f"error: {printable(str(error.filename))}: {in_short(error)}.", file=sys.stderr)
            sys.exit(DISK)
        if isinstance(error, OSError) and error.errno in FAILING:  # of a descriptor, so without a file's name
            print(f"error: the disk fails: {in_short(error)}.", file=sys.stderr)
            sys.exit(DISK)
        import traceback

        traceback.print_exc()
        print("error: this is a bug in translate, not in your data; please report the lines above.", file=sys.stderr)
        sys.exit(INTERNAL)


def _report_to_torchrun(sentence: str) -> None:
    """Leave the sentence for torchrun, whose summary of what failed is the last thing printed."""
    import json
    import time

    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        more = {"py_callstack": sentence, "timestamp": str(int(time.time()))}
        # Renamed, since torchrun kills what is left of its processes and reads their files, and fails at half of one.
        with contextlib.suppress(OSError):
            with open(path + ".draft", "w", encoding="utf-8") as file:
                json.dump({"message": {"message": sentence, "extraInfo": more}}, file)
            os.replace(path + ".draft", path)
