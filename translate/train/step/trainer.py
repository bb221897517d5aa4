"""The training round, the only place that takes optimizer steps. It knows players and losses, but no method."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from translate.modes import Mode
from translate.networks.targets import of_target
from translate.networks.traits import is_per_sample
from translate.settings import LETTERS
from translate.system import distributed
from translate.train.settings import TrainSettings
from translate.train.step import state
from translate.train.step.cuda_graphs import GraphedRound
from translate.train.step.ema import EMA
from translate.train.step.gradients import Batches, Gradients
from translate.train.step.optimizers import optimizer
from translate.train.step.stats import RunningStats
from translate.train.step.threads import ThreadedGradients


def learning_rate(images_seen: int, total: int, decay_from: float) -> float:
    """The factor of lr: 1, then linear decay from decay_from · total images to 0 at total."""
    start = decay_from * total
    return 1.0 if images_seen <= start else (total - images_seen) / (total - start)


class Trainer:
    """Trains round by round, and holds the state: networks, optimizers, EMA, pools, scaler.

    settings: resolved (no 'auto'). total: the training's length in images.
    """

    def __init__(self, mode: Mode, settings: TrainSettings, total: int):
        self.mode, self.settings, self.total = mode, settings, total
        self.device = torch.device(settings.device)
        self.layout = torch.channels_last if settings.channels_last else torch.contiguous_format
        for network in mode.networks.values():
            network.to(self.device, memory_format=self.layout).train()  # type: ignore[call-overload]
        for network in mode.frozen.values():
            network.to(self.device, memory_format=self.layout).eval()  # type: ignore[call-overload]
        for pool in mode.pools.values():
            pool.device = self.device
        self.parameters = {
            player: [p for name in names for p in mode.networks[name].parameters()]
            for player, names in mode.players.items()
        }
        self.lr = {p: settings.lr_d or settings.lr if p in mode.discriminators else settings.lr for p in mode.players}
        self.optimizers = {
            p: optimizer(self.parameters[p], settings, self.lr[p], p in mode.discriminators) for p in mode.players
        }
        self.ema = EMA(mode, settings.ema)
        # One scaler for all players; it does nothing unless the precision is fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.stats = {player: RunningStats(self.device) for player in mode.players}
        self.rounds = 0
        per_sample = {network for network in mode.networks.values() if is_per_sample(network)}
        mode.per_sample = per_sample if settings.fuse_passes else ()
        parts: list[Any] = [mode, self.parameters, self.stats, self.scaler, self.device.type, settings.precision]
        threads = settings.batch_threads or 1
        threaded = threads > 1 and len(per_sample) == len(mode.networks)
        self.gradients = ThreadedGradients(threads, self.layout, *parts) if threaded else Gradients(*parts)
        # The values that change from round to round; tensors for recorded rounds.
        self.schedule: dict[str, Any] = {"images_seen": 0, "progress": 0.0, "ema": 0.0}
        self.round = self._round
        if settings.graphs:
            self.schedule = {name: torch.tensor(value, device=self.device) for name, value in self.schedule.items()}
            self.round = GraphedRound(self._round, kind=lambda: self.mode.kind_of_round)
        if settings.compile:
            for network in self._compilable():
                network.compile()

    def play(self, batches: Sequence[Sequence[Tensor]], images_seen: int) -> None:
        """One round: every player takes one step (D k steps), on the gradients of all `batches` together.

        batches: each what the mode's `step` takes, this process's images of it; several: gradient
        accumulation. images_seen: before this round.
        """
        self.mode.begin_round(images_seen / max(1, self.total))
        self._set_schedule(images_seen)
        batches = [tuple(self._to_device(tensor) for tensor in batch) for batch in batches]
        self.mode.plan_round(*(distributed.world_size() * len(batch[0]) for batch in batches))
        self.round(batches)
        self.rounds += 1

    def _round(self, batches: Batches) -> None:
        """batches: as in `play`, on the device."""
        for player in self.gradients(batches, self.schedule["progress"]):  # forward and backward
            self._clip_gradients(player)
            self.scaler.step(self.optimizers[player])
            if self.mode.batches_per_round > 1:  # the same player may be next, and fp16 needs an update in between
                self.scaler.update()
            self.optimizers[player].zero_grad(set_to_none=True)
            self._clip_weights(player)
            self.mode.end_turn(player, self.stats[player].of_turn)
        if self.mode.batches_per_round == 1:
            self.scaler.update()
        self.ema.update(self.schedule["ema"])

    def _set_schedule(self, images_seen: int) -> None:
        s = self.settings
        now = {
            "images_seen": images_seen,
            "progress": images_seen / max(1, self.total),
            "ema": self.ema.decay_after(self.rounds),
        }
        multiplier = self.mode.lr_factor * learning_rate(images_seen, self.total, s.decay_from)
        groups = [(group, multiplier * self.lr[p]) for p, o in self.optimizers.items() for group in o.param_groups]
        if s.graphs:
            for name, value in now.items():
                self.schedule[name].fill_(value)
            for group, lr in groups:
                group["lr"].fill_(lr)
        else:
            self.schedule = now
            for group, lr in groups:
                group["lr"] = lr

    def _clip_gradients(self, player: str) -> None:
        """Clip the gradient to `clip_norm`, if that is set, and record its norm in `stats`."""
        norm, parameters = None, self.parameters[player]
        if self.settings.clip_norm or not self.scaler.is_enabled():
            self.scaler.unscale_(self.optimizers[player])
            norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            if self.settings.clip_norm:
                torch.nn.utils.clip_grads_with_norm_(parameters, self.settings.clip_norm, norm)
        # In fp16 a gradient may overflow: the scaler then skips the player's step and lowers the scale.
        self.stats[player].end_turn(self.schedule["images_seen"], None if self.scaler.is_enabled() else norm)

    @torch.no_grad()
    def _clip_weights(self, player: str) -> None:
        """w ← clip(w, -c, c) (Arjovsky et al. 2017, Algorithm 1, line 7)."""
        if limit := self.mode.weight_clip.get(player):
            for weight in self.parameters[player]:
                weight.clamp_(-limit, limit)

    def _to_device(self, tensor: Tensor) -> Tensor:
        if tensor.ndim < 4:  # classes
            return tensor.to(self.device, non_blocking=True)
        return tensor.to(self.device, non_blocking=True).contiguous(memory_format=self.layout)

    def _compilable(self) -> list[torch.nn.Module]:
        """All networks except those whose second derivatives are needed, which torch.compile doesn't support."""
        s = self.mode.settings
        players = self.mode.discriminators if s.penalty or s.r1 or s.r2 else ()
        penalised_networks = {name for player in players for name in self.mode.players[player]}
        return [network for name, network in self.mode.networks.items() if name not in penalised_networks]

    def generator(self, direction: str) -> torch.nn.Module:
        """The generator to preview and save: its EMA where there is one. In training mode otherwise."""
        name = self.mode.generators[direction]
        return self.ema.networks.get(name, self.mode.networks[name])

    def translator(self, direction: str) -> torch.nn.Module:
        """`generator`, as a network of images of this direction only."""
        return of_target(self.generator(direction), LETTERS.find(direction[-1]))

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, JSON-able values): with the images seen, everything that the rest of the training depends on."""
        tensors = state.capture(
            self.mode.networks, self.ema.networks, self.optimizers, self.parameters, self.mode.pools, self.device
        )
        return tensors, {"rounds": self.rounds, "scaler": self.scaler.state_dict()}

    def misfit(self, tensors: dict[str, Tensor]) -> str:
        """Why a checkpoint's tensors are not of this trainer's networks, in words; '' where they are."""
        return state.misfit(self.state()[0], self.parameters, tensors)

    def load(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        state.restore(
            tensors,
            self.mode.networks,
            self.ema.networks,
            self.optimizers,
            self.parameters,
            self.mode.pools,
            self.device,
        )
        self.rounds = values["rounds"]
        if self.scaler.is_enabled() and values["scaler"]:  # empty if saved in another precision
            self.scaler.load_state_dict(values["scaler"])
