"""How cases are to be run: what a user sets for all of them, and what follows for one."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks.cases import Case, ConvergenceCase, parse_case
from benchmarks.harness.nodes import Nodes

ROOT = Path(__file__).parents[2]

# On a CPU a step takes seconds, on a GPU a tenth of one: both defaults give about half a minute.
DEFAULT_STEPS = {"cpu": 10, "cuda": 100}
DEFAULT_WARMUP_STEPS = {"cpu": 2, "cuda": 20}
MOST_WORKERS = 24  # 150 samples/s each where decoding takes 4 ms; each holds two batches in shared memory
DEFAULT_IMAGE_SIZE = {"cpu": 320, "cuda": 736}


@dataclass(frozen=True)
class Settings:
    """What the user sets. None stands for what fits the case.

    Attributes:
        steps, warmup_steps: measured steps, and those before them that are not counted.
        image_size: side of the square training crop in pixels.
        data: folder of annotated images; None for the synthetic set.
        output: folder of the artifacts.
        workers: data loading processes per rank.
        timeout_seconds: for one case from start to end.
        seed: of weights, order of samples and augmentation.
        cache: "none", or "decoded" for decoded images kept on disk.
        profile_loader: whether the artifact is to say where the loader's time goes.
        resume: whether a convergence case goes on from the checkpoint it left.
        nodes: this and the other nodes of the job.
    """

    steps: int | None = None
    warmup_steps: int | None = None
    image_size: int | None = None
    data: Path | None = None
    output: Path = ROOT / "logs"
    workers: int | None = None
    timeout_seconds: float = 900.0
    seed: int = 0
    cache: str = "none"
    profile_loader: bool = False
    resume: bool = False
    nodes: Nodes = field(default_factory=Nodes)


@dataclass(frozen=True)
class Plan:
    """One case as it will run on this node: everything a worker process needs to know, in plain values.

    Attributes:
        data: folder of annotated images; None for the synthetic set's, until the launcher knows where it lies.
        data_kind: "synthetic" or "files".
        nodes, node_rank: how many nodes there are, and which of them this is.
        rdzv_endpoint: "HOST:PORT" where they meet; empty on one node.
        workers: data loading processes per rank.
        threads: of torch's operators per rank.
        run_token: marks the processes of this run.
        run_folder: for what they leave for the launcher; empty until it has made one.
        parent_pid: pytest's; without it the case ends.
        kind: "speed" or "convergence".
        evaluations, target: of a convergence case; 0 else.
        keep_folder: for a convergence case's checkpoint and archives; empty else.
        resume: whether to go on from the checkpoint there.
    """

    case: str
    steps: int
    warmup_steps: int
    image_size: int
    data: str | None
    data_kind: str
    nodes: int
    node_rank: int
    rdzv_endpoint: str
    workers: int
    threads: int
    seed: int
    cache: str
    profile_loader: bool
    timeout_seconds: float
    run_token: str
    run_folder: str
    parent_pid: int
    kind: str = "speed"
    evaluations: int = 0
    target: float = 0.0
    keep_folder: str = ""
    resume: bool = False

    @classmethod
    def of(cls, case: Case | ConvergenceCase, settings: Settings, ordinal: int = 0) -> Plan:
        """`ordinal` counts the cases of a session: nodes meet for each at a port of its own, so that a node that is
        ahead never meets the case before."""
        if isinstance(case, ConvergenceCase):
            return cls._to_converge(case, settings, ordinal)
        cores = available_cores() // (case.processes // settings.nodes.count)
        return cls(
            case=str(case),
            steps=settings.steps or DEFAULT_STEPS[case.device],
            warmup_steps=_warmup_steps(case, settings),
            image_size=settings.image_size or DEFAULT_IMAGE_SIZE[case.device],
            data=None if settings.data is None else str(settings.data),
            data_kind="synthetic" if settings.data is None else "files",
            nodes=settings.nodes.count,
            node_rank=settings.nodes.rank,
            rdzv_endpoint=settings.nodes.endpoint_of(ordinal),
            workers=default_workers(case, cores) if settings.workers is None else settings.workers,
            threads=max(1, cores) if case.device == "cpu" else min(4, max(1, cores)),
            seed=settings.seed,
            cache=settings.cache,
            profile_loader=settings.profile_loader,
            timeout_seconds=settings.timeout_seconds,
            run_token=uuid.uuid4().hex,
            run_folder="",
            parent_pid=os.getpid(),
        )

    @classmethod
    def _to_converge(cls, goal: ConvergenceCase, settings: Settings, ordinal: int) -> Plan:
        """As for speed, with what the convergence case says where the user says nothing, and without warm-up."""
        own = replace(settings, steps=settings.steps or goal.steps, image_size=settings.image_size or goal.image_size)
        return replace(
            cls.of(goal.case, own, ordinal),
            kind="convergence",
            warmup_steps=0,
            evaluations=goal.evaluations,
            target=goal.target,
            keep_folder=str(settings.output / "convergence" / goal.case.log_name),
            resume=settings.resume,
        )

    @classmethod
    def read(cls, path: Path) -> Plan:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def parsed_case(self) -> Case:
        return parse_case(self.case)

    @property
    def total_steps(self) -> int:
        return self.warmup_steps + self.steps

    @property
    def local_processes(self) -> int:
        return self.parsed_case().processes // self.nodes

    @property
    def local_ranks(self) -> range:
        """The ranks of this node. Node 0 has rank 0, in whatever order the nodes met."""
        first = self.node_rank * self.local_processes
        return range(first, first + self.local_processes)


def _warmup_steps(case: Case, settings: Settings) -> int:
    """At least one where the first step compiles: that must not fall into the window."""
    wanted = DEFAULT_WARMUP_STEPS[case.device] if settings.warmup_steps is None else settings.warmup_steps
    return max(wanted, int(case.compile))


def default_workers(case: Case, cores_per_process: int) -> int:
    """Loader processes of one rank.

    On the CPU they would take cores from the training itself, and one delivers many times what it can use; on a GPU
    every core but the training process's own helps to keep it fed, up to a number that keeps any GPU fed.
    """
    return 1 if case.device == "cpu" else max(1, min(MOST_WORKERS, cores_per_process - 1))


def available_cores() -> int:
    """Cores this process may use: its affinity, and its control group's quota where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
