"""The tensors of a checkpoint: captured from the parts of a training, and restored."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from translate.modes.pool import Pool
from translate.system.hashed_tensors import nest

Networks = Mapping[str, nn.Module]
Optimizers = Mapping[str, torch.optim.Optimizer]
Parameters = Mapping[str, list[nn.Parameter]]


def capture(
    networks: Networks,
    ema: Networks,
    optimizers: Optimizers,
    parameters: Parameters,
    pools: Mapping[str, Pool],
    device: torch.device,
) -> dict[str, Tensor]:
    """Weights, EMA, optimizers' state, pools and random number generators, by name. parameters: player → those that its
    optimizer trains."""
    tensors: dict[str, Tensor] = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        tensors["random/cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        tensors["random/mps"] = torch.mps.get_rng_state()
    for prefix, network in _prefixed(networks, ema):
        tensors |= {prefix + key: tensor for key, tensor in network.state_dict().items()}
    for name, pool in pools.items():
        tensors |= {f"pools/{name}/{key}": tensor for key, tensor in pool.state().items()}
    for player, optimizer in optimizers.items():
        for index, parameter in enumerate(parameters[player]):
            slots = optimizer.state.get(parameter, {})
            tensors |= {f"optimizers/{player}/{index}/{key}": tensor for key, tensor in slots.items()}
    return tensors


def restore(
    tensors: dict[str, Tensor],
    networks: Networks,
    ema: Networks,
    optimizers: Optimizers,
    parameters: Parameters,
    pools: Mapping[str, Pool],
    device: torch.device,
) -> None:
    """Put back what `capture` returned."""
    for prefix, network in _prefixed(networks, ema):
        network.load_state_dict(nest(tensors, prefix))
    for name, pool in pools.items():
        pool.load(nest(tensors, f"pools/{name}/"))
    for player, optimizer in optimizers.items():
        on_device = bool(optimizer.defaults.get("fused") or optimizer.defaults.get("capturable"))
        for index, parameter in enumerate(parameters[player]):
            slots = nest(tensors, f"optimizers/{player}/{index}/")
            if slots:
                optimizer.state[parameter] = {key: _like(tensor, parameter, on_device) for key, tensor in slots.items()}
    torch.set_rng_state(tensors["random/cpu"])
    if device.type == "cuda" and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"], device)
    elif device.type == "mps" and "random/mps" in tensors:
        torch.mps.set_rng_state(tensors["random/mps"])


def _prefixed(networks: Networks, ema: Networks) -> Iterator[tuple[str, nn.Module]]:
    # "averages" is the EMA's name in the files.
    for prefix, group in (("networks", networks), ("averages", ema)):
        for name, network in group.items():
            yield f"{prefix}/{name}/", network


def _like(saved: Tensor, parameter: Tensor, on_device: bool) -> Tensor:
    """An optimizer's saved tensor, on the parameter's device and in its layout; step counts stay as they are."""
    if saved.ndim == 0:  # a step count: fused optimizers keep it on the GPU, the others on the CPU
        return saved.clone().to(parameter.device if on_device else "cpu")
    if saved.shape != parameter.shape:
        return saved.clone()
    return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(saved).detach()
