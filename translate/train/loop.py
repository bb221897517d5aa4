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
from translate.train import continuing
from translate.train.build import build_mode, conditional_classes, generator_description, generator_entries
from translate.train.checkpoints import Checkpoints
from translate.train.diagnosis import Diagnosis
from translate.train.display import Display
from translate.train.evaluator import Evaluator
from translate.train.folder import RunFolder
from translate.train.interrupted import Interrupted
from translate.train.log import Log, environment
from translate.train.report import Report
from translate.train.settings import RunSettings
from translate.train.step.backends import set_backends
from translate.train.step.trainer import Trainer


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
        self.every = {  # images between events
            "log": max(self.images_per_round, self.total // 400),
            "preview": t.sample_every or max(self.images_per_round, self.total // 40),
            "score": t.score_every or max(self.images_per_round, -(-self.total // 8)),
            "save": t.save_every or self.total,
        }
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
            self.say(f"The same images are in another place: {'; '.join(moved)}.")
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
        return self.images_seen >= self.total and (not self.rank0 or self.evaluator.scored == self.total)

    def due(self, event: str, before: int) -> bool:
        """Whether `event` belongs to the round that began after `before` images."""
        return self.images_seen // self.every[event] > before // self.every[event] or self.images_seen >= self.total

    # The loop -------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Train until `total` images are seen. UserError after a stop signal (Interrupted) or a NaN."""
        t, trainer = self.settings.train, self.trainer
        log = Log(self.folder.path, t.tensorboard, self.images_seen) if self.rank0 else None
        if log:
            log.write(self.images_seen, event="start", **environment(trainer), allow_change=t.allow_change)
        self.saved_at = time.monotonic()
        with Signals() as signals, Display(self.total, self.images_seen, quiet=not self.rank0) as self.display:
            self.report = Report(trainer, self.evaluator, self.diagnosis, self.display, log)
            self._score_if_missed()
            if log and not self.images_seen:
                self.report.before_training()
            batches = self._batches()
            while self.images_seen < self.total:
                before = self.images_seen
                group = [batch for _, batch in zip(range(t.accumulate), batches, strict=False)]
                trainer.play(group, before)
                self.images_seen += distributed.world_size() * sum(len(batch[0]) for batch in group)
                if t.device == "cpu" or self.due("log", before):  # on a GPU this synchronises
                    self._stop_at_nan()
                if self.due("log", before):
                    self.report.statistics(self.images_seen)
                self.display.update(self.images_seen)
                stop = distributed.all_reduce_max(signals.stop or 0)  # all processes leave after the same round
                if self.rank0:
                    self._preview_score_save(before, stop)
                if stop and not self.finished:
                    raise Interrupted(stop, self.folder.path, self.images_seen, self.total)
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
            for direction in self.trainer.mode.generators:
                self._preview(direction)
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
        self.display.add_pause(time.monotonic() - began)

    def _score_if_missed(self) -> None:
        """Score now if the run was stopped when a score was due."""
        missed = self.images_seen and self.due("score", self.images_seen - self.images_per_round)
        if self.rank0 and missed and self.evaluator.scored != self.images_seen:
            self._score()
            self._save_checkpoint()

    def _score(self) -> None:
        if self.report.score(self.images_seen, early=self.images_seen < self.total // 2):
            self.save_generator("best.safetensors")

    def _stop_at_nan(self) -> None:
        if found := self.report.nonfinite():
            before = found[0]
            files = ", ".join(self.data.files_of(before, min(self.total, before + self.images_per_round)))
            last = self.checkpoints.existing()[-1].name
            raise self.report.diverged(*found, before // self.images_per_round + 1, files, last)

    # Files ----------------------------------------------------------------------------------------------------------

    def complete_files(self) -> None:
        """Write the generator files and previews of a finished run that are missing, old or damaged, and delete old
        checkpoints: after a kill during the last save, or where a file was deleted."""
        best = self.evaluator.best
        self.checkpoints.prune(self.images_seen, (best or {}).get("images"))
        if not continuing.generator_is_of(self.folder.path / "generator.safetensors", self.images_seen):
            self.save_generator("generator.safetensors")
        for direction in self.trainer.mode.generators:
            if not self.sheet_path(direction).exists():
                self._preview(direction)
        if best and not continuing.generator_is_of(self.folder.path / "best.safetensors", best["images"]):
            (now, counts), images_seen = self.trainer.state(), self.images_seen
            now = {name: tensor.clone() for name, tensor in now.items()}
            tensors, values = self.checkpoints.read(best["images"])
            self.trainer.load(tensors, values)
            self.evaluator.lines, lines, self.images_seen = values["scores"], self.evaluator.lines, best["images"]
            self.save_generator("best.safetensors")
            self.trainer.load(now, counts)
            self.evaluator.lines, self.images_seen = lines, images_seen

    def _preview(self, direction: str) -> None:
        write_whole(self.sheet_path(direction), self.evaluator.previews.sheet(direction, self.images_seen))

    def sheet_path(self, direction: str | None = None) -> Path:
        """The file of the current preview of a direction; None: the first."""
        first = next(iter(self.trainer.mode.generators))
        suffix = "" if direction in (None, first) else f"-{direction}"
        return self.folder.samples / f"{self.images_seen:09d}{suffix}.png"

    def _save_checkpoint(self) -> None:
        tensors, values = self.trainer.state()
        about = {
            "kind": "checkpoint",
            "version": 1,
            "images": self.images_seen,
            "settings": self.settings.plain(),
            "data": description.fingerprint(self.data),
            **self.evaluator.state(),
            **values,
        }
        self.checkpoints.save(self.images_seen, tensors, about, (self.evaluator.best or {}).get("images"))

    def save_generator(self, name: str) -> None:
        """Write the current generators to the run folder's file `name`."""
        entries = generator_entries(self.settings, len(self.classes))
        directions = {d: (self.trainer.generator(d), entry) for d, entry in entries.items()}
        about = generator_description(self.settings, self.classes, self.data.licences())
        about |= {"images": self.images_seen, "grey": self.evaluator.previews.grey(), "scores": self.evaluator.lines}
        about |= description.values(self.data)
        write_whole(self.folder.path / name, generator_file.pack(directions, about))
