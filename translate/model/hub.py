"""Generators on the Hugging Face Hub, hf://user/name or hf://user/name@revision, through the package huggingface_hub.

It keeps them in its own cache, and has the token; neither is written or printed here.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import translate
from translate.errors import DAMAGED, DISK, UNAVAILABLE, USAGE, UserError

PREFIX = "hf://"
FILE, CARD, SHEET = "generator.safetensors", "README.md", "sheet.png"  # what a repository has
MOST = 4 << 30  # bytes of a generator's file: larger ones are not fetched
NAME = r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}"
ADDRESS = re.compile(rf"(?!.*\.\.){PREFIX}({NAME})(?:@([\w./-]{{1,200}}))?", re.ASCII)
NEEDED = 'the Hugging Face Hub needs huggingface_hub: pip install "imgtranslate[hub]".'
FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO") if hasattr(errno, name)}


def library() -> Any:
    """The module huggingface_hub; UserError (exit code 69) where it isn't installed."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(NEEDED, UNAVAILABLE) from error
    return huggingface_hub


@cache  # so that all reads of one command are of the same revision
def download(address: str) -> Path:
    """The path of the generator's file of hf://user/name, fetched unless the cache has the revision.

    UserError: exit code 2 for what is no such repository or revision, 5 where it holds no generator, 69 when it can't
    be reached, 74 when the cache can't be written.
    """
    found = ADDRESS.fullmatch(address)
    if not found:
        raise UserError(f"'{address}' should be hf://user/name, or hf://user/name@revision.")
    name, revision = found.groups()
    hub = library()
    from huggingface_hub.errors import LocalEntryNotFoundError

    asking: dict[str, Any] = {"library_name": "imgtranslate", "library_version": translate.__version__}
    size, problem = 0, None
    try:
        size = hub.get_hf_file_metadata(hub.hf_hub_url(name, FILE, revision=revision), **asking).size or 0
    except Exception as error:  # without the retries of a download, which take half a minute
        problem = error
    if size > MOST:
        raise UserError(f"{address}: {FILE} has {size:,} bytes, and at most {MOST:,} are fetched.", DAMAGED)
    with in_words(address):
        try:
            return Path(hub.hf_hub_download(name, FILE, revision=revision, local_files_only=bool(problem), **asking))
        except LocalEntryNotFoundError as error:
            raise problem or error from None


@contextmanager
def in_words(what: str, writing: bool = False) -> Iterator[None]:
    """Turns what huggingface_hub raises into a UserError that begins with `what`. The exceptions' own texts are left
    out, as they have addresses, which may be signed."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # several libraries' classes, which differ with its version
        sentence, code = _reason(error, writing)
        raise UserError(f"{what}: {sentence}.", code) from error


def _reason(error: BaseException, writing: bool) -> tuple[str, int]:
    """(what is wrong, exit code)"""
    from huggingface_hub import constants, errors

    host = urlsplit(constants.ENDPOINT).netloc
    token = f"`hf auth login`, or HF_TOKEN, gives one that may {'write' if writing else 'read'} there"
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(cause, errors.RevisionNotFoundError):
            return "there is no such revision", USAGE
        if isinstance(cause, errors.EntryNotFoundError) and not isinstance(cause, errors.LocalEntryNotFoundError):
            return f"the repository has no {FILE}, so it holds no generator of this toolkit", DAMAGED
        if isinstance(cause, errors.LocalTokenNotFoundError) or (status in (401, 403) and writing):
            return f"{host} takes no files without a token with the right to write; {token}", UNAVAILABLE
        if isinstance(cause, errors.RepositoryNotFoundError) or status in (401, 403):
            return f"{host} has no such repository, or it is private or gated and your token is missing; {token}", USAGE
        if isinstance(cause, errors.OfflineModeIsEnabled):
            return "it is not in the cache, and HF_HUB_OFFLINE forbids to fetch it", UNAVAILABLE
        if isinstance(cause, errors.HFValidationError):
            return "that is no name of a repository", USAGE
        if status:
            return f"{host} answers with the error {status}; try again later", UNAVAILABLE
        if isinstance(cause, OSError) and cause.errno in FULL:
            return f"the cache in {constants.HF_HUB_CACHE} can't be written ({cause.strerror})", DISK
        cause = cause.__cause__ or cause.__context__
    done = "written" if writing else "fetched, and it is not in the cache"
    return f"{host} can't be reached, so nothing can be {done} ({type(error).__name__})", UNAVAILABLE
