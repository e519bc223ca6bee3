"""One case as it will run on this node: everything that a rank needs to know, validated when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Raw, Struct

from benchmarks.cases import Case
from benchmarks.harness.protocol.compile_modes import CompileMode

T = TypeVar("T")


class Plan(Struct, frozen=True, kw_only=True):
    """A case, the measurement to be taken of it, and the effective settings.

    Attributes:
        case: what is trained.
        measurement: name in the table of measurements.
        run_in_rank: "module:function" that takes the measurement in a rank (`worker/rank.py`).
        parameters: JSON of the measurement's own parameters, decoded by it with `parameters_as`.
        steps, warmup_steps: measured steps, and those before them.
        warmup_steps_requested: by the user; None if not given. A case may need more.
        image_size: side of the square training image in pixels; None if the model has a fixed input size.
        data: folder of the data set; None for the synthetic set, whose folder the ranks learn later
            (`protocol/data_folder.py`).
        data_source: "synthetic" or "files".
        convergence_data: whether the synthetic set is that of the model's convergence case.
        augment: whether training samples are changed at random.
        nodes, node_rank: number of nodes, and which of them this is.
        rendezvous_endpoint: "HOST:PORT" where the nodes meet; empty on one node.
        loader_workers: loader processes per rank.
        threads: of torch's operators per rank.
        image_cache: "none" or "decoded".
        compile_mode: of torch.compile; None if the case is not compiled.
        light: whether the probes after the measured steps are left out.
        run_token: identifies the processes of this run.
        run_folder: for files between the processes; empty until the launcher has made it.
        parent_pid: of pytest; if it ends, the case ends.
    """

    case: Case
    measurement: str
    run_in_rank: str
    parameters: Raw = Raw(b"{}")
    steps: int
    warmup_steps: int
    warmup_steps_requested: int | None
    image_size: int | None
    data: str | None
    data_source: Literal["synthetic", "files"]
    convergence_data: bool = False
    augment: bool = True
    nodes: int
    node_rank: int
    rendezvous_endpoint: str
    loader_workers: int
    threads: int
    seed: int
    image_cache: Literal["none", "decoded"]
    compile_mode: CompileMode | None
    profile_loader: bool
    light: bool
    timeout_seconds: float
    run_token: str
    run_folder: str
    parent_pid: int

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Raises msgspec.ValidationError if the file does not hold a plan."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.encode(self))

    def parameters_as(self, kind: type[T]) -> T:
        return msgspec.json.decode(self.parameters, type=kind)

    @property
    def total_steps(self) -> int:
        return self.warmup_steps + self.steps

    @property
    def has_agent(self) -> bool:
        """Whether an agent starts the ranks. A rank that is alone needs none: pytest itself starts it."""
        return self.case.mode == "mp"

    @property
    def local_processes(self) -> int:
        """Ranks of this node."""
        return self.case.processes // self.nodes

    @property
    def local_ranks(self) -> range:
        """Node 0 has rank 0, in whatever order the nodes met."""
        first = self.node_rank * self.local_processes
        return range(first, first + self.local_processes)
