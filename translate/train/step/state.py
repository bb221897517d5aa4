"""What a checkpoint holds of a round, and how a new one takes it up."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from translate.system.hashed_tensors import nest

if TYPE_CHECKING:
    from translate.train.step.trainer import Round


def state(round: "Round") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, JSON-able values): with the data's position all that the rest of the training depends on."""
    tensors: dict[str, Tensor] = {"random/cpu": torch.get_rng_state()}
    if round.device.type == "cuda":
        tensors["random/cuda"] = torch.cuda.get_rng_state(round.device)
    elif round.device.type == "mps":
        tensors["random/mps"] = torch.mps.get_rng_state()
    for prefix, network in _networks(round):
        tensors |= {prefix + key: tensor for key, tensor in network.state_dict().items()}
    for name, pool in round.mode.pools.items():
        tensors |= {f"pools/{name}/{key}": tensor for key, tensor in pool.state().items()}
    for player, optimizer in round.optimizers.items():
        for index, parameter in enumerate(round.parameters[player]):
            slots = optimizer.state.get(parameter, {})
            tensors |= {f"optimizers/{player}/{index}/{key}": tensor for key, tensor in slots.items()}
    return tensors, {"rounds": round.rounds, "scaler": round.scaler.state_dict()}


def load(round: "Round", tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Take up the state that `state` gave."""
    for prefix, network in _networks(round):
        network.load_state_dict(nest(tensors, prefix))
    for name, pool in round.mode.pools.items():
        pool.load(nest(tensors, f"pools/{name}/"))
    for player, optimizer in round.optimizers.items():
        on_device = bool(optimizer.defaults.get("fused") or optimizer.defaults.get("capturable"))
        for index, parameter in enumerate(round.parameters[player]):
            slots = nest(tensors, f"optimizers/{player}/{index}/")
            if slots:
                optimizer.state[parameter] = {
                    key: _beside(tensor, parameter, on_device) for key, tensor in slots.items()
                }
    round.rounds = values["rounds"]
    if round.scaler.is_enabled() and values["scaler"]:  # another precision than fp16 leaves none
        round.scaler.load_state_dict(values["scaler"])
    torch.set_rng_state(tensors["random/cpu"])
    if round.device.type == "cuda" and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"], round.device)
    elif round.device.type == "mps" and "random/mps" in tensors:
        torch.mps.set_rng_state(tensors["random/mps"])


def _networks(round: "Round") -> list[tuple[str, nn.Module]]:
    return [
        (f"{kind}/{name}/", network)
        for kind, networks in (("networks", round.mode.networks), ("averages", round.averages))
        for name, network in networks.items()
    ]


def _beside(saved: Tensor, parameter: Tensor, on_device: bool) -> Tensor:
    """An optimizer's saved tensor, on the parameter's device and in its layout; step counts stay as they are."""
    if saved.ndim == 0:  # a step count: fused optimizers keep it on the GPU, the others on the CPU
        return saved.clone().to(parameter.device if on_device else "cpu")
    if saved.shape != parameter.shape:
        return saved.clone()
    return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(saved).detach()
