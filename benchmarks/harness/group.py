"""The ranks of a case together: they meet, start their window at once, and compare what they measured."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from datetime import timedelta

import torch
import torch.distributed as dist

from benchmarks.cases import Case
from benchmarks.harness.records import Failure, RankResult


class Group:
    """All ranks of a case on all nodes, over NCCL on GPUs and gloo on the CPU. One process alone needs no group."""

    def __init__(self, case: Case, rank: int, device: torch.device, timeout_seconds: float) -> None:
        self._rank, self._size = rank, case.processes
        self._store: dist.Store | None = None
        if case.mode == "sp":
            return
        cuda = case.device == "cuda"
        # Ranks are numbered by node here, while the agent numbers them in the order in which the nodes met.
        self._store = next(iter(dist.rendezvous("env://")))[0]
        dist.init_process_group(
            "nccl" if cuda else "gloo",
            store=dist.PrefixStore("ranks", self._store),
            rank=rank,
            world_size=case.processes,
            timeout=timedelta(seconds=timeout_seconds),
            device_id=device if cuda else None,
        )

    def barrier(self) -> None:
        if self._store is not None:
            dist.barrier()

    def leave(self) -> None:
        if self._store is not None:
            dist.destroy_process_group()

    def all_results(self, own: RankResult) -> list[RankResult]:
        """Every rank's result, on every rank, in order of rank."""
        if self._store is None:
            return [own]
        gathered: list[RankResult | None] = [None] * self._size
        dist.all_gather_object(gathered, own)
        return [result for result in gathered if result is not None]

    def tell_failure(self, failure: Failure) -> None:
        """Leave word of this rank's failure for the others, whose next collective fails for want of this rank."""
        if self._store is not None:
            with contextlib.suppress(RuntimeError):  # the store may be gone with its node
                self._store.set(f"failure/{self._rank}", json.dumps(asdict(failure)))

    def failure_of_another(self) -> Failure | None:
        """The failure another rank left word of, which is then the cause of this rank's own."""
        if self._store is not None:
            with contextlib.suppress(RuntimeError):
                for rank in range(self._size):
                    if rank != self._rank and self._store.check([f"failure/{rank}"]):
                        return Failure(**json.loads(self._store.get(f"failure/{rank}")))
        return None
