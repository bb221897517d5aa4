"""BEGAN: D is an autoencoder, and k_t balances its errors of real and generated images (Berthelot et al. 2017).

    L_D = L(x) - k_t L(G(z_D))                          L(v) = |v - D(v)|
    L_G = L(G(z_G))
    k_{t+1} = k_t + λ_k (γ L(x) - L(G(z_G)))            within 0 to 1                  (section 3.4)

M_global = L(x) + |γ L(x) - L(G(z_G))| tells of convergence (section 3.4.1).
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from translate.modes.base import Turn
from translate.modes.gan import GAN, GANSettings
from translate.modes.objectives import DESCRIPTION
from translate.system import distributed


class BEGANSettings(GANSettings):
    objective: str = Field("wgan", description=DESCRIPTION.format(first="wgan"))
    clip_weights: float | None = Field(0.0, ge=0, description="D's weights are clipped to ± this; 0: not at all")
    latent: int = Field(64, ge=1, le=4096, description="length of z ~ N(0, 1)")
    class_in_d: Literal["channels"] = Field("channels", description="how D gets the class: channels of its input")
    gamma: float = Field(0.5, gt=0, le=1, description="γ = E L(G(z)) / E L(x): the diversity ratio")
    lambda_k: float = Field(0.001, ge=0, description="λ_k: step size of k_t")

    @model_validator(mode="after")
    def _has_its_own_loss(self) -> "BEGANSettings":
        if self.objective != "wgan":
            raise ValueError("began has a loss of its own, a critic's; set objective to wgan")
        return self


class Equilibrium(nn.Module):
    """k_t, and what the rounds since have found: the sum of γ L(x) - L(G(z)) and how many batches it is of."""

    k: Tensor
    balance: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("k", "balance", "batches"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def add(self, balance: Tensor) -> None:
        """One batch's γ L(x) - L(G(z))."""
        self.balance += balance
        self.batches += 1

    @torch.no_grad()
    def move(self, lambda_k: float) -> None:
        """k_t → k_{t+1}, by the mean over all batches and processes."""
        balance, batches = (distributed.all_reduce_sum(found) for found in (self.balance, self.batches))
        self.k.add_(lambda_k * balance / batches.clamp(min=1)).clamp_(0, 1)
        self.balance.zero_()
        self.batches.zero_()


class BEGAN(GAN):
    """GAN with the autoencoder's -L(v) as D's output: a critic whose generated images are weighted with k_t."""

    Settings = BEGANSettings
    defaults = {
        "data": {"flip": 0.0, "load": 1.0, "size": [64, 64]},
        "generator": {"network": "began", "filters": 128, "init": "kaiming"},
        "discriminator": {"network": "began", "filters": 128, "init": "kaiming"},
        "train": {"batch": 16, "decay_from": 1.0, "samples": 64, "lr": 1e-4, "beta1": 0.5},
    }
    players = {"D": ["D", "K"], "G": ["G"]}

    def __init__(self, *arguments: Any, **more: Any):
        super().__init__(*arguments, **more)
        self.K = Equilibrium()
        self.networks["K"] = self.K

    def begin_round(self, progress: float) -> None:
        self.K.move(self.settings.lambda_k)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """L(x) - k_t L(G(z)), of D's outputs -L."""
        return self.K.k * fake.mean() - real.mean()

    @torch.no_grad()
    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """L(x), k_t and M_global, of D's outputs -L."""
        of_real, of_fake = -real.mean(), -fake.mean()
        balance = self.settings.gamma * of_real - of_fake
        return {"error": of_real, "k": self.K.k.clone(), "convergence": of_real + balance.abs()}

    def step(self, x: Tensor, c: Tensor | None = None, *, progress: float = 0.0) -> Iterator[Turn]:
        """As GAN's; K gets what it needs for k_{t+1}, which is computed before the next round."""
        error = x.new_zeros(())
        for turn in super().step(x, c, progress=progress):
            if turn.player == "D":
                error = turn.diagnostics["error"]
            else:
                self.K.add(self.settings.gamma * error - turn.losses["G"].detach())
            yield turn
