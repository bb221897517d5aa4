"""The processes of one training, started by torchrun: rank, world size and collective operations."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from translate.errors import LOST, UserError

AWAITED = 5.0  # seconds until it is said which processes are missing
TIMEOUT_MINUTES = 15.0  # of a collective operation: the processes wait while rank 0 scores and saves


def launched() -> int:
    """How many processes torchrun started, this one included; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", 1))


def world_size() -> int:
    """How many processes take part; 1 before `join`."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's rank, from 0 to world_size() - 1."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first_on_machine() -> bool:
    """Whether this is the first process on its machine."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def join(device: str) -> None:
    """Initialise the process group, if torchrun started several processes. On CUDA each uses the GPU of its local rank.
    UserError if there are too few GPUs."""
    if launched() == 1 or dist.is_initialized():
        return
    if device == "mps":
        raise UserError("several processes can't train on mps; use --device cpu or cuda.")
    if device == "cuda":
        local, available = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        started = max(int(os.environ.get("LOCAL_WORLD_SIZE", 1)), local + 1)
        if started > available:  # all processes exit, so that none waits for the others
            raise UserError(
                f"torchrun started {started} processes on a machine with {available} "
                f"{'GPU' if available == 1 else 'GPUs'}; use --nproc-per-node {available}."
            )
        torch.cuda.set_device(local)
    # Tensors on the CPU (few and small) go through gloo, those on a GPU through NCCL.
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    timeout = timedelta(minutes=TIMEOUT_MINUTES)
    rank, number = int(os.environ.get("RANK", 0)), launched()
    store = _all_present(rank, number, timeout)
    collective(lambda: dist.init_process_group(backend, store=store, rank=rank, world_size=number, timeout=timeout))


def _all_present(rank: int, number: int, timeout: timedelta) -> dist.Store:
    """The store that all processes have reached. After AWAITED seconds the one with the lowest rank prints which ranks
    it waits for. UserError (exit code 75) when they don't come within `timeout`."""
    host, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", 29500))
    first = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"  # torchrun's agent has the store

    def reach(patience: timedelta) -> dist.Store:
        # wait_for_workers=False: it would wait for the others without a word.
        return dist.TCPStore(host, port, number, first, patience, wait_for_workers=False, multi_tenant=True)

    def late(ranks: list[int]) -> str:
        names = ", ".join(map(str, ranks[:8])) + (", …" if len(ranks) > 8 else "")
        return f"{len(ranks)} of {number} processes at {host}:{port} (rank {names})"

    try:
        store = reach(patience := timedelta(seconds=AWAITED))
    except RuntimeError as error:
        if first:
            raise UserError(f"MASTER_PORT {port} can't be used here: {str(error).splitlines()[0][:150]}.") from error
        print(f"waiting for {late([0])}…", flush=True)
        try:
            store = reach(timeout)
        except RuntimeError:
            raise UserError(f"{late([0])} did not come within {timeout}.", LOST) from None
    store.set_timeout(timeout)
    # After a restart torchrun's store may still hold the addresses of processes that died.
    store = dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    keys = {f"present {other}": other for other in range(number)}
    store.set(f"present {rank}", "")
    try:
        store.wait(list(keys), patience)
    except RuntimeError:
        missing = [other for key, other in keys.items() if not store.check([key])]
        if missing and rank == min(set(keys.values()) - set(missing)):
            print(f"waiting for {late(missing)}…", flush=True)
        try:
            store.wait(list(keys), timeout)
        except RuntimeError:
            raise UserError(f"{late(missing)} did not come within {timeout}.", LOST) from None
    return store


def leave() -> None:
    """Destroy the process group, if there is one."""
    if world_size() > 1:
        dist.destroy_process_group()


def all_gather(rows: Tensor) -> Tensor:
    """Each process's rows (B, …) → all of them (B · ranks, …), row i of rank r at i · ranks + r, as the
    data loader divides a batch."""
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


def broadcast(value: Any) -> Any:
    """Rank 0's value (any object that pickles), in all processes."""
    if world_size() == 1:
        return value
    values = [value]
    collective(lambda: dist.broadcast_object_list(values, 0, device=torch.device("cpu")))
    return values[0]


class AllReduceSum(torch.autograd.Function):
    """The sum over all processes, differentiable."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return all_reduce_sum(values.clone())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return AllReduceSum.apply(gradients[0])  # differentiable again: R1 needs second derivatives


def collective(operation: Callable[[], Any]) -> None:
    """Run a collective operation; UserError (exit code 75) when another process has ended."""
    try:
        operation()
    except RuntimeError as error:
        raise UserError(
            f"another process of this training has ended ({str(error).splitlines()[0][:120]}); the run "
            "folder is intact: the same command continues, and torchrun --max-restarts does so automatically.",
            LOST,
        ) from error
