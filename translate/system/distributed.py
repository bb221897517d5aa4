"""The processes of one training, as torchrun starts them: this one's rank, and what they tell each other."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from translate.errors import LOST, UserError

MINUTES = 15  # that the others wait for one of them: for rank 0 while it scores and saves


def launched() -> int:
    """How many processes torchrun started, of which this is one; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", 1))


def world_size() -> int:
    """How many processes take part; 1 before `join`."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first_on_machine() -> bool:
    """Whether this is the machine's first process."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def join(device: str) -> None:
    """Meet the other processes; nothing where there are none. On CUDA each takes the GPU of its number."""
    if launched() == 1 or dist.is_initialized():
        return
    if device == "mps":
        raise UserError("several processes can't train on mps; use --device cpu or cuda.")
    if device == "cuda":
        local, there = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        here = max(int(os.environ.get("LOCAL_WORLD_SIZE", 1)), local + 1)
        if here > there:  # every process stops, so that none waits for the others
            raise UserError(
                f"torchrun started {here} processes on a machine with {there} {'GPU' if there == 1 else 'GPUs'}; use "
                f"--nproc-per-node {there}."
            )
        torch.cuda.set_device(local)
    # Few words between the processes are about numbers on the CPU: those go through gloo, whatever the device.
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    patience = timedelta(minutes=MINUTES)

    def meet() -> None:
        store, rank, number = next(dist.rendezvous("env://", timeout=patience))
        # After a restart torchrun's store may still say where the processes that died could be reached.
        store = dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
        dist.init_process_group(backend, store=store, rank=rank, world_size=number, timeout=patience)

    collective(meet)


def leave() -> None:
    if world_size() > 1:
        dist.destroy_process_group()


def all_gather(rows: Tensor) -> Tensor:
    """Each process's rows (B, …) → all of them (B · ranks, …), row i of rank r at i · ranks + r: as data is dealt."""
    if world_size() == 1:
        return rows
    rows = rows.contiguous()
    parts = [torch.empty_like(rows) for _ in range(world_size())]
    collective(lambda: dist.all_gather(parts, rows))
    return torch.stack(parts, 1).flatten(0, 1)


def all_reduce_sum(values: Tensor) -> Tensor:
    """The sum over all processes, in place."""
    if world_size() > 1:
        collective(lambda: dist.all_reduce(values))
    return values


def all_reduce_max(number: int) -> int:
    """The largest of the processes' numbers."""
    if world_size() == 1:
        return number
    value = torch.tensor(number)
    collective(lambda: dist.all_reduce(value, dist.ReduceOp.MAX))
    return int(value)


def broadcast(what: Any) -> Any:
    """What rank 0 says: its own `what`, in all processes."""
    if world_size() == 1:
        return what
    said = [what]
    collective(lambda: dist.broadcast_object_list(said, 0, device=torch.device("cpu")))
    return said[0]


class AllReduceSum(torch.autograd.Function):
    """The sum over all processes, through which the gradient goes back to each of them."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return all_reduce_sum(values.clone())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return AllReduceSum.apply(
            gradients[0]
        )  # which is differentiable in its turn: R1 needs the gradient of a gradient


def collective(question: Callable[[], Any]) -> None:
    """Ask the others something; UserError (exit code 75) when one of them is gone."""
    try:
        question()
    except RuntimeError as error:
        raise UserError(
            f"the other processes of this training are gone ({str(error).splitlines()[0][:120]}); the run "
            "folder is whole: the same command continues, and torchrun --max-restarts does so by itself.",
            LOST,
        ) from error
