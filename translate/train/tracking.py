"""What is measured of a run in training and where it is shown: running statistics, scores, warnings, the first NaN."""

from translate.errors import DIVERGED, UserError
from translate.metrics import Scorer
from translate.train import beforehand
from translate.train.diagnosis import Diagnosis
from translate.train.display import Display
from translate.train.evaluator import Evaluator
from translate.train.log import Log
from translate.train.step.trainer import Trainer
from translate.train.unpaired_diagnosis import UnpairedDiagnosis

SHORT = 200  # rounds in which hardly anything can have been learned


class Tracker:
    """To the screen, log.jsonl and TensorBoard. log: None in processes other than rank 0, which report nothing."""

    def __init__(self, trainer: Trainer, evaluator: Evaluator, diagnosis: Diagnosis, display: Display, log: Log | None):
        self.trainer, self.evaluator, self.diagnosis = trainer, evaluator, diagnosis
        self.display, self.log = display, log
        mode = trainer.mode
        # Not of a student: it can only be as good as its teacher.
        diagnosed = mode.kind == "translation" and not mode.taught
        self.paired = diagnosed and mode.paired
        self.unpaired = UnpairedDiagnosis() if diagnosed and not mode.paired else None

    def statistics(self, images_seen: int) -> None:
        """Mean losses and diagnostics since the last call, and warnings about them. In all processes."""
        stats = self.trainer.stats
        means = {player: own.means() for player, own in stats.items()}
        norms = {player: float(own.norm) for player, own in stats.items()}
        for own in stats.values():
            own.clear()
        if self.log is None:
            return
        losses = {player: found for player, (found, _) in means.items()}
        diagnostics = {player: found for player, (_, found) in means.items() if found}
        both = {player: found | diagnostics.get(player, {}) for player, found in losses.items()}
        self.display.losses = both
        rate = round(self.display.rate, 2)
        self.log.write(images_seen, losses=losses, diagnostics=diagnostics, largest_norms=norms, images_per_second=rate)
        self.log.curves(
            images_seen, {f"{p}/{name}": value for p, found in both.items() for name, value in found.items()}
        )
        self._warn(images_seen, self.diagnosis.of_players(diagnostics, norms))
        if self.unpaired:
            self.unpaired.of_players(diagnostics)

    def before_training(self) -> None:
        """Before the first step: warn about settings and domains that don't allow learning."""
        self._warn(0, beforehand.warnings(self.trainer.mode, self.evaluator.previews.data))
        if self.unpaired:
            self._warn(0, self.unpaired.of_domains(self._scorer(0)))

    def _scorer(self, images_seen: int) -> Scorer:
        """The scorer, whose protocol is logged when it is made."""
        first = self.evaluator.scorer is None
        scorer = self.evaluator.prepare(self.display.say)
        if first and self.log:
            self.log.write(images_seen, protocol=scorer.protocol())
        return scorer

    def score(self, images_seen: int, early: bool) -> bool:
        """Score the generators, and report it. Returns whether they are the best so far. early: no warnings yet, nor
        in the first SHORT rounds."""
        assert self.log is not None
        early = early or self.trainer.rounds < SHORT
        evaluator, scorer = self.evaluator, self._scorer(images_seen)
        scores, better = evaluator.score(images_seen, self.display.say)
        rows = [
            {"name": s.name, "value": s.value, "n": s.n, s.against.replace(" ", "_"): s.baseline}
            | {"lower_is_better": s.lower_is_better}
            for s in scores
        ]
        warnings = self.diagnosis.of_samples(evaluator.scored_images, early=early)
        if self.paired and not early:
            warnings += self.diagnosis.of_pairs(scores)
        if self.unpaired and not early:
            warnings += self.unpaired.of_translations(scorer, evaluator.scored_images)
        self.log.write(images_seen, scores=rows, samples=self.diagnosis.facts)
        self.log.curves(images_seen, {f"score/{s.name}": s.value for s in scores})
        self.display.scores = [*evaluator.lines, *self.diagnosis.facts]
        if self.display.scores:
            self.display.say(f"At {images_seen:,} images: " + " · ".join(self.display.scores))
        self._warn(images_seen, warnings)
        return better

    def _warn(self, images_seen: int, sentences: list[str]) -> None:
        for sentence in sentences:
            self.display.say(f"Warning: {sentence}")
            if self.log:
                self.log.write(images_seen, event="warning", text=sentence)

    def nonfinite(self) -> tuple[int, str, list[str]] | None:
        """(images seen before it, player, losses) of the first NaN or infinity; [] where it is in the gradient."""
        for player, stats in self.trainer.stats.items():
            if found := stats.first_nonfinite():
                return found[0], player, found[1]
        return None

    def diverged(self, images_seen: int, player: str, losses: list[str], step: int, files: str, last: str) -> UserError:
        """The error for what `nonfinite` found. files: of the step's batches. last: the newest checkpoint's name."""
        what = f"loss of player {player} ({', '.join(losses)})" if losses else f"gradient of player {player}"
        if self.log:
            self.log.write(images_seen, event="diverged", player=player, losses=losses, files=files)
        return UserError(
            f"training diverged: the {what} became NaN or infinite in step {step:,}, after {images_seen:,} images, on "
            f"{files}. The last good checkpoint is kept ({last}). Try a smaller --lr, --precision fp32, or clip_norm; "
            "a single-coloured image can do this too.",
            DIVERGED,
        )
