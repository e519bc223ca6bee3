"""The ranks of a case: they meet, begin the window together, and exchange results and failures."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from benchmarks.cases import Case
from benchmarks.harness.protocol.records import Failure, RankResult


class Group:
    """All ranks of a case on all nodes. With one process it does nothing.

    Gradients on GPUs travel over NCCL. All else (barriers, results) travels over gloo between the hosts: it takes no
    memory of a GPU that may be full, and no GPU that has failed.
    """

    def __init__(self, case: Case, rank: int, device: torch.device, timeout_seconds: float) -> None:
        self._rank, self._size, self._maxima = rank, case.processes, 0
        self._store: Store | None = None
        if case.mode == "sp":
            return
        cuda = case.device == "cuda"
        # The plan numbers ranks by node. The agent numbers them in the order in which the nodes met.
        self._store = next(iter(rendezvous("env://")))[0]
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo",
            store=PrefixStore("ranks", self._store),
            rank=rank,
            world_size=case.processes,
            timeout=timedelta(seconds=timeout_seconds),
            device_id=device if cuda else None,
        )

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self._store is not None:
            dist.barrier()

    def maximum(self, value: float) -> float:
        """The largest value of all ranks, on every rank. Waits for all of them, without the GPUs."""
        if self._store is None:
            return value
        self._maxima += 1
        keys = [f"maximum/{self._maxima}/{rank}" for rank in range(self._size)]
        self._store.set(keys[self._rank], repr(value))
        return max(float(self._store.get(key)) for key in keys)

    def all_agree(self, answer: bool) -> bool:
        """Whether all ranks answer yes. Waits for all of them."""
        return self.maximum(0.0 if answer else 1.0) == 0.0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all ranks, as DistributedDataParallel does with gradients."""
        if self._store is not None:
            for tensor in tensors:
                dist.all_reduce(tensor.div_(self._size))

    def leave(self) -> None:
        if self._store is not None:
            dist.destroy_process_group()

    def all_results(self, own: RankResult) -> list[RankResult]:
        """The results of all ranks, on every rank, in order of rank."""
        if self._store is None:
            return [own]
        gathered: list[bytes | None] = [None] * self._size
        dist.all_gather_object(gathered, msgspec.json.encode(own))
        return [msgspec.json.decode(each, type=RankResult) for each in gathered if each is not None]

    def publish_failure(self, failure: Failure) -> None:
        """Make this rank's failure known to the others: their next collective fails because this rank is missing."""
        if self._store is not None:
            with contextlib.suppress(RuntimeError):  # the store may be gone with its node
                self._store.set(f"failure/{self._rank}", msgspec.json.encode(failure).decode())

    def published_failure(self) -> Failure | None:
        """The failure that another rank published. It is the cause of this rank's own."""
        if self._store is not None:
            with contextlib.suppress(RuntimeError):
                for rank in range(self._size):
                    if rank != self._rank and self._store.check([f"failure/{rank}"]):
                        return msgspec.json.decode(self._store.get(f"failure/{rank}"), type=Failure)
        return None
