"""The error for the user, in one sentence, and the exit codes (documented in docs/exit-codes.md)."""

OK = 0
INTERNAL = 1  # a bug of this toolkit: the only case with a traceback
USAGE = 2  # a setting, a name or the data can't be used as given
PARTIAL = 3  # convert: some files could not be translated; report.json names them
DIVERGED = 4  # training met NaN or infinity; the last good checkpoint is kept
DAMAGED = 5  # a checkpoint or model file is missing, damaged or of another program
INEXACT = 6  # export: the file would differ too much from the trained network
UNTRAINABLE = 65  # data check: the images can't be trained on
UNAVAILABLE = 69  # something has to be fetched and can't be
DISK = 74  # a file could not be written or read
LOST = 75  # training with torchrun: another process has ended
INTERRUPTED = 130  # SIGINT (Ctrl-C), after the state was saved; other signals: 128 + their number
TERMINATED = 143  # SIGTERM, likewise


class UserError(Exception):
    """One clear sentence for the user: names the file or setting, what is wrong and what would be right. code: the exit
    code, one of the constants of this module."""

    def __init__(self, message: str, code: int = USAGE):
        super().__init__(message)
        self.code = code
