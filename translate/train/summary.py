"""The summary printed at the end of a run."""

import time

from translate.system.text import duration
from translate.train.loop import Run


def summary(run: Run) -> list[str]:
    """Lines with the run folder, the last preview, the scores, and commands that use the generator."""
    elapsed = duration(time.monotonic() - run.display.started)
    lines = [f"Done: {run.images_seen:,} images seen; this session took {elapsed}."]
    lines.append(f"  run folder   {run.folder.path}")
    lines.append(f"  preview      {run.sheet_path()}")
    if run.settings.train.report:
        lines.append(f"  report       {run.folder.path / 'report.html'}")
    lines += [f"  score        {line}" for line in run.evaluator.lines]
    if best := run.evaluator.best:
        value = "" if best["value"] is None else f" {best['value']:.3f}"
        lines.append(
            f"  best         {run.folder.path / 'best.safetensors'} "
            f"(after {best['images']:,} images, by {best['score']}{value})"
        )
    if run.trainer.mode.kind == "noise":
        lines.append(f"  more         translate sample {run.folder.path}")
    else:
        lines.append(f"  a folder     translate convert {run.folder.path} IN OUT")
        lines.append(f"  in Python    translate.load({str(run.folder.path)!r})('picture.png').save('out.png')")
    return lines
