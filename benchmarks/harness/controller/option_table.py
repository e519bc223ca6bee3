"""The `--ocr-*` options and their ini keys: name, type, default and help of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from benchmarks.harness.controller.option_values import (
    MAX_PAIRS,
    endpoint,
    history_file,
    memory_size,
    minutes,
    one_of,
    or_auto,
    or_none,
    output_folder,
    pages_folder,
    seconds,
    side,
    slowdown,
    whole_number,
    words_folder,
    yes_or_no,
)
from benchmarks.harness.controller.planning import DEFAULT_STEPS, DEFAULT_WARMUP_STEPS
from benchmarks.harness.protocol.compile_modes import CompileMode

MAX_IMAGE_SIZE = 2**15  # each model has its own rule


@dataclass(frozen=True)
class Option:
    """One setting: `--ocr-<name>` on the command line, `ocr_<name>` in pytest.ini, `field` in Settings.

    `parse` converts text to the value; its ValueError says what was expected. `default` is the ini default. An option
    without `metavar` takes no value on the command line.
    """

    name: str
    field: str
    parse: Callable[[str], Any]
    default: str
    metavar: str
    help: str

    @property
    def flag(self) -> str:
        return f"--ocr-{self.name}"

    @property
    def ini(self) -> str:
        return f"ocr_{self.name.replace('-', '_')}"


def _each(values: dict[str, int]) -> str:
    return ", ".join(f"{value} on {device}" for device, value in values.items())


OPTIONS = (
    Option(
        name="steps",
        field="steps",
        parse=or_auto(whole_number(1, 10**7)),
        default="auto",
        metavar="N",
        help=f"measured steps (auto: {_each(DEFAULT_STEPS)})",
    ),
    Option(
        name="warmup",
        field="warmup_steps",
        parse=or_auto(whole_number(0, 10**7)),
        default="auto",
        metavar="N",
        help=f"warm-up steps, which are not counted (auto: {_each(DEFAULT_WARMUP_STEPS)})",
    ),
    Option(
        name="image-size",
        field="image_size",
        parse=or_auto(whole_number(1, MAX_IMAGE_SIZE)),
        default="auto",
        metavar="PIXELS",
        help="side of the square training image (auto: the model's default, 320 on cpu and 736 on cuda for PSENet)",
    ),
    Option(
        name="data",
        field="data",
        parse=pages_folder,
        default="synthetic",
        metavar="FOLDER",
        help="annotated images in the layout of ICDAR 2015 or of PaddleOCR; synthetic: a set that is made once",
    ),
    Option(
        name="words",
        field="words",
        parse=words_folder,
        default="synthetic",
        metavar="FOLDER",
        help="images of words for text recognisers: LMDB, or the layout of PaddleOCR, ICDAR 2015 or MMOCR; synthetic: "
        "a set that is made once",
    ),
    Option(
        name="output",
        field="output",
        parse=output_folder,
        default="logs",
        metavar="FOLDER",
        help="folder of the artifacts: train_log/ and index/",
    ),
    Option(
        name="history",
        field="history",
        parse=history_file,
        default="none",
        metavar="FILE",
        help="append a line per measurement to this file, too; several sessions and machines may share it",
    ),
    Option(
        name="loader-workers",
        field="loader_workers",
        parse=or_auto(whole_number(0, 1024)),
        default="auto",
        metavar="N",
        help="loader processes per training process (auto: 1 on cpu, its share of the cores less one on cuda)",
    ),
    Option(
        name="nnodes",
        field="nodes",
        parse=or_auto(whole_number(1, 10**5)),
        default="auto",
        metavar="N",
        help="nodes of the job (auto: those of torchrun or Slurm, else 1)",
    ),
    Option(
        name="node-rank",
        field="node_rank",
        parse=or_auto(whole_number(0, 10**5)),
        default="auto",
        metavar="N",
        help="number of this node, from 0",
    ),
    Option(
        name="rdzv-endpoint",
        field="rdzv_endpoint",
        parse=or_auto(endpoint),
        default="auto",
        metavar="HOST:PORT",
        help="where the nodes meet: a port of node 0, the same on all nodes",
    ),
    Option(
        name="timeout",
        field="timeout_seconds",
        parse=seconds,
        default="900",
        metavar="SECONDS",
        help="time limit of one case",
    ),
    Option(
        name="seed",
        field="seed",
        parse=whole_number(0, 2**32 - 1),
        default="0",
        metavar="N",
        help="seed of weights, order of samples and augmentation",
    ),
    Option(
        name="image-cache",
        field="image_cache",
        parse=one_of("none", "decoded"),
        default="none",
        metavar="KIND",
        help="decoded: keep decoded images on disk, 2.8 MB for 1280x720, and map them; none: decode each time",
    ),
    Option(
        name="compile-mode",
        field="compile_mode",
        parse=one_of(*get_args(CompileMode)),
        default="default",
        metavar="MODE",
        help="mode of torch.compile, for compiled cases: default, reduce-overhead (CUDA graphs), max-autotune, "
        "max-autotune-no-cudagraphs",
    ),
    Option(
        name="profile-loader",
        field="profile_loader",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="report in details where the loader's time is spent",
    ),
    Option(
        name="require",
        field="require",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="let a case fail that would be skipped, for want of a GPU or because of the number of nodes",
    ),
    Option(
        name="strict-machine",
        field="strict_machine",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="fail a speed case whose measured steps were disturbed by the machine, for example by other programs",
    ),
    Option(
        name="light",
        field="light",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="leave out what is measured after the measured steps of a speed case, for comparisons; the gate refuses "
        "the result",
    ),
    Option(
        name="resume",
        field="resume",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="let a convergence case resume from the checkpoint in the output folder, if there is one",
    ),
    Option(
        name="no-report",
        field="no_report",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="write no report.html into the output folder at the end; --ocr-light writes none either",
    ),
    Option(
        name="memory-limit",
        field="memory_limit_bytes",
        parse=or_auto(memory_size),
        default="auto",
        metavar="SIZE",
        help="of the search for the largest batch: memory of a GPU, or of all processes on the CPU, for example 6GiB "
        "(auto: all of the GPU, or a share of what the control group or the system leaves)",
    ),
    Option(
        name="compare",
        field="compare",
        parse=or_none(side),
        default="none",
        metavar="SIDE",
        help="compare the working tree with this side in each selected speed case, for example rev:main, and fail the "
        "case if it is slower",
    ),
    Option(
        name="max-slowdown",
        field="max_slowdown",
        parse=slowdown,
        default="3%",
        metavar="PERCENT",
        help="of --ocr-compare: what is allowed",
    ),
    Option(
        name="max-pairs",
        field="max_pairs",
        parse=whole_number(2, MAX_PAIRS),
        default="12",
        metavar="N",
        help="of --ocr-compare: pairs of runs per case, at most",
    ),
    Option(
        name="budget",
        field="budget_minutes",
        parse=or_none(minutes),
        default="none",
        metavar="MINUTES",
        help="of --ocr-compare: for the runs of all cases together; none: no limit",
    ),
    Option(
        name="strict-compare",
        field="strict_compare",
        parse=yes_or_no,
        default="no",
        metavar="",
        help="of --ocr-compare: fail a case also if its pairs cannot tell",
    ),
)
PATHS = {pages_folder: "synthetic", words_folder: "synthetic", output_folder: "", history_file: "none"}
"""Parsers of options whose value is a path, and the word that each takes instead of one."""

DATA_FIELDS = ("data", "words")
"""Options that name a folder of data, one per kind of data."""
NODE_FIELDS = ("nodes", "node_rank", "rdzv_endpoint")
"""Options that together make up Settings.nodes."""
COMPARISON_FIELDS = ("compare", "max_slowdown", "max_pairs", "budget_minutes", "strict_compare")
"""Options of the pytest that compares; its runs must not have them."""
