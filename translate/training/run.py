"""A run from its first image to its last: plays rounds, shows, scores, saves, and can be continued at any instant."""

import time

import torch

from translate import generators
from translate.checkpoint import Checkpoints
from translate.data import Data
from translate.errors import DIVERGED, UserError
from translate.files import write_whole
from translate.signals import Signals
from translate.training.diagnosis import Diagnosis
from translate.training.display import Display
from translate.training.folder import RunFolder
from translate.training.game import build_game, generator_description, generator_entries, given_classes
from translate.training.judge import Judge
from translate.training.log import Log, environment
from translate.training.round import Round
from translate.training.settings import RunSettings
from translate.training.signals import Interrupted
from translate.words import duration


class Run:
    """One run folder being trained. settings: resolved. say: prints a line before the display is up."""

    def __init__(self, settings: RunSettings, folder: RunFolder, data: Data, say=print):
        t = settings.train
        self.settings, self.folder, self.data, self.say = settings, folder, data, say
        self.origins: list[str] = []  # what --init-from brought
        torch.manual_seed(settings.seed)
        self.classes = given_classes(settings, data.classes)
        self.round = Round(build_game(settings, len(self.classes), self.origins.append), t, t.images)
        self.batch = t.batch * self.round.mode.draws  # images of one batch that a game takes
        self.total, self.turn = t.images, self.batch * t.accumulate
        self.seen = 0
        self.every = {  # images between events
            "log": max(self.turn, self.total // 400),
            "sample": t.sample_every or max(self.turn, self.total // 40),
            "score": t.score_every or max(self.turn, -(-self.total // 8)),
            "save": t.save_every or self.total,
        }
        self.checkpoints = Checkpoints(folder.checkpoints, t.keep)
        if t.device == "cpu":
            torch.set_flush_denormal(True)  # denormal numbers cost a third of the time on a CPU
        elif t.device == "cuda":
            torch.set_float32_matmul_precision("high" if t.tf32 else "highest")
            torch.backends.cudnn.allow_tf32 = t.tf32
            torch.backends.cudnn.benchmark = True  # sizes stay the same, so the search for the fastest kernel pays
        self.judge = Judge(settings, data, self.round)
        self.diagnosis = Diagnosis(self.round, self.judge.shown)

    # Beginning and continuing ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new run: the first checkpoint, then the settings, so that one is never there without the other."""
        for line in self.origins:
            self.say(line)
        self._save_checkpoint()
        self.folder.begin(self.settings, self.data.record())

    def resume(self) -> None:
        """Take up the newest good checkpoint. Refuses other settings or data than it was begun with, by name."""
        changed = self.folder.compare(self.settings)
        if other := self.folder.compare_data(self.data.record()):
            changed.append(other)
        if changed and not self.settings.train.allow_change:
            raise UserError(
                f"{self.folder.path} was begun with other settings or data: {'; '.join(changed)}. Give the old ones, "
                "choose another folder with --out, or continue all the same with --set allow_change=true."
            )
        tensors, values, path = self.checkpoints.newest(self.say)
        self.round.load(tensors, values)
        self.judge.load(values)
        self.seen = values["images"]
        self.say(f"Continuing {self.folder.path} from {path.name}: {self.seen:,} of {self.total:,} images seen.")
        if changed:
            self.say(f"Continuing although this changed: {'; '.join(changed)}.")
            self.folder.begin(self.settings, self.data.record())

    @property
    def finished(self) -> bool:
        return self.seen >= self.total == self.judge.scored

    def due(self, event: str, before: int) -> bool:
        """Whether `event` belongs to the step that began after `before` images."""
        return self.seen // self.every[event] > before // self.every[event] or self.seen >= self.total

    # The loop -------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Until `total` images are seen, or a signal, or NaN. Afterwards everything is on the disk."""
        t, path = self.settings.train, self.folder.path
        self.log = Log(path, t.tensorboard, self.seen)
        self.log.write(self.seen, event="start", **environment(t.device), allow_change=t.allow_change)
        saved_at = time.monotonic()
        with Signals() as signals, Display(self.total, self.seen) as self.display:
            if self.seen and self.due("score", self.seen - self.turn) and self.judge.scored != self.seen:
                self._score()  # the run was stopped just before
                self._save_checkpoint()
            batches = self.data.batches(
                self.seen, self.total, self.batch, workers=t.workers or 0, pin_memory=t.device == "cuda"
            )
            while self.seen < self.total:
                group = [batch for _, batch in zip(range(t.accumulate), batches, strict=False)]
                before = self.seen
                self.round.play(group, before)
                self.seen += sum(len(batch[0]) for batch in group)
                if t.device == "cpu" or self.due("log", before):
                    self._check()  # on a GPU this waits for the device, so not after every step
                if self.due("log", before):
                    self._log()
                self.display.update(self.seen)
                began = time.monotonic()
                if self.due("sample", before):
                    self._sample()
                scoring = self.due("score", before) and not signals.stop
                if scoring:
                    self._score()
                late = time.monotonic() - saved_at > 60 * t.save_minutes
                if scoring or late or signals.stop or self.due("save", before):
                    self._check()
                    self._save_checkpoint()
                    self._save_generator("generator.safetensors")
                    saved_at = time.monotonic()
                self.display.waiting(time.monotonic() - began)
                if signals.stop and not self.finished:
                    raise Interrupted(signals.stop, path, self.seen, self.total)
        self.log.close()

    def _check(self) -> None:
        """Stop at the first NaN or infinity, naming the player, the step and the batch's files."""
        for player, watch in self.round.watch.items():
            found = watch.bad()
            if found is None:
                continue
            seen, losses = found
            files = ", ".join(self.data.files_of(seen, min(self.total, seen + self.turn)))
            what = f"loss of player {player} ({', '.join(losses)})" if losses else f"gradient of player {player}"
            last = self.checkpoints.existing()[-1].name
            self.log.write(seen, event="diverged", player=player, losses=losses, files=files)
            raise UserError(
                f"training diverged: the {what} became NaN or infinite in step {seen // self.turn + 1:,}, after "
                f"{seen:,} images, on {files}. The last good checkpoint is kept ({last}). Try a smaller --lr, "
                "--precision fp32, or clip_norm; a single-coloured image can do this too.",
                DIVERGED,
            )

    def _log(self) -> None:
        watches = self.round.watch
        losses = {player: watch.means() for player, watch in watches.items()}
        gauges = {player: gauged for player, watch in watches.items() if (gauged := watch.gauged())}
        norms = {player: float(watch.norm) for player, watch in watches.items()}
        self.display.losses = {player: means | gauges.get(player, {}) for player, means in losses.items()}
        flat = {
            f"{player}/{name}": value for player, means in self.display.losses.items() for name, value in means.items()
        }
        rate = round(self.display.rate, 2)
        self.log.write(self.seen, losses=losses, gauges=gauges, largest_norms=norms, images_per_second=rate)
        self.log.curves(self.seen, flat)
        self._warn(self.diagnosis.of_players(gauges, norms))
        for watch in watches.values():
            watch.clear()

    def _warn(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self.display.say(f"Warning: {sentence}")
            self.log.write(self.seen, event="warning", text=sentence)

    def _sample(self) -> None:
        for direction in self.round.mode.generators:
            write_whole(self._sheet_path(direction), self.judge.shown.sheet(direction, self.seen))
        self.display.sample = str(self._sheet_path())

    def _sheet_path(self, direction: str | None = None):
        first = next(iter(self.round.mode.generators))
        return self.folder.samples / f"{self.seen:09d}{'' if direction in (None, first) else f'-{direction}'}.png"

    def _score(self) -> None:
        first = self.judge.scorer is None
        scores, better = self.judge.score(self.seen, self.display.say)
        if first and self.judge.scorer:
            self.log.write(self.seen, protocol=self.judge.scorer.protocol())
        rows = [{"name": s.name, "value": s.value, "n": s.n, s.against.replace(" ", "_"): s.baseline} for s in scores]
        warnings = self.diagnosis.of_samples(self.judge.judged, early=self.seen < self.total // 2)
        self.log.write(self.seen, scores=rows, samples=self.diagnosis.facts)
        self.log.curves(self.seen, {f"score/{s.name}": s.value for s in scores})
        self.display.scores = [*self.judge.lines, *self.diagnosis.facts]
        self.display.say(f"At {self.seen:,} images: " + " · ".join(self.display.scores))
        if better:
            self._save_generator("best.safetensors")
        self._warn(warnings)

    # Files ----------------------------------------------------------------------------------------------------------

    def _save_checkpoint(self) -> None:
        tensors, values = self.round.state()
        description = {
            "kind": "checkpoint",
            "version": 1,
            "images": self.seen,
            "settings": self.settings.plain(),
            "data": self.data.fingerprint(),
            **self.judge.state(),
            **values,
        }
        best = self.judge.best["images"] if self.judge.best else None
        self.checkpoints.save(self.seen, tensors, description, best)

    def _save_generator(self, name: str) -> None:
        entries = generator_entries(self.settings, len(self.classes))
        directions = {d: (self.round.generator(d), entry) for d, entry in entries.items()}
        facts = {"images": self.seen, "grey": self.judge.shown.grey(), "scores": self.judge.lines}
        description = generator_description(self.settings, self.classes, self.data.licences()) | facts
        write_whole(self.folder.path / name, generators.pack(directions, description))

    def summary(self) -> list[str]:
        """What a person wants to know at the end: the folder, the sheet, the score, what to do next."""
        took = duration(time.monotonic() - self.display.started)
        lines = [f"Done: {self.seen:,} images seen; this session took {took}."]
        lines.append(f"  run folder   {self.folder.path}")
        lines.append(f"  last sheet   {self._sheet_path()}")
        lines += [f"  score        {line}" for line in self.judge.lines]
        if best := self.judge.best:
            value = "" if best["value"] is None else f" {best['value']:.3f}"
            lines.append(
                f"  best         {self.folder.path / 'best.safetensors'} "
                f"(after {best['images']:,} images, by {best['score']}{value})"
            )
        if self.round.mode.domains == 1:
            lines.append(f"  more         translate sample {self.folder.path}")
        else:
            lines.append(f"  a folder     translate convert {self.folder.path} IN OUT")
            lines.append(f"  in Python    translate.load({str(self.folder.path)!r})('picture.png').save('out.png')")
        return lines
