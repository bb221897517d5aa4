"""RegGAN: translation of pairs that are not quite aligned (Kong et al. 2021), in one direction.

A network R registers G(x) with y: it gives a flow T, and L1 compares y with G(x) after T. Only G is kept.

min over G and R of λ_adv L_adv(G, D) + λ_corr L_corr(G, R) + λ_smooth L_smooth(R), max over D of L_adv   (section 3.3)
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from translate.modes.base import Mode, ModeSettings, Turn
from translate.modes.objectives import DESCRIPTION, Objective, l1
from translate.networks.layers import initialise
from translate.networks.unet import UNet


class RegisteredSettings(ModeSettings):
    objective: str = Field("lsgan", description=DESCRIPTION.format(first="lsgan"))
    lambda_adv: float = Field(1.0, ge=0, description="λ of L_adv, the GAN loss")
    lambda_corr: float = Field(20.0, ge=0, description="λ of L_corr = ‖y − G(x)∘T‖₁, after the registration")
    lambda_smooth: float = Field(10.0, ge=0, description="λ of L_smooth = ‖∇T‖², the flow's roughness, T in pixels")
    registration_filters: int = Field(16, ge=1, description="channels of the registration network R at half size")
    max_shift: float = Field(0.1, gt=0, le=1, description="largest shift of a pixel, as a fraction of the image's side")


class Registered(Mode):
    """One generator G: x → y, a registration network R(G(x), y) → T, and a discriminator D of single images."""

    Settings = RegisteredSettings
    paired, aligned = True, False
    # The paper's: the ResNet of CycleGAN, a 70×70 PatchGAN, Adam with 1e-4.
    defaults = {
        "generator": {"network": "resnet", "norm": "instance"},
        "discriminator": {"norm": "instance"},
        "train": {"batch": 1, "lr": 1e-4},
    }
    players = {"D": ["D"], "G": ["G", "R"]}
    generators = {"a2b": "G"}

    def __init__(
        self,
        settings: RegisteredSettings,
        objective: Objective,
        generator: Callable[[int, int], nn.Module],
        discriminator: Callable[[int], nn.Module],
        channels: tuple[int, ...] = (3, 3),
    ):
        self.settings, self.objective = settings, objective
        self.G, self.D = generator(*channels), discriminator(channels[1])
        # As in the paper a U-Net. Its outputs in [-1, 1] are shifts, in units of max_shift.
        self.R = UNet(2 * channels[1], 2, filters=settings.registration_filters, depth=4, norm="group")
        initialise(self.R)
        self.networks = {"G": self.G, "D": self.D, "R": self.R}
        self.pools = {}
        self.weight_clip = {"D": settings.clip}

    def step(self, x: Tensor, y: Tensor, *, progress: float = 0.0) -> Iterator[Turn]:
        """x (B, C_x, H, W), y (B, C_y, H, W): a batch of pairs in [-1, 1], not aligned. Yields the losses of each
        player, whose step the trainer takes before it resumes. progress: 0 to 1 over the training."""
        s = self.settings
        D = self.critic(self.D, progress)
        fake = self.G(x)
        real, faked = D(y, fake.detach())
        losses = {"D": 0.5 * self.discriminator_loss(real, faked), **self.penalties((D, y, fake))}
        yield Turn("D", losses, self.diagnostics(real, faked))

        T = self.flow(fake, y)
        losses = {
            "adv": s.lambda_adv * self.generator_loss(D, fake, y),
            "corr": s.lambda_corr * l1(warp(fake, T), y),
            "smooth": s.lambda_smooth * roughness(T),
        }
        yield Turn("G", losses)

    def flow(self, fake: Tensor, y: Tensor) -> Tensor:
        """T = R(G(x), y): float32 (B, 2, H, W), shifts to the right and down, in pixels."""
        side = max(fake.shape[2:])
        return self.settings.max_shift * side * self.R(torch.cat([fake, y], 1)).float()

    @torch.no_grad()
    def pictures(self, x: Tensor, fake: Tensor, y: Tensor | None) -> dict[str, Tensor]:
        """The registered outputs, and the flow as colours: its direction is the hue, its length the saturation."""
        from torchvision.utils import flow_to_image  # takes a second to import

        assert y is not None
        T = self.flow(fake, y)
        return {"registered": warp(fake, T), "flow": flow_to_image(T) / 127.5 - 1}


def warp(image: Tensor, T: Tensor) -> Tensor:
    """image∘T: (B, C, H, W) whose pixel p is the image at p + T(p), bilinear; beyond its edges the nearest pixel.

    T: (B, 2, H, W), to the right and down, in pixels."""
    height, width = image.shape[2:]
    # grid_sample's coordinates: -1 and 1 are the outer edges of the first and last pixels.
    rows, columns = (
        (2 * torch.arange(size, device=T.device, dtype=T.dtype) + 1) / size - 1 for size in (height, width)
    )
    x = columns + 2 * T[:, 0] / width
    y = rows[:, None] + 2 * T[:, 1] / height
    grid = torch.stack([x, y], 3)
    return nnf.grid_sample(image.float(), grid, padding_mode="border", align_corners=False).to(image.dtype)


def roughness(T: Tensor) -> Tensor:
    """‖∇T‖²: mean squares of the differences between neighbours, to the right and down."""
    return T.diff(dim=3).square().mean() + T.diff(dim=2).square().mean()
