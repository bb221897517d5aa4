"""All settings of a training run. They default to the papers', except where the device or the data decide."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import Field, model_validator

from translate.data.settings import DataSettings
from translate.errors import UserError
from translate.modes import ALIASES, MODES, ModeSettings
from translate.networks import DiscriminatorSettings, GeneratorSettings
from translate.settings import Settings, differences

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Optimizer = Literal["adam", "rmsprop", "sgd"]


class TrainSettings(Settings):
    images: int = Field(0, ge=0, description="training length in images seen; 0 = 200 times the larger domain (papers)")
    batch: int = Field(1, ge=1, description="images a step; 1 in the papers")
    accumulate: int = Field(1, ge=1, description="gradient accumulation: batches per optimizer step of each player")
    optimizer: Optimizer = Field("adam", description="adam, rmsprop (WGAN) or sgd")
    optimizer_d: Optimizer | None = Field(None, description="the discriminators' optimizer, if it is not `optimizer`")
    lr: float = Field(2e-4, gt=0, description="learning rate")
    lr_d: float | None = Field(None, gt=0, description="the discriminators' learning rate, if it is not lr")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's β₁")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's β₂")
    decay_from: float = Field(
        0.5, ge=0, le=1, description="fraction of training after which lr decays linearly to 0 (papers: ½)"
    )
    clip_norm: float = Field(0.0, ge=0, description="largest norm of a player's gradient; 0 = no limit")
    ema: float = Field(
        0.0, ge=0, lt=1, description="decay of the EMA of G's weights, which is previewed and saved; 0 = none (papers)"
    )
    precision: Precision = Field("auto", description="fp32, bf16 or fp16; auto = the best the device has, fp32 on CPU")
    device: Device = Field("auto", description="cpu, cuda or mps")
    tf32: bool = Field(True, description="on CUDA: float32 matrix products in TF32")
    channels_last: bool | None = Field(
        None, description="memory layout of images and weights; by default on CUDA and CPU"
    )
    fuse_passes: bool | None = Field(
        None,
        description="forward passes of one network are fused where outputs stay the same; by default on CPU and CUDA",
    )
    batch_threads: int | None = Field(
        None,
        ge=1,
        le=64,
        description="on a CPU: threads that each take a part of the batch; by default up to one per core",
    )
    compile: bool = Field(
        False, description="compile the networks (torch.compile): takes a minute or more at the start"
    )
    graphs: bool | None = Field(
        None, description="CUDA graphs: a round is recorded once and replayed; by default on CUDA with one process"
    )
    deterministic: bool = Field(
        False, description="on CUDA: equal runs give equal bits; slower, and refused where an operation can't"
    )
    checkpointing: bool = Field(
        False,
        description="activation checkpointing: less memory, more time (docs/memory.md)",
    )
    workers: int | None = Field(None, ge=0, le=64, description="data loader processes; by default 0 on a CPU")
    samples: int = Field(12, ge=1, le=64, description="images on a preview sheet")
    sample_every: int = Field(0, ge=0, description="images between preview sheets; 0 = 40 sheets in all")
    score_every: int = Field(0, ge=0, description="images between scores; 0 = 8 times in all")
    score_images: int = Field(500, ge=2, description="held-out images scored, at most")
    patience: int = Field(
        0, ge=0, description="stop after so many scorings in a row without a better one; 0 = never (papers)"
    )
    save_every: int = Field(0, ge=0, description="images between checkpoints; 0 = by the clock, see save_minutes")
    save_minutes: float = Field(2.0, gt=0, description="minutes between checkpoints, when save_every is 0")
    keep: int = Field(2, ge=2, description="newest checkpoints kept, besides the best")
    report: bool = Field(True, description="report.html in the run folder, refreshed during training (docs/report.md)")
    tensorboard: bool = Field(False, description="also write TensorBoard events (needs the extra 'tensorboard')")
    allow_change: bool = Field(False, description="continue although settings or data differ from the run's")

    @model_validator(mode="after")
    def _compiled_or_checkpointed(self) -> "TrainSettings":
        if self.compile and self.checkpointing:
            raise ValueError("compile and checkpointing don't work together; set one of them to false")
        return self


# Settings that may differ when a run is continued: they don't change its numbers (batch_threads, like the number of
# processes, changes only the rounding of sums).
FREE = {
    f"train.{name}"
    for name in (
        "workers",
        "batch_threads",
        "checkpointing",
        "samples",
        "sample_every",
        "patience",
        "save_every",
        "save_minutes",
        "keep",
        "report",
    )
} | {"train.tensorboard", "train.allow_change", "data.strict", "init_from"}

# Where the images, their labels and a teacher lie: what they are is the data's fingerprint and the teacher's hash,
# which are compared in their place.
PLACES = {"a", "b", "more", "data.labels", "mode_settings.teacher"}

# Names that settings had in earlier versions: old files and --set may still use them.
RENAMED = {
    "game": "mode_settings",
    "train.together": "train.fuse_passes",
    "train.shares": "train.batch_threads",
}

Mode = TypeVar("Mode", bound=ModeSettings)


class RunSettings(Settings, Generic[Mode]):
    mode: str
    a: str = Field(description="domain X: a folder, or a name that `translate data list` shows")
    b: str | None = Field(None, description="domain Y; none for images from noise")
    more: list[str] = Field([], description="star: further domains, after a and b")
    preset: str = Field("paper", description="the preset that these settings are based on")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
    init_from: str | None = Field(None, description="generator file whose weights training starts from")
    data: DataSettings = DataSettings()
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    mode_settings: Mode
    train: TrainSettings = TrainSettings()

    @property
    def domains(self) -> list[str]:
        """The names of all domains."""
        return [self.a, *([self.b] if self.b else []), *self.more]

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the networks' images of each domain."""
        a, b = self.data.channels
        return (a, b, *[a] * len(self.more))[: len(self.domains)]


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """A table of settings with old names replaced by current ones; a current name takes precedence over its old one."""
    for old, new in RENAMED.items():
        table, values = values, dict(values)
        *path, name = old.split(".")
        inside = values
        for part in path:
            if not isinstance(inside.get(part), dict):
                break
            inside[part] = dict(inside[part])
            inside = inside[part]
        else:
            if name in inside:
                inside.setdefault(new.rsplit(".", 1)[-1], inside[name])
                del inside[name]
                continue
        values = table
    return values


def settings_class(mode: str) -> type[RunSettings]:
    """RunSettings with the mode's own settings in `mode_settings`."""
    return RunSettings.__class_getitem__(MODES[mode].Settings)  # type: ignore[return-value]


def mode_name(name: str) -> str:
    """The mode of a name or an alias, in any case; KeyError if there is none."""
    known = ALIASES.get(name.lower(), name.lower())
    if known not in MODES:
        raise KeyError(name)
    return known


def mode_defaults(mode: str) -> dict[str, Any]:
    """The paper's settings of `mode`, as a table over the classes' defaults."""
    return {"mode_settings": {}, **MODES[mode].defaults}


# Settings of speed, of the device and of scoring: no paper has them.
NOT_IN_PAPERS = {
    f"train.{name}"
    for name in (
        *("precision", "device", "tf32", "channels_last", "fuse_passes", "compile", "graphs", "deterministic"),
        *("score_every", "score_images"),
    )
} | {"data.augment_on", "data.cache", "data.max_pixels"}


def departures(values: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Full name → (the paper's value, this one) of each setting in a run's config.toml, `values`, that differs from the
    paper's of its mode; None for a value that isn't set. UserError where the values are no settings."""
    try:
        model = settings_class(mode_name(str(values.get("mode"))))
    except KeyError as error:
        raise UserError(f"config.toml: there is no mode {error}.") from None
    run = model.parse(renamed(values), "config.toml")
    paper = model.parse(
        {**mode_defaults(run.mode), "mode": run.mode, "a": run.a, "b": run.b, "more": run.more}, "the defaults"
    )
    paper.generator = paper.generator.for_size(*paper.data.size)
    paper.discriminator = paper.discriminator.for_size(*paper.data.size)
    found = differences(paper.plain(), run.plain())
    if "train.images" in found:  # the default of 0 depends on the data
        found["train.images"] = ("200 times the larger domain", run.train.images)
    skipped = FREE | PLACES | NOT_IN_PAPERS | {"mode", "preset", "seed"}
    return {name: pair for name, pair in found.items() if name not in skipped}
