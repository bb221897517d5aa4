"""When a run logs, previews, scores and saves, in images seen."""

from dataclasses import dataclass

from translate.train.settings import TrainSettings


@dataclass(frozen=True)
class Events:
    """every: event → images between two of them. total: the run's length; every event is due there too."""

    every: dict[str, int]
    images_per_round: int
    total: int

    @classmethod
    def of(cls, t: TrainSettings, images_per_round: int, total: int) -> "Events":
        every = {
            "log": max(images_per_round, total // 400),
            "preview": t.sample_every or max(images_per_round, total // 40),
            "score": t.score_every or max(images_per_round, -(-total // 8)),
            "save": t.save_every or total,
        }
        return cls(every, images_per_round, total)

    def due(self, event: str, before: int, now: int) -> bool:
        """Whether `event` belongs to the round from `before` to `now` images seen."""
        return now // self.every[event] > before // self.every[event] or now >= self.total

    def times(self, event: str) -> int:
        """How often `event` is due in the whole run."""
        return -(-self.total // max(self.every[event], self.images_per_round))
