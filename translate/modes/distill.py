"""Distillation: a small generator G, the student, learns to make what a trained one T, the teacher, makes.

min over G and C of λ_out E‖G(x) - T(x)‖₁ + λ_feat E Σ_t ‖C_t(G_t(x)) - T_t(x)‖²

The first is L_recon of GAN Compression (Li et al. 2020) for data without pairs, the second its L_distill: x_t are the
features of stage t, and C_t is a learned 1×1 convolution to T's channels, which is thrown away. There is no
discriminator and no true image, as in OMGD (Ren et al. 2021): whatever T was trained for, G only needs inputs x. Unlike
OMGD's, this T is trained already, there is one, and features are compared at every place instead of by their means.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from translate.errors import UserError
from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import Objective, l1, l2
from translate.networks.stage_features import shared_stages, with_features


class DistillSettings(ModeSettings):
    objective: str = Field("lsgan", description="without effect, as all settings of a discriminator: there is none")
    teacher: str = Field("", description="a run folder, a generator file, a name of `translate zoo` or hf://user/name")
    direction: str = Field("", description="which of the teacher's is learned, such as b2a; empty: its first")
    lambda_outputs: float = Field(1.0, ge=0, description="λ_out: weight of L1 between both outputs")
    lambda_features: float = Field(0.1, ge=0, description="λ_feat: weight of the features of each stage; 0: none")
    paired: bool = Field(
        False, description="a and b are pairs, for scores and sheets; by default if the teacher's mode has pairs"
    )
    aligned: bool = Field(True, description="pairs fit pixel by pixel; by default if those of the teacher's mode do")
    teacher_sha256: str = Field("", description="of the teacher's file; is found, and kept to know it again")

    @model_validator(mode="after")
    def _has_no_discriminator(self) -> "DistillSettings":
        for name in ModeSettings.model_fields:
            if getattr(self, name) != type(self).model_fields[name].get_default():
                raise ValueError(f"there is no discriminator, so mode_settings.{name} has no effect; leave it out")
        if not self.lambda_outputs and not self.lambda_features:
            raise ValueError("lambda_outputs and lambda_features are both 0, so there is nothing to learn")
        return self


class Connectors(nn.ModuleList):
    """C: a 1×1 convolution for each stage, from the student's channels to the teacher's."""

    per_sample = True

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [convolution(x) for convolution, x in zip(self, maps, strict=True)]


class Distill(Mode):
    """One generator G, the student, and the connectors C. The teacher T is frozen: no player has it, and it is in no
    checkpoint. Of the data only the images of the input domain are trained on."""

    Settings = DistillSettings
    taught = True
    # The student is of no paper. Step sizes as in OMGD.
    defaults = {
        "generator": {
            "network": "light",
            "filters": 12,
            "downs": 3,
            "blocks": 3,
            "norm": "group",
            "padding": "reflect",
            "upsampling": "resize",
        },
        "train": {"batch": 4},
    }
    players = {"G": ["G"]}
    discriminators = frozenset()
    generators = {"a2b": "G"}

    def __init__(
        self,
        settings: DistillSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3, 3),
        *,
        teacher: nn.Module,
    ):
        self.settings, self.objective = settings, objective
        self.paired, self.aligned = self.pairs(settings)
        self.G, self.T = generator(*channels), teacher
        self.networks, self.frozen = {"G": self.G}, {"T": teacher}
        self.pools, self.weight_clip = {}, {}
        self.of_student, self.of_teacher = shared_stages(self.G, self.T, channels[0])
        if not settings.lambda_features:
            self.of_student, self.of_teacher = [], []
        elif not self.of_student:
            raise UserError(
                f"the student {type(self.G).__name__} has no stage of the teacher's sizes, so no features can be "
                "compared; set another generator.network, or lambda_features to 0."
            )
        else:
            both = zip(self.of_student, self.of_teacher, strict=True)
            self.C = Connectors(nn.Conv2d(ours.channels, theirs.channels, 1) for ours, theirs in both)
            self.networks["C"], self.players = self.C, {"G": ["G", "C"]}

    @classmethod
    def pairs(cls, settings: Any) -> tuple[bool, bool]:
        """Of the settings: the teacher's mode decides, or the user."""
        return settings.paired, settings.aligned

    def step(self, x: Tensor, *others: Tensor, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C, H, W): images of the input domain in [-1, 1]; the others are not used. Yields the student's losses,
        whose step the trainer takes before it resumes."""
        s = self.settings
        with torch.no_grad():
            target, theirs = with_features(self.T, x, self.of_teacher)
        output, ours = with_features(self.G, x, self.of_student)
        losses = {"outputs": s.lambda_outputs * l1(output, target)}
        if ours:
            stages = [l2(a, b) for a, b in zip(self.C(ours), theirs, strict=True)]
            losses["features"] = s.lambda_features * torch.stack(stages).sum()
        yield Turn("G", losses)

    @torch.no_grad()
    def pictures(self, x: Tensor, fake: Tensor, y: Tensor | None) -> dict[str, Tensor]:
        """What the teacher makes."""
        return {"teacher": self.T(x)}
