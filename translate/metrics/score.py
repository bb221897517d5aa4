"""One score, as it is printed."""

from dataclasses import dataclass

from translate.metrics.measures import digits


@dataclass(frozen=True)
class Score:
    """One number. `baseline` is the same score of something to compare with, which `against` names."""

    name: str
    value: float
    n: int  # images behind it
    baseline: float | None
    lower_is_better: bool
    note: str = ""
    against: str = "doing nothing"

    def __str__(self) -> str:
        nothing = "" if self.baseline is None else f"; {self.against} {digits(self.name, self.baseline)}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.name} {digits(self.name, self.value)} (n={self.n}{nothing}{note})"
