"""A run that has ended: its files, complete, and the sentence that says so."""

from translate.errors import UserError
from translate.model import file as generator_file
from translate.train.loop import Run
from translate.train.refresh import Refresh


def finished(run: Run) -> str:
    """The sentence about a finished run, and how to go on."""
    best = (run.evaluator.best or {}).get("images", 0)
    if run.out_of_patience:
        return (
            f"{run.folder.path} is finished: training stopped after {run.images_seen:,} of {run.total:,} images, as "
            f"the last {run.evaluator.since_best} scorings were no better than the one after {best:,} images, whose "
            "generator best.safetensors keeps. To go on, give a larger train.patience, or 0."
        )
    return f"{run.folder.path} is finished: {run.images_seen:,} images seen. To go on, give more --images."


def complete_files(run: Run) -> None:
    """Write the generator files and previews of a finished run that are missing, old or damaged, and delete old
    checkpoints: after a kill during the last save, where a file was deleted, or where patience ran out between two
    previews."""
    best = run.evaluator.best
    run.checkpoints.prune(run.images_seen, (best or {}).get("images"))
    if not _generator_is_of(run, "generator.safetensors", run.images_seen):
        run.save_generator("generator.safetensors")
    for direction in run.evaluator.previews.sheets:
        if not run.sheet_path(direction).exists():
            run.preview(direction)
    Refresh(run.folder, run.settings.train.report, run.say).if_missing()
    if best and not _generator_is_of(run, "best.safetensors", best["images"]):
        (now, counts), images_seen = run.trainer.state(), run.images_seen
        now = {name: tensor.clone() for name, tensor in now.items()}
        tensors, values = run.checkpoints.read(best["images"])
        run.trainer.load(tensors, values)
        run.evaluator.lines, lines, run.images_seen = values["scores"], run.evaluator.lines, best["images"]
        run.save_generator("best.safetensors")
        run.trainer.load(now, counts)
        run.evaluator.lines, run.images_seen = lines, images_seen


def _generator_is_of(run: Run, name: str, images_seen: int) -> bool:
    """Whether the run's file `name` is an undamaged generator file, saved after the given number of images."""
    try:
        return generator_file.read(run.folder.path / name)[1].get("images") == images_seen
    except UserError:
        return False
