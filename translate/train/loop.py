"""A run from its first image to its last: plays rounds, shows, scores, saves, and can be continued at any instant."""

import time
from typing import Any

import torch
from torch import Tensor

from translate.data import Data
from translate.errors import DIVERGED, UserError
from translate.model import file as generator_file
from translate.system import distributed
from translate.system.files import write_whole
from translate.system.signals import Signals
from translate.train.build import build_mode, generator_description, generator_entries, given_classes
from translate.train.checkpoints import Checkpoints
from translate.train.diagnosis import Diagnosis
from translate.train.display import Display
from translate.train.evaluator import Evaluator
from translate.train.folder import RunFolder
from translate.train.interrupted import Interrupted
from translate.train.log import Log, environment
from translate.train.settings import RunSettings
from translate.train.step.backends import switch
from translate.train.step.trainer import Trainer


class Run:
    """One run folder being trained. settings: resolved. say: prints a line before the display is up.

    Of several processes (`ranks`) all play the rounds, and the first one alone shows, scores, writes and speaks.
    """

    def __init__(self, settings: RunSettings, folder: RunFolder, data: Data, say=print):
        t = settings.train
        self.settings, self.folder, self.data, self.say = settings, folder, data, say
        self.origins: list[str] = []  # what --init-from brought
        switch(t)
        torch.manual_seed(settings.seed)
        self.classes = given_classes(settings, data.classes)
        self.trainer = Trainer(build_mode(settings, len(self.classes), self.origins.append), t, t.images)
        self.first = distributed.rank() == 0
        self.batch = t.batch * self.trainer.mode.batches_per_round  # images of one batch that a game takes
        self.total, self.turn = t.images, self.batch * t.accumulate
        self.seen = 0
        self.every = {  # images between events
            "log": max(self.turn, self.total // 400),
            "sample": t.sample_every or max(self.turn, self.total // 40),
            "score": t.score_every or max(self.turn, -(-self.total // 8)),
            "save": t.save_every or self.total,
        }
        self.checkpoints = Checkpoints(folder.checkpoints, t.keep)
        self.evaluator = Evaluator(settings, data, self.trainer)
        self.diagnosis = Diagnosis(self.trainer, self.evaluator.previews)

    # Beginning and continuing ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new run: the first checkpoint, then the settings, so that one is never there without the other."""
        for line in self.origins:
            self.say(line)
        if self.first:
            self._save_checkpoint()
            self.folder.begin(self.settings, self.data.record())

    def resume(self) -> None:
        """Take up the newest good checkpoint. Refuses other settings or data than it was begun with, by name."""
        tensors, values = distributed.broadcast(self._continued() if self.first else None)
        self.trainer.load(tensors, values)
        self.evaluator.load(values)
        self.seen = values["images"]

    def _continued(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest checkpoint's contents, if this run may go on from it."""
        changed = self.folder.compare(self.settings)
        if other := self.folder.compare_data(self.data.record()):
            changed.append(other)
        if changed and not self.settings.train.allow_change:
            raise UserError(
                f"{self.folder.path} was begun with other settings or data: {'; '.join(changed)}. Give the old ones, "
                "choose another folder with --out, or continue all the same with --set allow_change=true."
            )
        tensors, values, path = self.checkpoints.newest(self.say)
        seen = values["images"]
        left = self.total - seen
        if distributed.world_size() > 1 and left % self.turn:
            raise UserError(
                f"the {left:,} images that are left can't be dealt to {distributed.world_size()} processes in rounds of "
                f"{self.turn}: the run was begun with another batch. Give that one, or continue with one process."
            )
        self.say(f"Continuing {self.folder.path} from {path.name}: {seen:,} of {self.total:,} images seen.")
        if changed:
            self.say(f"Continuing although this changed: {'; '.join(changed)}.")
            self.folder.begin(self.settings, self.data.record())
        return tensors, values

    @property
    def finished(self) -> bool:
        return self.seen >= self.total and (not self.first or self.evaluator.scored == self.total)

    def due(self, event: str, before: int) -> bool:
        """Whether `event` belongs to the step that began after `before` images."""
        return self.seen // self.every[event] > before // self.every[event] or self.seen >= self.total

    # The loop -------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Until `total` images are seen, or a signal, or NaN. Afterwards everything is on the disk."""
        t, path = self.settings.train, self.folder.path
        if self.first:
            self.log = Log(path, t.tensorboard, self.seen)
            self.log.write(self.seen, event="start", **environment(self.trainer), allow_change=t.allow_change)
        self.saved_at = time.monotonic()
        with Signals() as signals, Display(self.total, self.seen, quiet=not self.first) as self.display:
            if (
                self.first
                and self.seen
                and self.due("score", self.seen - self.turn)
                and self.evaluator.scored != self.seen
            ):
                self._score()  # the run was stopped just before
                self._save_checkpoint()
            batches = self.data.batches(
                self.seen,
                self.total,
                self.batch,
                workers=t.workers or 0,
                share=(distributed.rank(), distributed.world_size()),
                device=self.trainer.device,
            )
            while self.seen < self.total:
                group = [batch for _, batch in zip(range(t.accumulate), batches, strict=False)]
                before = self.seen
                self.trainer.play(group, before)
                self.seen += distributed.world_size() * sum(len(batch[0]) for batch in group)
                if t.device == "cpu" or self.due("log", before):
                    self._check()  # on a GPU this waits for the device, so not after every step
                if self.due("log", before):
                    self._log()
                self.display.update(self.seen)
                stop = distributed.all_reduce_max(
                    signals.stop or 0
                )  # all leave after the same round, whichever was told to
                if self.first:
                    self._look_and_save(before, stop)
                if stop and not self.finished:
                    raise Interrupted(stop, path, self.seen, self.total)
        if self.first:
            self.log.close()

    def _look_and_save(self, before: int, stop: int) -> None:
        """What is due after the step that began after `before` images."""
        began = time.monotonic()
        if self.due("sample", before):
            self._sample()
        scoring = self.due("score", before) and not stop
        if scoring:
            self._score()
        late = time.monotonic() - self.saved_at > 60 * self.settings.train.save_minutes
        if scoring or late or stop or self.due("save", before):
            self._check()
            self._save_checkpoint()
            self._save_generator("generator.safetensors")
            self.saved_at = time.monotonic()
        self.display.waiting(time.monotonic() - began)

    def _check(self) -> None:
        """Stop at the first NaN or infinity, naming the player, the step and the batch's files."""
        for player, stats in self.trainer.stats.items():
            found = stats.first_nonfinite()
            if found is None:
                continue
            seen, losses = found
            files = ", ".join(self.data.files_of(seen, min(self.total, seen + self.turn)))
            what = f"loss of player {player} ({', '.join(losses)})" if losses else f"gradient of player {player}"
            last = self.checkpoints.existing()[-1].name
            if self.first:
                self.log.write(seen, event="diverged", player=player, losses=losses, files=files)
            raise UserError(
                f"training diverged: the {what} became NaN or infinite in step {seen // self.turn + 1:,}, after "
                f"{seen:,} images, on {files}. The last good checkpoint is kept ({last}). Try a smaller --lr, "
                "--precision fp32, or clip_norm; a single-coloured image can do this too.",
                DIVERGED,
            )

    def _log(self) -> None:
        all_stats = self.trainer.stats
        means = {player: stats.means() for player, stats in all_stats.items()}
        losses = {player: of for player, (of, _) in means.items()}
        diagnostics = {player: of for player, (_, of) in means.items() if of}
        norms = {player: float(stats.norm) for player, stats in all_stats.items()}
        for stats in all_stats.values():
            stats.clear()
        if not self.first:
            return
        self.display.losses = {player: means | diagnostics.get(player, {}) for player, means in losses.items()}
        flat = {
            f"{player}/{name}": value for player, means in self.display.losses.items() for name, value in means.items()
        }
        rate = round(self.display.rate, 2)
        self.log.write(self.seen, losses=losses, diagnostics=diagnostics, largest_norms=norms, images_per_second=rate)
        self.log.curves(self.seen, flat)
        self._warn(self.diagnosis.of_players(diagnostics, norms))

    def _warn(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self.display.say(f"Warning: {sentence}")
            self.log.write(self.seen, event="warning", text=sentence)

    def _sample(self) -> None:
        for direction in self.trainer.mode.generators:
            write_whole(self._sheet_path(direction), self.evaluator.previews.sheet(direction, self.seen))
        self.display.sample = str(self._sheet_path())

    def _sheet_path(self, direction: str | None = None):
        first = next(iter(self.trainer.mode.generators))
        return self.folder.samples / f"{self.seen:09d}{'' if direction in (None, first) else f'-{direction}'}.png"

    def _score(self) -> None:
        first = self.evaluator.scorer is None
        scores, better = self.evaluator.score(self.seen, self.display.say)
        if first and self.evaluator.scorer:
            self.log.write(self.seen, protocol=self.evaluator.scorer.protocol())
        rows = [{"name": s.name, "value": s.value, "n": s.n, s.against.replace(" ", "_"): s.baseline} for s in scores]
        warnings = self.diagnosis.of_samples(self.evaluator.scored_images, early=self.seen < self.total // 2)
        self.log.write(self.seen, scores=rows, samples=self.diagnosis.facts)
        self.log.curves(self.seen, {f"score/{s.name}": s.value for s in scores})
        self.display.scores = [*self.evaluator.lines, *self.diagnosis.facts]
        self.display.say(f"At {self.seen:,} images: " + " · ".join(self.display.scores))
        if better:
            self._save_generator("best.safetensors")
        self._warn(warnings)

    # Files ----------------------------------------------------------------------------------------------------------

    def _save_checkpoint(self) -> None:
        tensors, values = self.trainer.state()
        description = {
            "kind": "checkpoint",
            "version": 1,
            "images": self.seen,
            "settings": self.settings.plain(),
            "data": self.data.fingerprint(),
            **self.evaluator.state(),
            **values,
        }
        best = self.evaluator.best["images"] if self.evaluator.best else None
        self.checkpoints.save(self.seen, tensors, description, best)

    def _save_generator(self, name: str) -> None:
        entries = generator_entries(self.settings, len(self.classes))
        directions = {d: (self.trainer.generator(d), entry) for d, entry in entries.items()}
        facts = {"images": self.seen, "grey": self.evaluator.previews.grey(), "scores": self.evaluator.lines}
        description = generator_description(self.settings, self.classes, self.data.licences()) | facts
        write_whole(self.folder.path / name, generator_file.pack(directions, description))
