"""A run from its first image to its last: plays rounds, shows, scores, saves, and can be continued at any instant."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import translate
from translate import images, translator
from translate.catalog import cache_folder
from translate.checkpoint import Checkpoints
from translate.data import Data
from translate.errors import DIVERGED, UserError
from translate.files import write_whole
from translate.metrics import Score, Scorer
from translate.training.display import Display, duration
from translate.training.folder import RunFolder
from translate.training.game import build_game, generator_entries
from translate.training.log import Log
from translate.training.round import Round
from translate.training.settings import RunSettings
from translate.training.signals import Interrupted, Signals


class Run:
    """One run folder being trained. settings: resolved. say: prints a line before the display is up."""

    def __init__(self, settings: RunSettings, folder: RunFolder, data: Data, say=print):
        self.settings, self.folder, self.data, self.say = settings, folder, data, say
        self.total = settings.train.images
        self.device = settings.train.device
        self.best: dict[str, Any] | None = None  # {"score", "value", "images"} of the best generator
        self.seen = 0
        self.scores: list[Score] = []
        self.scorer: Scorer | None = None
        self.held_out = {"a": data.test_images("a"), "b": data.test_images("b")}  # uint8 (N, H, W, C)
        self.checkpoints = Checkpoints(folder.checkpoints, settings.train.keep)
        torch.manual_seed(settings.seed)
        if self.device == "cpu":
            torch.set_flush_denormal(True)  # denormal numbers cost a third of the time on a CPU
        self.round = Round(build_game(settings), settings.train, self.total)

    # Beginning and continuing ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new run: the first checkpoint, then the settings, so that one is never there without the other."""
        self._save_checkpoint()
        self.folder.begin(self.settings, self.data.record())

    def resume(self) -> None:
        """Take up the newest good checkpoint. Refuses other settings or data than it was begun with, by name."""
        changed = self.folder.compare(self.settings)
        other = self.folder.compare_data(self.data.record())
        if other:
            changed.append(other)
        if changed and not self.settings.train.allow_change:
            raise UserError(
                f"{self.folder.path} was begun with other settings or data: {'; '.join(changed)}. Give the old ones, "
                "choose another folder with --out, or continue all the same with --set allow_change=true."
            )
        tensors, values, path = self.checkpoints.newest(self.say)
        self.round.load(tensors, values)
        self.seen, self.best = values["images"], values["best"]
        self.say(f"Continuing {self.folder.path} from {path.name}: {self.seen:,} of {self.total:,} images seen.")
        if changed:
            self.say(f"Continuing although this changed: {'; '.join(changed)}.")
            self.folder.begin(self.settings, self.data.record())

    # The loop -------------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Until `total` images are seen, or a signal, or NaN. Afterwards everything is on the disk."""
        t = self.settings.train
        folder = self.folder.path
        self.log = Log(folder, t.tensorboard, self.seen)
        self.log.write(self.seen, event="start", **environment(self.device), changed_allowed=t.allow_change)
        turn = t.batch * t.accumulate
        every = {
            "log": max(turn, self.total // 400),
            "sample": t.sample_every or max(turn, self.total // 40),
            "score": t.score_every or max(turn, -(-self.total // 4)),
            "save": t.save_every or self.total,
        }
        saved_at = time.monotonic()
        with Signals() as signals, Display(self.total, self.seen) as self.display:
            batches = self.data.batches(
                self.seen, self.total, t.batch, workers=t.workers or 0, pin_memory=self.device == "cuda"
            )
            while self.seen < self.total:
                turn_batches = [batch for _, batch in zip(range(t.accumulate), batches, strict=False)]
                before = self.seen
                self.round.play(turn_batches, before)
                self.seen += sum(len(x) for x, _ in turn_batches)
                due = {
                    name: self.seen // n > before // n or self.seen == self.total or before == 0 == n
                    for name, n in every.items()
                }
                if self.device == "cpu" or due["log"] or due["save"] or signals.stop:
                    self._check()
                if due["log"]:
                    self._log()
                self.display.update(self.seen)
                started = time.monotonic()
                if due["sample"]:
                    self._sample()
                if due["score"] and not signals.stop:
                    self._score()
                if due["save"] or due["score"] or signals.stop or time.monotonic() - saved_at > 60 * t.save_minutes:
                    self._check()
                    self._save_checkpoint()
                    self._save_generator("generator.safetensors")
                    saved_at = time.monotonic()
                self.display.waiting(time.monotonic() - started)
                if signals.stop and self.seen < self.total:
                    raise Interrupted(signals.stop, folder, self.seen, self.total)
        self.log.close()

    def _check(self) -> None:
        """Stop at the first NaN or infinity, naming the player, the step and the batch's files."""
        turn = self.settings.train.batch * self.settings.train.accumulate
        for player, watch in self.round.watch.items():
            found = watch.bad()
            if found is None:
                continue
            seen, losses = found
            files = ", ".join(self.data.files_of(seen, min(self.total, seen + turn)))
            what = f"loss of player {player} ({', '.join(losses)})" if losses else f"gradient of player {player}"
            last = self.checkpoints.existing()[-1].name
            self.log.write(seen, event="diverged", player=player, losses=losses, files=files)
            raise UserError(
                f"training diverged: the {what} became NaN or infinite in step {seen // turn + 1:,}, after {seen:,} "
                f"images, on {files}. The last good checkpoint is kept ({last}). Try a smaller --lr, --precision fp32, "
                "or clip_norm; a single-coloured image can do this too.",
                DIVERGED,
            )

    def _log(self) -> None:
        losses = {player: watch.means() for player, watch in self.round.watch.items()}
        self.display.losses = losses
        flat = {f"{player}/{name}": value for player, means in losses.items() for name, value in means.items()}
        self.log.write(self.seen, losses=losses, images_per_second=round(self.display.rate, 2))
        self.log.curves(self.seen, flat)
        for watch in self.round.watch.values():
            watch.clear()

    # Pictures and scores --------------------------------------------------------------------------------------------

    def _translate(self, direction: str, arrays: np.ndarray) -> np.ndarray:
        return translator.translate_arrays(self.round.generator(direction), arrays, self.device)

    def _sample(self) -> None:
        """A sheet of held-out images for each direction: input | output | truth, or back again where there is none."""
        for direction in self.round.mode.generators:
            path = self.folder.samples / f"{self.seen:09d}{'' if direction == 'a2b' else '-' + direction}.png"
            write_whole(path, self.sheet(direction))
            if direction == "a2b":
                self.display.sample = str(path)

    def sheet(self, direction: str) -> bytes:
        """The PNG of a direction's held-out images as they are translated now."""
        source, target = direction.split("2")
        inputs = self.held_out[source][: self.settings.train.samples]
        columns = [inputs, self._translate(direction, inputs)]
        headings = ["input", "output"]
        back = f"{target}2{source}"
        if self.data.truth:
            columns.append(self.held_out[target][: len(inputs)])
            headings.append("truth")
        elif back in self.round.mode.generators:
            columns.append(self._translate(back, columns[1]))
            headings.append("and back")
        rows = [list(row) for row in zip(*columns, strict=True)]
        names = {"a": Path(self.settings.a).name, "b": Path(self.settings.b).name}
        caption = (
            f"{self.settings.mode}: {names[source]} to {names[target]}, held-out images, {self.seen:,} images seen"
        )
        return images.to_png(images.sheet(rows, headings=headings, caption=caption))

    def _score(self) -> None:
        limit = self.settings.train.score_images
        if self.scorer is None:
            truth = self.held_out["b"][:limit] if self.data.truth else None
            every = max(1, min(4, len(self.data.train_b) // 300))
            self.scorer = Scorer(
                self.held_out["a"][:limit],
                self.data.train_images("b", every=every)[:1000],
                truth,
                aligned=self.data.paired,
                device=self.device,
                cache=cache_folder() / "features",
                say=self.display.say,
            )
            for sentence in self.scorer.missing:
                self.display.say(sentence)
            self.log.write(self.seen, protocol=self.scorer.protocol())
        self.scores = self.scorer.score(self._translate("a2b", self.held_out["a"][:limit]))
        self.display.scores = [str(score) for score in self.scores]
        self.log.write(
            self.seen,
            scores=[{"name": s.name, "value": s.value, "n": s.n, "doing_nothing": s.baseline} for s in self.scores],
        )
        self.log.curves(self.seen, {f"score/{s.name}": s.value for s in self.scores})
        self.display.say(f"At {self.seen:,} images: " + " · ".join(self.display.scores))
        chosen = next((s for s in self.scores if s.name == self.scorer.best_of()), None)
        if chosen is None or self.best is None or self.best["score"] != chosen.name or _better(chosen, self.best):
            self.best = {
                "score": chosen.name if chosen else "newest (nothing could be scored)",
                "value": chosen.value if chosen else None,
                "images": self.seen,
            }
            self._save_generator("best.safetensors")

    # Files ----------------------------------------------------------------------------------------------------------

    def _save_checkpoint(self) -> None:
        tensors, values = self.round.state()
        description = {
            "kind": "checkpoint",
            "version": 1,
            "images": self.seen,
            "best": self.best,
            "settings": self.settings.plain(),
            "data": self.data.fingerprint(),
            **values,
        }
        best = self.best["images"] if self.best else None
        self.checkpoints.save(self.seen, tensors, description, best)

    def _save_generator(self, name: str) -> None:
        entries = generator_entries(self.settings)
        directions = {d: (self.round.generator(d), entry) for d, entry in entries.items()}
        description = {
            "version": translate.__version__,
            "mode": self.settings.mode,
            "size": list(self.settings.data.size),
            "background": list(self.settings.data.background_rgb),
            "range": [-1, 1],
            "images": self.seen,
            "licences": [recipe.licence for recipe in self.data.recipes if recipe],
            "scores": [str(score) for score in self.scores],
        }
        write_whole(self.folder.path / name, translator.pack(directions, description))

    def summary(self) -> list[str]:
        """What a person wants to know at the end: the folder, the sheet, the score, what to do next."""
        sheet = self.folder.samples / f"{self.seen:09d}.png"
        lines = [f"Done: {self.seen:,} images seen, in {duration(time.monotonic() - self.display.started)} just now."]
        lines.append(f"  run folder   {self.folder.path}")
        lines.append(f"  last sheet   {sheet}")
        for score in self.scores:
            lines.append(f"  score        {score}")
        if self.best:
            value = f", {self.best['value']:.3f}" if self.best["value"] is not None else ""
            lines.append(
                f"  best         {self.folder.path / 'best.safetensors'} "
                f"(after {self.best['images']:,} images, by {self.best['score']}{value})"
            )
        lines.append(f"  in Python    translate.load({str(self.folder.path)!r})('picture.png').save('out.png')")
        return lines


def _better(score: Score, best: dict[str, Any]) -> bool:
    return score.value < best["value"] if score.lower_is_better else score.value > best["value"]


def environment(device: str) -> dict[str, Any]:
    """What a reader of the log needs to judge speeds and to reproduce numbers."""
    name = torch.cuda.get_device_name() if device == "cuda" else device
    versions = {"translate": translate.__version__, "torch": torch.__version__}
    return {"device": name, "threads": torch.get_num_threads(), "versions": versions}
