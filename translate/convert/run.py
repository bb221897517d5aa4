"""`translate convert`: loads the model, converts the files and prints the summary."""

import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

import translate
from translate.convert.compare import compare_sheet
from translate.convert.journal import REPORT, Record, identity
from translate.convert.load import load
from translate.convert.measured import MeasuredFiles
from translate.convert.options import Options
from translate.convert.pipeline import STOPPING, Pipeline
from translate.convert.plan import Job, Plan, plan
from translate.convert.progress import Progress
from translate.convert.values import found_over
from translate.convert.video import SILENT, convert_video
from translate.errors import DISK, PARTIAL, USAGE, UserError
from translate.image import rgb8
from translate.image.raw import range_words
from translate.image.source import refuse_special
from translate.model.measured import Types
from translate.model.translator import Translator
from translate.system.files import publish, sha256, write_whole
from translate.system.lock import claim
from translate.system.memory import keep_freed
from translate.system.signals import CODES, Signals
from translate.system.text import in_short, printable

LISTED = 20  # failures that are printed at most
COMPARE = "compare.png"


def convert(options: Options, console: Console | None = None) -> None:
    """Translate all files that `options` names.

    UserError with the documented exit code when the options are invalid or not all files could be translated.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # set by torchrun
    translator, model = load(options)
    measured = translator.measured is not None
    if not measured:
        keep_freed(shared=True)  # which for images larger than memory would keep half a gigabyte more
    options.check(measured)
    work = plan(options.sources, options.out, options.suffix, overwrite=options.overwrite, values=measured)
    _refuse_sheet(options, work)
    if not measured and options.values is None and translator.values_in is None:
        # Computed from all files, so that all processes use the same range.
        values = found_over(work.jobs, options.max_pixels, options.workers or os.cpu_count() or 1)
        options = replace(options, values=values)
    owned = work.folder is not None and rank == 0 and not options.dry_run  # torchrun's first process takes the lock
    with claim(work.folder, console.print) if owned else nullcontext():  # type: ignore[arg-type]
        _convert(options, console, work, translator, model, rank, ranks)


def _convert(
    options: Options, console: Console, work: Plan, translator: Translator, model: str, rank: int, ranks: int
) -> None:
    recipe = options.recipe(model)
    record = Record(work.folder, (rank, ranks))
    mine = work.jobs[rank::ranks]
    if not options.overwrite:
        record.refuse_foreign(mine)  # not the other processes' jobs: they may be writing those outputs
    todo = [job for job in mine if options.overwrite or not record.done(job, recipe)]
    source, target = translator.domains
    console.print(
        f"{options.model}: {source} to {target}; {_counted(work.jobs)} to {options.out}"
        + (f", of which {len(mine):,} are for this process ({rank + 1} of {ranks})" if ranks > 1 else ""),
        markup=False,
    )
    for problem in work.problems:
        console.print(problem, markup=False)
    if work.passed_over:
        console.print(f"passed over, since no image's name ends so: {work.passed_over}", markup=False)
    if types := translator.measured:
        for line in types.with_range(options.values).words:
            console.print(line, markup=False)
    elif values := options.values or translator.values_in:
        console.print(
            f"in files of floats and of more than 8 bits {range_words(values)} are black and white", markup=False
        )
    if len(todo) < len(mine):
        console.print(f"{len(mine) - len(todo):,} are there already, from the same files by the same model")
    if options.dry_run:
        _rehearse(todo, console)
        return
    record.remove_leftovers(mine)
    pending = {job.name for job in todo}
    record.unchanged = [job.name for job in mine if job.name not in pending]
    with Signals() as signals, Progress(len(todo), console) as progress:
        try:
            _work(translator, options, record, recipe, todo, progress, signals)
        finally:
            # Also after a full disk or a signal, so that the report lists all outputs.
            record.close({**_about(options, translator, model), **_seen(options, work)})
    _finish(options, work, record, signals, progress, console, translator.measured)


def _sheet(work: Plan) -> Path:
    """The path of --compare's sheet."""
    return (work.folder or work.jobs[0].target.parent) / COMPARE


def _refuse_sheet(options: Options, work: Plan) -> None:
    """UserError when --compare's sheet would replace an output, or a file that no conversion wrote."""
    path = _sheet(work)
    if options.compare and any(job.target == path for job in work.jobs):
        raise UserError(f"--compare writes {path}, and one of the inputs has that name.")
    ours = options.overwrite or (path.parent / REPORT).exists()
    if options.compare and path.exists() and not ours:
        raise UserError(f"--compare writes {path}, which exists; move it, or --overwrite replaces it.")


def _work(translator, options: Options, record: Record, recipe: str, todo: list[Job], progress, signals) -> None:
    def stopped() -> bool:
        return signals.stop is not None

    def step(job: Job) -> None:
        progress.advance(len(record.failed))

    if translator.measured:
        say = partial(progress.console.print, markup=False)
        MeasuredFiles(translator, options, record, recipe, step=step, stopped=stopped, say=say).run(todo)
        return
    pipeline = Pipeline(translator, options, record, recipe, step=step, stopped=stopped)
    pipeline.run([job for job in todo if not job.video])
    trained = max(translator.description.get("size") or [0])
    if trained and (largest := pipeline.reader.largest) >= 3 * trained:
        progress.console.print(
            f"The pictures are up to {largest} pixels long, and the model was trained at {trained}: it sees "
            f"only details of them. --size {trained} shows its full effect."
        )
    for job in (job for job in todo if job.video):
        if stopped():
            return
        try:
            _one_video(translator, options, record, recipe, job, stopped)
        except UserError:
            raise
        except Exception as error:  # no video, an error of the network or of the disk
            if isinstance(error, OSError) and error.errno in STOPPING:
                raise UserError(f"{job.target} could not be written: {error.strerror}.", DISK) from error
            record.fail(job, "video", in_short(error))
        step(job)


def _one_video(translator: Translator, options: Options, record: Record, recipe: str, job: Job, stopped) -> None:
    status = job.source.stat()
    refuse_special(status.st_mode)
    source = identity(status, sha256(job.source))
    temporary = convert_video(translator, job, options.rules, options.batch or 8, stopped)
    if temporary is not None:
        try:
            announce = record.making(job, recipe, source, sha256(temporary), [SILENT])
            publish(os.open(temporary, os.O_RDWR), temporary, job.target, announce)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _about(options: Options, translator: Translator, model: str) -> dict[str, Any]:
    source, target = translator.domains
    about = {"name": options.model, "sha256": model, "direction": translator.direction, "from": source, "to": target}
    if types := translator.measured:
        about["values"] = {"from": types.source.record(), "to": types.target.record()}
    return {"translate": translate.__version__, "model": about}


def _seen(options: Options, work: Plan) -> dict[str, Any]:
    """The report's entries about all inputs: the value range and the files that were passed over."""
    values = {"values": list(options.values)} if options.values else {}
    return values | {"passed_over": dict(sorted(work.passed_over.items()))}


def _rehearse(todo: list[Job], console: Console) -> None:
    for job in todo[:5]:
        console.print(f"  {printable(job.name)} would become {printable(str(job.target))}", markup=False)
    if len(todo) > 5:
        console.print(f"  ... and {len(todo) - 5:,} more")
    console.print("Nothing was written (--dry-run)." if todo else "There is nothing to do.")


def _finish(
    options, work: Plan, record: Record, signals: Signals, progress: Progress, console: Console, types: Types | None
) -> None:
    """Print the summary and write --compare's sheet; UserError unless all files are done."""
    made, failed = len(record.made), len(record.failed)
    report = f"; {work.folder / REPORT} says which and why" if work.folder else ""
    if made or record.unchanged:
        speed = f" in {progress.took} ({progress.rate:.1f} a second)" if made else ""
        unchanged = f", {len(record.unchanged):,} unchanged" if record.unchanged else ""
        console.print(f"Done: {made:,} translated{speed}{unchanged}, {failed:,} failed.")
    notes: dict[str, int] = {}
    for entry in record.made.values():
        for note in entry.get("notes", []):
            notes[note] = notes.get(note, 0) + 1
    for note, count in sorted(notes.items(), key=lambda pair: -pair[1])[:LISTED]:
        console.print(f"  {count:,} of them: {note}", markup=False)
    for entry in record.failed[:LISTED]:
        console.print(f"  failed: {printable(entry['file'])}: {entry['reason']}", markup=False)
    if failed > LISTED:
        console.print(f"  ... and {failed - LISTED:,} more")
    if options.compare:
        sheet = compare_sheet(work.jobs, f"{options.model}: some of {_counted(work.jobs)}", types)
        if sheet is not None:
            write_whole(_sheet(work), rgb8.to_png(sheet))
            console.print(f"  side by side: {_sheet(work)}", markup=False)
    if signals.stop is not None:
        left = progress.total - progress.done
        again = "the same command continues" if work.folder else "nothing was written"
        raise UserError(f"stopped with {left:,} files to go; {again}.", CODES[signal.Signals(signals.stop)])
    if failed:
        if not made and not record.unchanged:
            raise UserError(f"none of {failed:,} files could be translated{report}.", USAGE)
        raise UserError(f"{failed:,} of {len(work.jobs):,} files could not be translated{report}.", PARTIAL)


def _counted(jobs: list[Job]) -> str:
    videos = sum(job.video for job in jobs)
    count = len(jobs) - videos
    words = [f"{count:,} image{'s' if count != 1 else ''}"] if count or not videos else []
    words += [f"{videos:,} video{'s' if videos != 1 else ''}"] if videos else []
    return " and ".join(words)
