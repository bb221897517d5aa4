"""The training round: the only place that steps an optimizer. It knows players and losses, nothing of the method."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from translate.modes import Mode
from translate.tensors import nest
from translate.training.settings import TrainSettings
from translate.training.watch import Watch

Batch = tuple[Tensor, ...]
DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def learning_rate(seen: int, total: int, decay_from: float) -> float:
    """What lr is multiplied by after `seen` images: 1, then falling linearly from decay_from · total to 0 at total."""
    start = decay_from * total
    return 1.0 if seen <= start else (total - seen) / (total - start)


class Round:
    """Plays rounds of a game and holds all that changes while it is trained: networks, optimizers, averages, scaler.

    settings: resolved (no 'auto'). total: the training's length in images.
    """

    def __init__(self, mode: Mode, settings: TrainSettings, total: int):
        self.mode, self.settings, self.total = mode, settings, total
        self.device = torch.device(settings.device)
        self.layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        for network in mode.networks.values():
            network.to(self.device, memory_format=self.layout).train()  # type: ignore[call-overload]
        self.parameters = {
            player: [p for name in names for p in mode.networks[name].parameters()]
            for player, names in mode.players.items()
        }
        self.optimizers = {player: self._optimizer(player) for player in self.parameters}
        self.averages = {name: self._average(mode.networks[name]) for name in mode.generators.values() if settings.ema}
        # One scaler for all players, updated once a round; it does nothing unless the precision is fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.rounds = 0
        self.watch = {player: Watch(self.device) for player in mode.players}

    def _lr(self, player: str) -> float:
        return self.settings.lr_d or self.settings.lr if player.startswith("D") else self.settings.lr

    def _optimizer(self, player: str) -> torch.optim.Optimizer:
        s, parameters, lr = self.settings, self.parameters[player], self._lr(player)
        kind = s.optimizer_d or s.optimizer if player.startswith("D") else s.optimizer
        if kind == "rmsprop":
            return torch.optim.RMSprop(parameters, lr)
        fused = self.device.type in ("cuda", "cpu") or None  # one kernel for all parameters: less time between steps
        if kind == "sgd":
            return torch.optim.SGD(parameters, lr, fused=fused)
        return torch.optim.Adam(parameters, lr, betas=(s.beta1, s.beta2), fused=fused)

    @staticmethod
    def _average(network: nn.Module) -> nn.Module:
        return copy.deepcopy(network).requires_grad_(False).eval()

    def play(self, batches: Sequence[Batch], seen: int) -> None:
        """One round: the players move in the game's order, each on the gradients of all `batches` together.

        batches: each what the mode's `step` takes; several of them = gradient accumulation. seen: images before.
        """
        s = self.settings
        multiplier = learning_rate(seen, self.total, s.decay_from)
        progress = seen / max(1, self.total)
        images = [tuple(self._here(tensor) for tensor in batch) for batch in batches]
        weights = [len(batch[0]) / sum(len(b[0]) for b in images) for batch in images]
        games = [self.mode.step(*batch, progress=progress) for batch in images]
        while player := self._turn(games, weights):
            self._move(player, multiplier, seen)
            if self.mode.draws > 1:  # the same player may be next, and the scaler wants an update in between
                self.scaler.update()
        if self.mode.draws == 1:
            self.scaler.update()
        self.rounds += 1
        self._follow()

    def _here(self, tensor: Tensor) -> Tensor:
        if tensor.ndim < 4:  # classes
            return tensor.to(self.device, non_blocking=True)
        return tensor.to(self.device, memory_format=self.layout, non_blocking=True)

    def _turn(self, games: list[Iterator], weights: list[float]) -> str:
        """The gradients of the next turn, in every game the same player's, whose name it returns; "" after the last."""
        player, s = "", self.settings
        for game, weight in zip(games, weights, strict=True):
            with torch.autocast(self.device.type, DTYPES[s.precision], enabled=s.precision != "fp32"):
                player, losses = next(game, ("", {}))
            if player:
                values = torch.stack([loss.float() for loss in losses.values()])
                # `inputs` keeps the gradient from everybody else's networks: no requires_grad to switch on and off.
                self.scaler.scale(weight * values.sum()).backward(inputs=self.parameters[player])
                gauges = self.mode.gauges if player == "D" else {}
                self.watch[player].note(losses, values.detach(), weight, gauges)
        return player

    def _move(self, player: str, multiplier: float, seen: int) -> None:
        optimizer, parameters = self.optimizers[player], self.parameters[player]
        for group in optimizer.param_groups:
            group["lr"] = multiplier * self._lr(player)
        norm = None
        if self.settings.clip_norm or not self.scaler.is_enabled():
            self.scaler.unscale_(optimizer)
            norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            if self.settings.clip_norm:
                torch.nn.utils.clip_grads_with_norm_(parameters, self.settings.clip_norm, norm)
        # In fp16 a gradient may overflow now and then: the scaler then skips the player's step and scales less.
        self.watch[player].close(seen, None if self.scaler.is_enabled() else norm)
        self.scaler.step(optimizer)
        optimizer.zero_grad(set_to_none=True)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averages of the generators' weights: quickly at first, so that early samples are not the start."""
        decay = min(self.settings.ema, (1 + self.rounds) / (10 + self.rounds))
        for name, average in self.averages.items():
            network = self.mode.networks[name]
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
            for kept, now in zip(average.buffers(), network.buffers(), strict=True):
                kept.copy_(now)

    def generator(self, direction: str) -> nn.Module:
        """The generator to show and keep: its averaged weights where there are any. In training mode otherwise."""
        name = self.mode.generators[direction]
        return self.averages.get(name, self.mode.networks[name])

    # What a checkpoint holds -----------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, JSON-able values): with the data's position all that the rest of the training depends on."""
        tensors: dict[str, Tensor] = {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random/cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            tensors["random/mps"] = torch.mps.get_rng_state()
        for kind, networks in (("networks", self.mode.networks), ("averages", self.averages)):
            for name, network in networks.items():
                tensors |= {f"{kind}/{name}/{key}": tensor for key, tensor in network.state_dict().items()}
        for name, pool in self.mode.pools.items():
            tensors |= {f"pools/{name}/{key}": tensor for key, tensor in pool.state().items()}
        for player, optimizer in self.optimizers.items():
            for index, parameter in enumerate(self.parameters[player]):
                slots = optimizer.state.get(parameter, {})
                tensors |= {f"optimizers/{player}/{index}/{key}": tensor for key, tensor in slots.items()}
        return tensors, {"rounds": self.rounds, "scaler": self.scaler.state_dict()}

    def load(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Take up the state that `state` gave."""
        for kind, networks in (("networks", self.mode.networks), ("averages", self.averages)):
            for name, network in networks.items():
                network.load_state_dict(nest(tensors, f"{kind}/{name}/"))
        for name, pool in self.mode.pools.items():
            pool.load(nest(tensors, f"pools/{name}/"), self.device)
        for player, optimizer in self.optimizers.items():
            for index, parameter in enumerate(self.parameters[player]):
                slots = nest(tensors, f"optimizers/{player}/{index}/")
                if slots:
                    optimizer.state[parameter] = {
                        key: _beside(tensor, parameter, optimizer.defaults.get("fused"))
                        for key, tensor in slots.items()
                    }
        self.rounds = values["rounds"]
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(values["scaler"])
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)
        elif self.device.type == "mps" and "random/mps" in tensors:
            torch.mps.set_rng_state(tensors["random/mps"])


def _beside(saved: Tensor, parameter: Tensor, fused: bool | None) -> Tensor:
    """An optimizer's saved tensor, on the parameter's device and in its layout; step counts stay as they are."""
    if saved.ndim == 0:  # a step count: fused optimizers keep it on the GPU, the others on the CPU
        return saved.clone().to(parameter.device if fused else "cpu")
    if saved.shape != parameter.shape:
        return saved.clone()
    return torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(saved).detach()
