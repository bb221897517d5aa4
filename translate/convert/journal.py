"""The record of the outputs in a folder, so that a second run converts only what is missing or changed.

During a conversion each output is first recorded in a journal and then renamed to its final name. At the end the
journal is replaced by report.json. After a crash at any time the two files together list every output.
"""

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from translate.convert.plan import Job
from translate.errors import UserError
from translate.system.files import sha256, short, write_whole
from translate.system.text import printable
from translate.system.untrusted import open_append, parse_object, read_object, read_text

REPORT = "report.json"
IDENTITY = {"bytes", "mtime_ns", "sha256"}


class Record:
    """folder: OUT, or None for a single file, which has no report. part: (rank, ranks) of this process.

    known: entries of earlier conversions, made: entries of this one, both by the output's path below OUT.
    unchanged: names of inputs that were skipped. failed: {"file", "stage", "reason", "sha256"} for each failed file.
    """

    def __init__(self, folder: Path | None, part: tuple[int, int] = (0, 1)):
        self.folder, (self.rank, self.ranks) = folder, part
        self.known: dict[str, dict[str, Any]] = {}  # by the output's path below OUT
        self.made: dict[str, dict[str, Any]] = {}  # in this run
        self.unchanged: list[str] = []
        self.failed: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.journal: IO[str] | None = None
        if folder is not None:
            for path in [folder / REPORT, *sorted(folder.glob(".translate-*.jsonl"))]:
                for entry in _entries(path):
                    self.known[entry["output"]] = entry

    # Before the work -------------------------------------------------------------------------------------------------

    def done(self, job: Job, recipe: str) -> bool:
        """Whether the job's output exists and was made from the present input by the same recipe.

        refuse_foreign has already checked that a conversion wrote the output.
        """
        entry = self.known.get(_safe(job.output))
        return bool(entry and entry["recipe"] == recipe and job.target.exists() and _same(job.source, entry["input"]))

    def ours(self, job: Job) -> bool:
        """Whether the file at the job's target is unchanged since a conversion wrote it."""
        entry = self.known.get(_safe(job.output))
        return entry is not None and not job.target.is_symlink() and _same(job.target, entry["made"])

    def refuse_foreign(self, jobs: list[Job]) -> None:
        """UserError when an output would replace a file that no conversion wrote, or that was changed afterwards."""
        foreign = [job for job in jobs if os.path.lexists(job.target) and not self.ours(job)]
        if foreign:
            names = ", ".join(printable(str(job.target)) for job in foreign[:3])
            more = f" and {len(foreign) - 3:,} more" if len(foreign) > 3 else ""
            raise UserError(
                f"{names}{more} exist already and were not made, or not left as they were made, by a conversion into "
                "this folder; choose another folder, or --overwrite replaces them."
            )
        report = None if self.folder is None else self.folder / REPORT
        if report is not None and report.exists() and not _is_report(report):
            raise UserError(f"{report} is not a report of this toolkit and would be replaced; choose another folder.")

    # During the work, from several threads ---------------------------------------------------------------------------

    def making(
        self,
        job: Job,
        recipe: str,
        source: dict[str, Any],
        digest: str | Callable[[], str],
        notes: list[str],
        facts: dict[str, Any] | None = None,
    ):
        """A callback for `write_whole` and `publish`: they call it after writing the output and before renaming it.

        source: the input's `identity`. digest: the output's SHA-256, or a function that finds it. facts: more of the
        entry in the report.
        """

        def announce(status: os.stat_result) -> None:
            made = identity(status, digest if isinstance(digest, str) else digest())
            self._note(job, recipe, source, made, notes, facts or {})

        return announce

    def _note(
        self,
        job: Job,
        recipe: str,
        source: dict[str, Any],
        made: dict[str, Any],
        notes: list[str],
        facts: dict[str, Any],
    ) -> None:
        names = {"output": _safe(job.output), "file": _safe(job.name)}
        entry = {**names, "recipe": recipe, "input": source, "made": made, **facts}
        if notes:
            entry["notes"] = notes
        with self.lock:
            self.made[_safe(job.output)] = entry
            if self.folder is not None:
                if self.journal is None:
                    self.journal = open_append(self._journal())
                self.journal.write(json.dumps(entry) + "\n")
                self.journal.flush()

    def fail(self, job: Job, stage: str, reason: str, sha256: str = "") -> None:
        with self.lock:
            self.made.pop(_safe(job.output), None)  # recorded already if the rename failed
            self.failed.append({"file": _safe(job.name), "stage": stage, "reason": reason, "sha256": sha256})

    # After the work --------------------------------------------------------------------------------------------------

    def close(self, about: dict[str, Any]) -> None:
        """Write report.json. Of several processes each writes a part, and the last to finish merges them."""
        if self.journal is not None:
            with suppress(OSError):  # a full disk: report.json, if it fits, lists the same entries
                self.journal.close()
        if self.folder is None:
            return
        mine: dict[str, Any] = {"made": self.made, "unchanged": sorted(self.unchanged), "failed": self.failed}
        parts = [mine]
        if self.ranks > 1:
            write_whole(self._part(self.rank), json.dumps(mine).encode())
            parts = [part for rank in range(self.ranks) if (part := _read(self._part(rank)))]
        files = dict(self.known)
        for part in parts:
            files |= part["made"]
        content = {
            **about,
            "translated": sum(len(part["made"]) for part in parts),
            "unchanged": sum(len(part["unchanged"]) for part in parts),
            "failed": sorted((entry for part in parts for entry in part["failed"]), key=lambda entry: entry["file"]),
            "files": [files[name] for name in sorted(files)],
        }
        if len(parts) == self.ranks:
            write_whole(self.folder / REPORT, json.dumps(content, indent=1, ensure_ascii=False).encode())
            for path in (*self.folder.glob(".translate-*.jsonl"), *self.folder.glob(".translate-part-*.json")):
                path.unlink(missing_ok=True)

    def remove_leftovers(self, jobs: list[Job]) -> None:
        """Delete the temporary files of a killed conversion, and this process's part of an earlier report.

        UserError when the journal's path is a link or no regular file.
        """
        if self.folder is None:
            return
        journal = self._journal()
        if os.path.lexists(journal) and (journal.is_symlink() or not journal.is_file()):
            raise UserError(f"{journal} is a link or no regular file, and is never appended to; delete it.")
        for folder in {job.target.parent for job in jobs}:
            names = {job.target.name for job in jobs if job.target.parent == folder}
            for path in folder.glob(".*.part*"):
                start, _, suffix = path.name[1:].rpartition(".part")
                if start.rpartition(".")[0] in {short(name, suffix) for name in names}:
                    path.unlink(missing_ok=True)
        for name in (REPORT, "compare.png", self._part(self.rank).name):
            for path in self.folder.glob(f".{name}.*.part"):
                path.unlink(missing_ok=True)
        self._part(self.rank).unlink(missing_ok=True)

    def _journal(self) -> Path:
        assert self.folder is not None
        return self.folder / f".translate-{self.rank}.jsonl"

    def _part(self, rank: int) -> Path:
        assert self.folder is not None
        return self.folder / f".translate-part-{rank}-of-{self.ranks}.json"


def identity(status: os.stat_result, digest: str) -> dict[str, Any]:
    """What identifies a file's content: {"bytes", "mtime_ns", "sha256"}."""
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": digest}


def _same(path: Path, before: dict[str, Any]) -> bool:
    """Whether a file is unchanged: by size and time, or by SHA-256 when only the time differs."""
    try:
        status = path.stat()
        if status.st_size != before["bytes"]:
            return False
        if status.st_mtime_ns == before["mtime_ns"]:
            return True
        return sha256(path) == before["sha256"]
    except OSError:
        return False


def _entries(path: Path) -> list[dict[str, Any]]:
    """The valid entries of a report or a journal. A journal's last line may be incomplete; a damaged file has none."""
    try:
        text = read_text(path)
    except (OSError, ValueError):
        return []
    found: list[Any] = []
    for line in [text] if path.name == REPORT else text.splitlines():
        try:
            content = parse_object(line)
            found += content["files"] if path.name == REPORT else [content]
        except (ValueError, KeyError, TypeError):
            continue
    return [entry for entry in found if _is_entry(entry)]


def _is_entry(entry: Any) -> bool:
    """Whether a JSON value has the fields of `_note`'s entries that are used here."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) for name in ("output", "recipe"))
        and all(isinstance(entry.get(name), dict) and entry[name].keys() >= IDENTITY for name in ("input", "made"))
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        part = read_object(path)
        lists = isinstance(part["unchanged"], list) and all(isinstance(one["file"], str) for one in part["failed"])
        return part if lists and all(_is_entry(entry) for entry in part["made"].values()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # that process still runs, or another one has merged the parts and removed them


def _is_report(path: Path) -> bool:
    try:
        return "translate" in read_object(path)
    except (OSError, ValueError):
        return False


def _safe(name: str) -> str:
    """A file name as valid Unicode: bytes that are no UTF-8 are escaped, since JSON can't hold them."""
    return name.encode("utf-8", "backslashreplace").decode()
