"""The history of generated images that CycleGAN's discriminators are shown (Shrivastava et al. 2017; section 4)."""

import torch
from torch import Tensor


class Pool:
    """Keeps up to `size` past fakes. Draws from torch's CPU random numbers, which a checkpoint holds."""

    def __init__(self, size: int = 50):
        self.size = size
        self.images: list[Tensor] = []  # each (C, H, W), detached

    def query(self, fakes: Tensor) -> Tensor:
        """(B, C, H, W) fresh fakes → as many images: until the pool is full the fresh ones, then for each, with
        probability 1/2, a random stored one, whose place it takes."""
        if self.size == 0:
            return fakes.detach()
        shown = []
        for fresh in fakes.detach():
            if len(self.images) < self.size:
                self.images.append(fresh.clone())
                shown.append(fresh)
            elif torch.rand(()).item() > 0.5:
                place = int(torch.randint(self.size, ()).item())
                shown.append(self.images[place])
                self.images[place] = fresh.clone()
            else:
                shown.append(fresh)
        return torch.stack(shown)

    def state(self) -> dict[str, Tensor]:
        """Everything a checkpoint must hold, in the order that future draws refer to."""
        return {"images": torch.stack(self.images)} if self.images else {}

    def load(self, state: dict[str, Tensor], device: torch.device | str = "cpu") -> None:
        self.images = [image.clone() for image in state["images"].to(device)] if state else []
