"""The training round: the only place that steps an optimizer. It knows players and losses, nothing of the method."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from translate.modes import Mode, Turn
from translate.networks.layers import alone
from translate.system import distributed, image_rng
from translate.train.settings import TrainSettings
from translate.train.step import state
from translate.train.step.all_reduce import Reducer
from translate.train.step.cuda_graphs import Batches, Recorded
from translate.train.step.optimizers import light
from translate.train.step.stats import Watch
from translate.train.step.threads import Shares, one_thread

Batch = tuple[Tensor, ...]
OVER = Turn("", {})
DTYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def learning_rate(seen: int, total: int, decay_from: float) -> float:
    """What lr is multiplied by after `seen` images: 1, then falling linearly from decay_from · total to 0 at total."""
    start = decay_from * total
    return 1.0 if seen <= start else (total - seen) / (total - start)


class Round:
    """Plays rounds of a game and holds all that changes while it is trained: networks, optimizers, averages, scaler.

    settings: resolved (no 'auto'). total: the training's length in images.

    Where processes train together (`ranks`), each plays with its images of the batch; on a CPU threads do so with their
    `shares` of those. Gradients are averaged over all of them.
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
        self.reducers = {p: Reducer(self.parameters[p]) for p in self.parameters} if distributed.count() > 1 else {}
        # One scaler for all players, updated once a round; it does nothing unless the precision is fp16.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.rounds, self.watch = 0, {player: Watch(self.device) for player in mode.players}
        apart = {network for network in mode.networks.values() if alone(network)}
        mode.together = apart if settings.together else ()
        for pool in mode.pools.values():
            pool.device = self.device
        # Batch statistics, and networks that a pass changes, are of the whole batch.
        shares = settings.shares or 1
        self.shares = Shares(shares) if shares > 1 and len(apart) == len(mode.networks) else None
        # What changes from round to round, as a recorded round reads it.
        self.clock: dict[str, Any] = {"seen": 0, "progress": 0.0, "decay": 0.0}
        self._body = self._play
        if settings.graphs:
            self.clock = {name: torch.tensor(value, device=self.device) for name, value in self.clock.items()}
            self._body = Recorded(self._play)
        if settings.compile:
            for network in self._compilable():
                network.compile()

    def _lr(self, player: str) -> float:
        return self.settings.lr_d or self.settings.lr if player.startswith("D") else self.settings.lr

    def _optimizer(self, player: str) -> torch.optim.Optimizer:
        s, parameters = self.settings, self.parameters[player]
        # A recorded round reads the step size where it was when it was recorded.
        lr: Any = torch.tensor(self._lr(player), device=self.device) if s.graphs else self._lr(player)
        kind = s.optimizer_d or s.optimizer if player.startswith("D") else s.optimizer
        if kind == "rmsprop":
            return light(torch.optim.RMSprop)(parameters, lr, capturable=s.graphs)
        fused = self.device.type in ("cuda", "cpu") or None  # one kernel for all parameters: less time between steps
        if kind == "sgd":
            return light(torch.optim.SGD)(parameters, lr, fused=fused)
        return light(torch.optim.Adam)(parameters, lr, betas=(s.beta1, s.beta2), fused=fused, capturable=s.graphs)

    @staticmethod
    def _average(network: nn.Module) -> nn.Module:
        return copy.deepcopy(network).requires_grad_(False).eval()

    def _compilable(self) -> list[nn.Module]:
        """All networks but those of which second derivatives are wanted: torch can't compile for them."""
        s = self.mode.settings
        twice = self.mode.players["D"] if s.penalty or s.r1 else []
        return [network for name, network in self.mode.networks.items() if name not in twice]

    # A round ----------------------------------------------------------------------------------------------------------

    def play(self, batches: Sequence[Batch], seen: int) -> None:
        """One round: the players move in the game's order, each on the gradients of all `batches` together.

        batches: each what the mode's `step` takes, this process's images of it; several of them = gradient
        accumulation. seen: images before.
        """
        self._set_clock(seen)
        images = [tuple(self._here(tensor) for tensor in batch) for batch in batches]
        for pool in self.mode.pools.values():
            pool.plan(*(distributed.count() * len(batch[0]) for batch in images))
        self._body(images)
        self.rounds += 1

    def _set_clock(self, seen: int) -> None:
        s = self.settings
        now = {
            "seen": seen,
            "progress": seen / max(1, self.total),
            # Averages move quickly at first, so that early samples are not the start.
            "decay": min(s.ema, (2 + self.rounds) / (11 + self.rounds)),
        }
        multiplier = learning_rate(seen, self.total, s.decay_from)
        groups = [(group, multiplier * self._lr(p)) for p, o in self.optimizers.items() for group in o.param_groups]
        if s.graphs:
            for name, value in now.items():
                self.clock[name].fill_(value)
            for group, lr in groups:
                group["lr"].fill_(lr)
        else:
            self.clock = now
            for group, lr in groups:
                group["lr"] = lr

    def _here(self, tensor: Tensor) -> Tensor:
        if tensor.ndim < 4:  # classes
            return tensor.to(self.device, non_blocking=True)
        return tensor.to(self.device, non_blocking=True).contiguous(memory_format=self.layout)

    def _play(self, batches: Batches) -> None:
        count = sum(len(batch[0]) for batch in batches)
        weights = [len(batch[0]) / count for batch in batches]
        games = [self._games(batch) for batch in batches]
        while player := self._turn(games, weights):
            self._move(player)
            if self.mode.draws > 1:  # the same player may be next, and the scaler wants an update in between
                self.scaler.update()
        if self.mode.draws == 1:
            self.scaler.update()
        self._follow()

    def _games(self, batch: Sequence[Tensor]) -> list[Iterator[Turn]]:
        """A game for each share of the batch."""
        shares = math.gcd(self.shares.count, len(batch[0]) // self.mode.draws) if self.shares else 1
        parts = [[self._here(tensor[share::shares]) for tensor in batch] for share in range(shares)]
        return [self.mode.step(*part, progress=self.clock["progress"]) for part in parts]

    def _turn(self, games: list[list[Iterator[Turn]]], weights: list[float]) -> str:
        """The gradients of the next turn, in every game the same player's, whose name it returns; "" after the last."""
        for number, (shares, weight) in enumerate(zip(games, weights, strict=True)):
            if len(shares) > 1:
                turns = self._shared(shares, weight)
            else:
                turns = [self._alone(shares[0], weight, last=number == len(games) - 1)]
            for turn in turns if turns[0].player else []:
                self.watch[turn.player].note(turn, weight / len(turns))
        return turns[0].player

    def _alone(self, game: Iterator[Turn], weight: float, last: bool) -> Turn:
        with image_rng.share(distributed.index(), distributed.count()):
            turn = self._next(game)
        if turn.player:
            if self.reducers:
                self.reducers[turn.player].armed = last
            # `inputs` keeps the gradient from everybody else's networks: no requires_grad to switch on and off.
            self.scaler.scale(weight * _total(turn)).backward(inputs=self.parameters[turn.player])
        return turn

    def _shared(self, games: list[Iterator[Turn]], weight: float) -> list[Turn]:
        assert self.shares is not None
        with one_thread():
            turns, gradients = self.shares.turn(
                games,
                self._next,
                lambda turn: torch.autograd.grad(
                    weight * _total(turn), self.parameters[turn.player], allow_unused=True
                ),
            )
        for parameter, gradient in zip(self.parameters.get(turns[0].player, []), gradients, strict=True):
            if gradient is not None:
                # In the parameter's own layout, as `backward` leaves it: fused optimizers go through memory in order.
                own = torch.empty_like(parameter).copy_(gradient)
                parameter.grad = own if parameter.grad is None else parameter.grad + own
        return turns

    def _next(self, game: Iterator[Turn]) -> Turn:
        precision = self.settings.precision
        with torch.autocast(self.device.type, DTYPES[precision], enabled=precision != "fp32"):
            return next(game, OVER)

    def _move(self, player: str) -> None:
        optimizer, parameters = self.optimizers[player], self.parameters[player]
        if self.reducers:
            self.reducers[player].finish()
        norm = None
        if self.settings.clip_norm or not self.scaler.is_enabled():
            self.scaler.unscale_(optimizer)
            norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
            if self.settings.clip_norm:
                torch.nn.utils.clip_grads_with_norm_(parameters, self.settings.clip_norm, norm)
        # In fp16 a gradient may overflow now and then: the scaler then skips the player's step and scales less.
        self.watch[player].close(self.clock["seen"], None if self.scaler.is_enabled() else norm)
        self.scaler.step(optimizer)
        optimizer.zero_grad(set_to_none=True)
        if limit := self.mode.clip.get(player):
            with torch.no_grad():  # w ← clip(w, −c, c) (Arjovsky et al. 2017, Algorithm 1, line 7)
                for weight in parameters:
                    weight.clamp_(-limit, limit)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averages of the generators' weights."""
        for name, average in self.averages.items():
            network, weight = self.mode.networks[name], 1 - self.clock["decay"]
            kept, now = ([p.data for p in part.parameters()] for part in (average, network))
            if isinstance(weight, float):
                torch._foreach_lerp_(kept, now, weight)
            else:  # the kernel for many tensors takes no tensor here
                for target, source in zip(kept, now, strict=True):
                    target.lerp_(source, weight)
            for target, source in zip(average.buffers(), network.buffers(), strict=True):
                target.copy_(source)

    def generator(self, direction: str) -> nn.Module:
        """The generator to show and keep: its averaged weights where there are any. In training mode otherwise."""
        name = self.mode.generators[direction]
        return self.averages.get(name, self.mode.networks[name])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See translate.train.step.state."""
        return state.state(self)

    def load(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Take up the state that `state` gave."""
        state.load(self, tensors, values)


def _total(turn: Turn) -> Tensor:
    return torch.stack([loss.float() for loss in turn.losses.values()]).sum()
