"""BEGAN: D is an autoencoder, and k_t balances its errors of real and generated images (Berthelot et al. 2017).

    L_D = L(x) - k_t L(G(z_D))                          L(v) = |v - D(v)|
    L_G = L(G(z_G))
    k_{t+1} = k_t + λ_k (γ L(x) - L(G(z_G)))            within 0 to 1                  (section 3.4)

M_global = L(x) + |γ L(x) - L(G(z_G))| tells of convergence (section 3.4.1).
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from translate.modes.gan import GAN, GANSettings
from translate.modes.objectives import DESCRIPTION


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
    """k_t, which checkpoints have, and L(x) of the round's step of D, which k_{t+1} needs."""

    per_sample = True
    k: Tensor
    error: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("error", torch.zeros(()), persistent=False)


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

    def end_turn(self, player: str, found: Callable[[], dict[str, Tensor]]) -> None:
        """k_t → k_{t+1}, with L(x) and L(G(z)) as means over all images of the round."""
        s, K = self.settings, self.K
        if player == "D":
            K.error.copy_(found()["error"])
        else:
            K.k.add_(s.lambda_k * (s.gamma * K.error - found()["G"])).clamp_(0, 1)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """L(x) - k_t L(G(z)), of D's outputs -L."""
        return self.K.k * fake.mean() - real.mean()

    @torch.no_grad()
    def diagnostics(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """L(x), k_t and γ L(x) - L(G(z)), of D's outputs -L: means over images, from which M_global follows."""
        of_real, of_fake = -real.mean(), -fake.mean()
        balance = self.settings.gamma * of_real - of_fake
        return {"error": of_real, "k": self.K.k.clone(), "balance": balance}
