"""The options of an evaluation, and what goes with what."""

from dataclasses import dataclass
from pathlib import Path

from translate.errors import UserError


@dataclass(frozen=True)
class Options:
    """See `translate evaluate --help`. subject: a model, or a folder of outputs. size: (height, width)."""

    subject: str
    a: str | None = None
    b: str | None = None
    on: str | None = None
    truth: str | None = None
    real: str | None = None
    direction: str | None = None
    everything: bool = False
    paired: bool = False
    unaligned: bool = False
    size: tuple[int, int] | None = None
    limit: int | None = None
    programs: tuple[str, ...] = ()
    out: Path | None = None
    keep_images: bool = False
    device: str = "auto"

    def check(self, is_model: bool) -> None:
        """UserError where options contradict each other, or the kind of the subject."""
        if is_model:
            for name in ("truth", "real"):
                if (value := getattr(self, name)) is not None:
                    raise UserError(
                        f"--{name} {value} is for a folder of outputs; {self.subject} is a model, which --a and --b "
                        "give images to translate and to compare with."
                    )
            if self.on is not None and (self.a is not None or self.b is not None):
                raise UserError(f"--on {self.on} takes the held-out images of that run, so leave --a and --b out.")
            if self.a is None and (self.b is not None or self.everything or self.paired):
                raise UserError("--b, --all and --paired go with --a, the images to translate, which is missing.")
            return
        if self.on is not None and (self.truth is not None or self.real is not None or self.a is not None):
            raise UserError(f"--on {self.on} takes the held-out images of that run: leave --a, --truth and --real out.")
        if self.on is None and self.truth is None and self.real is None:
            raise UserError(
                f"{self.subject} is a folder of images: say what they are compared with, by --truth FOLDER (files of "
                "the same names), --real FOLDER (images of the domain) or --on RUN (the held-out images of a run)."
            )
        if self.b is not None or self.everything or self.paired:
            raise UserError(f"--b, --all and --paired are for models; {self.subject} is a folder of outputs.")

    def plain(self) -> dict[str, object]:
        """What changes the numbers, JSON-able; without how and where it was done."""
        names = ("a", "b", "on", "truth", "real", "direction", "everything", "paired", "unaligned", "limit")
        return {name: getattr(self, name) for name in names} | {
            "size": list(self.size) if self.size else None,
            "programs": list(self.programs),
        }


def both_sides(text: str | None) -> tuple[int, int] | None:
    """'64' or '64x96' → (height, width). UserError for other texts."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and 4 <= int(part[:9]) <= 8192 for part in parts):
        raise UserError(f"--size {text}: a number of pixels such as 64, or HxW such as 64x96, from 4 to 8192.")
    return int(parts[0]), int(parts[-1])
