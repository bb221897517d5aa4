"""The training loop of one run, which can be stopped and continued after any round."""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from translate.data import Data, description
from translate.errors import UserError
from translate.model import file as generator_file
from translate.system import distributed
from translate.system.files import write_whole
from translate.system.signals import Signals
from translate.train import continuing, extremes
from translate.train.build import build_mode, conditional_classes, generator_description, generator_entries
from translate.train.checkpoints import Checkpoints
from translate.train.diagnosis import Diagnosis
from translate.train.display import Display
from translate.train.evaluator import Evaluator
from translate.train.events import Events
from translate.train.folder import RunFolder
from translate.train.interrupted import Interrupted
from translate.train.log import Log, environment
from translate.train.refresh import Refresh
from translate.train.settings import RunSettings
from translate.train.step.backends import set_backends
from translate.train.step.trainer import Trainer
from translate.train.tracking import Tracker


class Run:
    """One run folder being trained. settings: complete. say: prints a line before the display is up.

    All processes train; only rank 0 previews, scores, logs and writes files.
    """

    def __init__(self, settings: RunSettings, folder: RunFolder, data: Data, say=print):
        t = settings.train
        self.settings, self.folder, self.data, self.say = settings, folder, data, say
        self.origins: list[str] = []  # sentences about --init-from
        set_backends(t)
        torch.manual_seed(settings.seed)
        self.classes = conditional_classes(settings, data.classes)
        self.trainer = Trainer(build_mode(settings, len(self.classes), self.origins.append), t, t.images)
        self.rank0 = distributed.rank() == 0
        self.batch = t.batch * self.trainer.mode.batches_per_round  # images that one call of `step` takes
        self.images_per_round, self.total = self.batch * t.accumulate, t.images
        self.images_seen = 0
        self.events = Events.of(t, self.images_per_round, self.total)
        self.chosen: list[dict[str, Any]] = []  # how --minutes and --preset auto came to the settings, for the log
        self.checkpoints = Checkpoints(folder.checkpoints, t.keep, say)
        self.evaluator = Evaluator(settings, data, self.trainer)
        self.diagnosis = Diagnosis(self.trainer, self.evaluator.previews)

    # Starting and continuing ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new run: the first checkpoint, then the settings, so that settings never exist without a checkpoint."""
        for line in self.origins:
            self.say(line)
        if self.rank0:
            self.folder.remove_leftovers()
            self._save_checkpoint()
            self.folder.begin(self.settings, description.record(self.data))

    def resume(self) -> None:
        """Restore the newest good checkpoint. UserError if settings or data differ from the run's."""
        tensors, values = distributed.broadcast(self._checkpoint() if self.rank0 else None)
        self.trainer.load(tensors, values)
        self.evaluator.load(values)
        self.images_seen = values["images"]

    def _checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, description) of the newest checkpoint. UserError if the run can't continue from it."""
        self.folder.remove_leftovers()
        data = description.record(self.data)
        changed = self.folder.compare(self.settings)
        length = [line for line in changed if line.startswith("train.images: ")]
        changed = [line for line in changed if line not in length]
        if other := self.folder.compare_data(data):
            changed.append(other)
        allowed = self.settings.train.allow_change
        if changed and not allowed:
            raise UserError(
                f"{self.folder.path} was begun with other settings or data: {'; '.join(changed)}. Give the old ones, "
                "choose another folder with --out, or continue all the same with --set allow_change=true."
            )
        tensors, values, path = self.checkpoints.newest(self.say, lambda tensors, _: self.trainer.misfit(tensors))
        continuing.check_origin(self.folder, self.settings, values, data["fingerprint"], path, allowed)
        continuing.check_length(self.total, values["images"], self.images_per_round)
        self.say(f"Continuing {self.folder.path} from {path.name}: {values['images']:,} of {self.total:,} images seen.")
        moved = self.folder.moved(self.settings)
        if moved:
            self.say(f"The same files are in another place: {'; '.join(moved)}.")
        for line in continuing.what_changes(self.folder, self.settings, values["images"], changed, length):
            self.say(line)
        if changed or length or moved:  # checkpoint first: after a kill in between it has the new settings
            self.images_seen = values["images"]
            self.trainer.load(tensors, values)
            self.evaluator.load(values)
            self._save_checkpoint()
            self.folder.begin(self.settings, data)
        return tensors, values

    @property
    def finished(self) -> bool:
        all_seen = self.images_seen >= self.total and (not self.rank0 or self.evaluator.scored == self.total)
        return all_seen or self.out_of_patience

    @property
    def out_of_patience(self) -> bool:
        """Whether the last train.patience scorings were no better. During training only rank 0 knows."""
        return 0 < self.settings.train.patience <= self.evaluator.since_best

    def _is_over(self) -> bool:
        """Whether no round is left; the same in all processes."""
        patience = self.settings.train.patience
        return self.images_seen >= self.total or bool(patience and distributed.all_reduce_max(self.out_of_patience))

    def due(self, event: str, before: int) -> bool:
        """Whether `event` belongs to the round that began after `before` images."""
        return self.events.due(event, before, self.images_seen)

    # The loop -------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Train until `total` images are seen. UserError after a stop signal (Interrupted) or a NaN."""
        t, trainer = self.settings.train, self.trainer
        log = Log(self.folder.path, t.tensorboard, self.images_seen) if self.rank0 else None
        if log:
            log.write(self.images_seen, event="start", **environment(trainer), allow_change=t.allow_change)
        self.saved_at = time.monotonic()
        with Signals() as signals, Display(self.total, self.images_seen, quiet=not self.rank0) as self.display:
            self.tracker = Tracker(trainer, self.evaluator, self.diagnosis, self.display, log)
            self.refresh = Refresh(self.folder, t.report and self.rank0, self.display.say)
            self._score_if_missed()
            if log and not self.images_seen:
                for record in self.chosen:
                    log.write(0, **record)
                self.tracker.before_training()
            batches = self._batches()
            while not self._is_over():
                before = self.images_seen
                group = [batch for _, batch in zip(range(t.accumulate), batches, strict=False)]
                trainer.play(group, before)
                self.images_seen += distributed.world_size() * sum(len(batch[0]) for batch in group)
                if t.device == "cpu" or self.due("log", before):  # on a GPU this synchronises
                    self._stop_at_nan()
                if self.due("log", before):
                    self.tracker.statistics(self.images_seen)
                self.display.update(self.images_seen)
                stop = distributed.all_reduce_max(signals.stop or 0)  # all processes leave after the same round
                if self.rank0:
                    self._preview_score_save(before, stop)
                if stop and not self.finished:
                    raise Interrupted(stop, self.folder.path, self.images_seen, self.total)
            if log and self.images_seen < self.total:
                log.write(self.images_seen, event="patience", best=self.evaluator.best)
                self.refresh(last=True)
        if log:
            log.close()

    def _batches(self):
        """The training batches from image number `images_seen` on."""
        return self.data.batches(
            self.images_seen,
            self.total,
            self.batch,
            workers=self.settings.train.workers or 0,
            share=(distributed.rank(), distributed.world_size()),
            device=self.trainer.device,
        )

    def _preview_score_save(self, before: int, stop: int) -> None:
        """The events that are due after the round that began after `before` images."""
        began = time.monotonic()
        if self.due("preview", before):
            for direction in self.evaluator.previews.sheets:
                self.preview(direction)
            self.display.sample = str(self.sheet_path())
        score = self.due("score", before) and not stop
        if score:
            self._score()
        late = time.monotonic() - self.saved_at > 60 * self.settings.train.save_minutes
        if score or late or stop or self.due("save", before):
            self._stop_at_nan()
            self._save_checkpoint()
            self.save_generator("generator.safetensors")
            self.saved_at = time.monotonic()
        if score or stop or self.due("preview", before):
            self.refresh(last=bool(stop) or self.finished)
        self.display.add_pause(time.monotonic() - began)

    def _score_if_missed(self) -> None:
        """Score now if the run was stopped when a score was due."""
        missed = self.images_seen and self.due("score", self.images_seen - self.images_per_round)
        if self.rank0 and missed and self.evaluator.scored != self.images_seen:
            self._score()
            self._save_checkpoint()

    def _score(self) -> None:
        if self.tracker.score(self.images_seen, early=self.images_seen < self.total // 2):
            self.save_generator("best.safetensors")
        extremes.write(self.folder.path, self.evaluator, self.images_seen)

    def _stop_at_nan(self) -> None:
        if found := self.tracker.nonfinite():
            before = found[0]
            files = ", ".join(self.data.files_of(before, min(self.total, before + self.images_per_round)))
            last = self.checkpoints.existing()[-1].name
            error = self.tracker.diverged(*found, before // self.images_per_round + 1, files, last)
            self.refresh(last=True)
            raise error

    # Files ----------------------------------------------------------------------------------------------------------

    def preview(self, direction: str) -> None:
        """Write the current preview of a direction."""
        write_whole(self.sheet_path(direction), self.evaluator.previews.sheet(direction, self.images_seen))

    def sheet_path(self, direction: str | None = None) -> Path:
        """The file of the current preview of a direction; None: the first."""
        first = self.evaluator.previews.sheets[0]
        suffix = "" if direction in (None, first) else f"-{direction}"
        return self.folder.samples / f"{self.images_seen:09d}{suffix}.png"

    def _save_checkpoint(self) -> None:
        tensors, values = self.trainer.state()
        about = {"kind": "checkpoint", "version": 1, "images": self.images_seen, "settings": self.settings.plain()}
        about |= {"data": description.fingerprint(self.data), **self.evaluator.state(), **values}
        self.checkpoints.save(self.images_seen, tensors, about, (self.evaluator.best or {}).get("images"))

    def save_generator(self, name: str) -> None:
        """Write the current generators to the run folder's file `name`."""
        entries = generator_entries(self.settings, len(self.classes))
        directions = {d: (self.trainer.generator(d), entry) for d, entry in entries.items()}
        licences = {**self.trainer.mode.licences, **self.data.licences()}
        about = generator_description(self.settings, self.classes, licences)
        about |= {"images": self.images_seen, "grey": self.evaluator.previews.grey(), "scores": self.evaluator.lines}
        about |= description.values(self.data)
        write_whole(self.folder.path / name, generator_file.pack(directions, about))
