"""What a user sets for all cases of a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.harness.protocol.compile_modes import CompileMode
from benchmarks.harness.protocol.endpoint import port_after, split_endpoint
from benchmarks.harness.protocol.machine import ROOT
from ocr_models.data_kinds import Kind


@dataclass(frozen=True)
class Nodes:
    """The nodes of a job.

    Attributes:
        count: number of nodes.
        rank: of this node, from 0; node 0 writes the artifacts.
        endpoint: "HOST:PORT" on node 0 where they meet; empty if there is one node.

    Raises:
        ValueError: if the values contradict each other; one line.
    """

    count: int = 1
    rank: int = 0
    endpoint: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise ValueError(f"node rank {self.rank} of {self.count} nodes; ranks count from 0 (--ocr-node-rank)")
        if self.count > 1 and not self.endpoint:
            raise ValueError(
                f"{self.count} nodes need a place to meet: --ocr-rdzv-endpoint HOST:PORT, the same on all of them"
            )
        if self.endpoint:
            split_endpoint(self.endpoint)

    def endpoint_of(self, ordinal: int) -> str:
        """The endpoint of the run with this number in its session: its port is that many later."""
        host, _, port = self.endpoint.rpartition(":")
        return f"{host}:{port_after(int(port), ordinal)}" if self.endpoint else ""


@dataclass(frozen=True)
class Settings:
    """Effective settings. None means: what fits the case.

    Attributes:
        steps, warmup_steps: measured steps, and those before them that are not counted.
        image_size: side of the square training image in pixels.
        data: folder of annotated images, for models of pages; None for the synthetic set.
        words: folder of word images, for models of words; None for the synthetic set.
        output: folder of the artifacts.
        history: file to which each measurement appends a line, besides the history of the output folder.
        loader_workers: loader processes per rank.
        timeout_seconds: for one case from start to end.
        seed: of weights, order of samples and augmentation.
        image_cache: "none", or "decoded" to keep decoded images on disk.
        compile_mode: of torch.compile, for compiled cases.
        profile_loader: whether the artifact says where the loader's time is spent.
        require: whether a case that cannot run here fails instead of being skipped.
        strict_machine: whether a disturbance by the machine fails a speed case.
        light: whether a speed case leaves out the probes after its measured steps.
        no_report: whether no page of the output folder is written at the end.
        compare: side of a comparison that the working tree is compared with; None to measure only.
        max_slowdown: what a comparison allows, as a fraction.
        max_pairs: of runs, per comparison.
        budget_minutes: for all comparisons together.
        strict_compare: whether a comparison that cannot tell fails.
        resume: whether a convergence case resumes from the checkpoint it left.
        memory_limit_bytes: of the search for the largest batch.
        nodes: this and the other nodes of the job.
    """

    steps: int | None = None
    warmup_steps: int | None = None
    image_size: int | None = None
    data: Path | None = None
    words: Path | None = None
    output: Path = ROOT / "logs"
    history: Path | None = None
    loader_workers: int | None = None
    timeout_seconds: float = 900.0
    seed: int = 0
    image_cache: Literal["none", "decoded"] = "none"
    compile_mode: CompileMode = "default"
    profile_loader: bool = False
    require: bool = False
    strict_machine: bool = False
    light: bool = False
    no_report: bool = False
    compare: str | None = None
    max_slowdown: float = 0.03
    max_pairs: int = 12
    budget_minutes: float | None = None
    strict_compare: bool = False
    resume: bool = False
    memory_limit_bytes: int | None = None
    nodes: Nodes = field(default_factory=Nodes)

    def data_of(self, kind: Kind) -> Path | None:
        """The folder for models whose samples are of this kind (`Model.data`); None for the synthetic set."""
        return self.words if kind == "words" else self.data
