"""All settings of a training run. They default to the paper's, unless the device or the data say otherwise."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import Field, model_validator

from translate.data.settings import DataSettings
from translate.modes import ALIASES, MODES, ModeSettings
from translate.networks import DiscriminatorSettings, GeneratorSettings
from translate.settings import Settings

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Optimizer = Literal["adam", "rmsprop", "sgd"]


class TrainSettings(Settings):
    images: int = Field(0, ge=0, description="training length in images seen; 0 = 200 times the larger domain (papers)")
    batch: int = Field(1, ge=1, description="images a step; 1 in the papers")
    accumulate: int = Field(1, ge=1, description="batches whose gradients are summed before a player moves")
    optimizer: Optimizer = Field("adam", description="adam, rmsprop (WGAN) or sgd")
    optimizer_d: Optimizer | None = Field(None, description="the discriminators' optimizer, where it is another one")
    lr: float = Field(2e-4, gt=0, description="the optimizer's step size")
    lr_d: float | None = Field(None, gt=0, description="the discriminators' step size, where it is not lr")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's β₁")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's β₂")
    decay_from: float = Field(
        0.5, ge=0, le=1, description="the part of the training after which lr falls linearly to 0 (papers: half)"
    )
    clip_norm: float = Field(0.0, ge=0, description="largest norm of a player's gradient; 0 = no limit")
    ema: float = Field(
        0.0, ge=0, lt=1, description="decay of the average of G's weights that is kept; 0 = none (paper)"
    )
    precision: Precision = Field("auto", description="fp32, bf16 or fp16; auto = the best the device has, fp32 on CPU")
    device: Device = Field("auto", description="cpu, cuda or mps")
    tf32: bool = Field(True, description="on CUDA: float32 products with the short mantissa of TF32")
    channels_last: bool | None = Field(None, description="memory layout of images; by default on CUDA and CPU")
    fuse_passes: bool | None = Field(
        None,
        description="several passes of a network become one where that makes no difference; by default on CPU and CUDA",
    )
    batch_threads: int | None = Field(
        None,
        ge=1,
        le=64,
        description="on a CPU: threads that each take a part of the batch; by default as many as cores, and fit",
    )
    compile: bool = Field(False, description="networks are compiled (torch.compile): a minute or more at the start")
    graphs: bool | None = Field(
        None, description="CUDA graphs: a round is recorded once and replayed; by default on CUDA with one process"
    )
    deterministic: bool = Field(
        False, description="on CUDA: equal runs give equal bits; slower, and refused where an operation can't"
    )
    checkpointing: bool = Field(
        False,
        description="activations are computed again in the backward pass: less memory, more time (docs/memory.md)",
    )
    workers: int | None = Field(None, ge=0, le=64, description="loader processes; by default 0 on a CPU")
    samples: int = Field(12, ge=1, le=64, description="held-out images on the sample sheets")
    sample_every: int = Field(0, ge=0, description="images between sample sheets; 0 = 40 sheets in all")
    score_every: int = Field(0, ge=0, description="images between scores; 0 = 8 times in all")
    score_images: int = Field(500, ge=2, description="held-out images scored, at most")
    save_every: int = Field(0, ge=0, description="images between checkpoints; 0 = by the clock, see save_minutes")
    save_minutes: float = Field(2.0, gt=0, description="minutes between checkpoints, when save_every is 0")
    keep: int = Field(2, ge=2, description="newest checkpoints kept, besides the best")
    tensorboard: bool = Field(False, description="also write TensorBoard events (needs the extra 'tensorboard')")
    allow_change: bool = Field(False, description="go on although settings or data are not those the run began with")

    @model_validator(mode="after")
    def _compiled_or_checkpointed(self) -> "TrainSettings":
        if self.compile and self.checkpointing:
            raise ValueError("compile and checkpointing don't work together; set one of them to false")
        return self


# What may differ when a run is continued: none of it changes a number (batch_threads, as the number of processes: only
# the rounding of sums).
FREE = {
    f"train.{name}"
    for name in (
        "workers",
        "batch_threads",
        "checkpointing",
        "samples",
        "sample_every",
        "save_every",
        "save_minutes",
        "keep",
    )
} | {"train.tensorboard", "train.allow_change", "data.strict", "init_from"}

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
    b: str | None = Field(None, description="domain Y; images from noise have none")
    preset: str = Field("paper", description="the table of differences that these settings started from")
    seed: int = Field(0, ge=0, lt=2**63, description="everything random follows from it")
    init_from: str | None = Field(None, description="generator file whose weights training starts from")
    data: DataSettings = DataSettings()
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    mode_settings: Mode
    train: TrainSettings = TrainSettings()


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """A table of settings with the names of now; a name of now wins over its old one."""
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
    """The mode that a user's word means; KeyError if none."""
    known = ALIASES.get(name.lower(), name.lower())
    if known not in MODES:
        raise KeyError(name)
    return known


def mode_defaults(mode: str) -> dict[str, Any]:
    """The paper's settings of `mode`, as a table over the classes' defaults."""
    return {"mode_settings": {}, **MODES[mode].defaults}
