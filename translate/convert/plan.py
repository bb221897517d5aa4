"""The plan of a conversion: each input's output path, checked for conflicts before any image is read."""

import glob
import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from translate.errors import UserError
from translate.image import rgb8
from translate.image.source import PassedOver
from translate.system.files import SYSTEM_FOLDERS, walk
from translate.system.text import printable
from translate.values.files import NO_SUFFIX, SUFFIXES, kind_of, suffix_of

VIDEOS = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"}


@dataclass(frozen=True)
class Job:
    """One file to translate.

    source, target: paths of input and output. name: the input's path below IN. output: the output's path below OUT.
    Reports use name and output.
    """

    source: Path
    name: str
    target: Path
    output: str

    @property
    def video(self) -> bool:
        return self.source.suffix.lower() in VIDEOS


@dataclass
class Plan:
    """jobs: sorted by name. folder: the folder of the report; None when one file is converted to one file.

    problems: messages about folders that could not be listed. passed_over: files in IN without an image's suffix.
    """

    jobs: list[Job]
    folder: Path | None
    problems: list[str]
    passed_over: PassedOver


def usable(name: str, values: bool = False) -> bool:
    """Whether a file's name is an image's or a video's; with `values`, one of files of measured values, or one without
    a suffix or with a number for it, as many DICOM files have."""
    if values:
        suffix = suffix_of(name)
        return suffix in SUFFIXES or ((suffix[1:].isdecimal() or not suffix) and name != "DICOMDIR")
    return rgb8.is_image_name(name) or Path(name).suffix.lower() in VIDEOS


def plan(
    sources: tuple[str, ...], out: Path, suffix: str = "", *, overwrite: bool = False, values: bool = False
) -> Plan:
    """The plan for converting `sources` (files, folders or patterns) to `out`. suffix: of the outputs; '' keeps it.
    values: whether the files hold measured values.

    UserError, before anything is written, when there are no images, when an output would overwrite an input, or when
    two inputs have the same output.
    """
    problems: list[str] = []
    passed_over = PassedOver()
    found = [pair for source in sources for pair in _found(source, problems, passed_over, values)]
    if values:
        found = [pair for pair in found if _by_content(pair[0], passed_over)]
    if not found and problems:
        raise UserError(f"{problems[0]}, so no images were found in {', '.join(map(printable, sources))}.")
    if not found:
        where = ", ".join(printable(source) for source in sources)
        others = f"; passed over: {passed_over}" if passed_over else ""
        raise UserError(f"there are no images in {where} (recognised: {_known(values)}{others}).")
    if len(sources) == 1 and Path(sources[0]).is_file() and usable(out.name, values) and not out.is_dir():
        if suffix and suffix_of(out) != suffix:
            raise UserError(f"{out} and --format {suffix[1:]} contradict each other.")
        job = Job(*found[0], out, out.name)
        if job.video != (out.suffix.lower() in VIDEOS):
            raise UserError(f"a video becomes a video and an image an image; {job.source} can't become {out}.")
        _refuse_inputs([job])
        if os.path.lexists(out) and not overwrite:
            raise UserError(f"{out} exists; --overwrite replaces it.")
        return Plan([job], None, problems, passed_over)
    if out.is_file():
        raise UserError(f"{out} is a file; for several images OUT is a folder.")
    jobs = []
    for path, name in found:
        output = PurePosixPath(name)
        if suffix and output.suffix.lower() not in VIDEOS:
            known = suffix_of(name) if not values or suffix_of(name) in SUFFIXES else ""  # 1.2.840 is no suffix
            output = output.with_name(output.name[: len(output.name) - len(known)] + suffix)
        jobs.append(Job(path, name, out / output, str(output)))
    jobs.sort(key=lambda job: job.name)
    for source in sources:
        if Path(source).is_dir():
            _refuse_inside(out, Path(source))
    _refuse_inputs(jobs)
    _refuse_collisions(jobs, out)
    return Plan(jobs, out, problems, passed_over)


def _by_content(path: Path, passed_over: PassedOver) -> bool:
    """Whether the name of a file, or else its content as DICOM, makes it one of measured values."""
    wanted = suffix_of(path) in SUFFIXES or kind_of(path) == NO_SUFFIX
    if not wanted:
        passed_over.add(path.name)
    return wanted


def _known(values: bool) -> str:
    return ", ".join(sorted(suffix[1:] for suffix in (SUFFIXES if values else rgb8.SUFFIXES | VIDEOS)))


def _found(source: str, problems: list[str], passed_over: PassedOver, values: bool) -> list[tuple[Path, str]]:
    """(path, name below IN) of every file of IN, which is a folder, a file or a pattern."""
    source = os.path.expanduser(source)

    def wanted(name: str) -> bool:
        if not usable(name, values):
            passed_over.add(name)
        return usable(name, values)

    path = Path(source)
    if path.is_dir():
        return [(file, file.relative_to(path).as_posix()) for file in walk(path, wanted, problems.append)]
    if os.path.lexists(path):
        if not usable(path.name, values):
            raise UserError(f"{printable(source)} has no image's name; rename it to what it is ({_known(values)}).")
        return [(path, path.name)]
    if not glob.has_magic(source):
        raise UserError(f"there is no file or folder {printable(source)}.")
    parts = Path(source).parts
    count = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    while count < len(parts) and os.path.isdir(Path(*parts[: count + 1])):  # "pics [2024]" is a folder, no pattern
        count += 1
    fixed = Path(*parts[:count])
    pattern = os.path.join(glob.escape(str(fixed)), *parts[count:])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [file for file in matches if not SYSTEM_FOLDERS & set(file.parts) and not os.path.isdir(file)]
    return [(file, file.relative_to(fixed).as_posix()) for file in files if wanted(file.name)]


def _refuse_inside(out: Path, source: Path) -> None:
    """UserError when OUT is IN or lies in it, also by links, mounts or names that differ only in case."""
    real = Path(os.path.realpath(out))
    for folder in (real, *real.parents):
        if folder.exists() and os.path.samefile(folder, source):
            where = "is" if folder == real else "lies in"
            raise UserError(
                f"OUT ({out}) {where} IN ({source}), and IN is never written to; choose a folder outside it."
            )


def _refuse_inputs(jobs: list[Job]) -> None:
    """UserError when an output is the same file as an input, also by a symbolic or hard link."""
    real_folder = cache(os.path.realpath)  # resolved once per folder

    def known(path: Path) -> set[Any]:
        """The real path, and for an existing file (device, inode), which hard links have in common."""
        if os.path.islink(path):
            names: set[Any] = {os.path.realpath(path)}
        else:
            names = {os.path.join(real_folder(path.parent), path.name)}
        with suppress(OSError):
            status = path.stat()
            names.add((status.st_dev, status.st_ino))
        return names

    inputs = set().union(*(known(job.source) for job in jobs))
    for job in jobs:
        if known(job.target) & inputs:
            raise UserError(
                f"{printable(str(job.target))} is one of the inputs, and inputs are never written to; "
                "choose another folder for OUT."
            )


def _refuse_collisions(jobs: list[Job], out: Path) -> None:
    """UserError when two jobs have one output: a.jpg and a.png with --format, or names that differ only in case."""
    folded = _ignores_case(out)
    taken: dict[str, Job] = {}
    for job in jobs:
        key = unicodedata.normalize("NFC", str(job.target)).casefold() if folded else str(job.target)
        other = taken.setdefault(key, job)
        if other is not job:
            raise UserError(
                f"{printable(other.name)} and {printable(job.name)} would both become "
                f"{printable(str(job.target))}; rename one of them, or convert them into two folders."
            )


def _ignores_case(folder: Path) -> bool:
    """Whether the file system of `folder`, which may not exist yet, ignores case. Writes nothing."""
    real = Path(os.path.realpath(folder))
    while not real.exists():
        real = real.parent
    twin = real.with_name(real.name.swapcase()) if real.name else real
    return twin.name != real.name and twin.exists() and os.path.samefile(twin, real)
