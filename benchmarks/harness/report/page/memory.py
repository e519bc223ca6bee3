"""What the page shows of a memory case: what the peak consists of, and where in a step it is."""

from __future__ import annotations

from msgspec import structs

from benchmarks.harness.report.page.charts import Bar, Part, bars, stacked
from benchmarks.harness.report.page.folder import ShownCase
from benchmarks.harness.report.page.quantities import MISSING, amount, mebibytes, percent, shown
from benchmarks.harness.report.page.sections import CasePage, Cell, Chart, KeyFigure, Note, Section, Table
from benchmarks.harness.results.common import details_of
from benchmarks.harness.results.memory_artifact import MemoryDetails

MEBIBYTE = 2**20
HEADINGS = ("peak (MiB)", "activations", "parameters (MiB)", "optimizer (MiB)", "MiB per sample", "host peak (MiB)")
PARTS = {"forward": "forward pass", "backward": "backward pass", "optimizer": "step of the optimizer"}
STEP_LABELS = {"set_up": "set-up, before the first step", **PARTS}
HIGHEST = {"device": "A step's peak is", "process": "A step has most memory allocated"}
LATER = {
    "device": "Its parts come from later steps, which are observed.",
    "process": (
        "Its parts come from later steps, which are observed. Resident memory, which the charts show, may be highest "
        "elsewhere: malloc keeps memory that was freed."
    ),
}
COUNTED = {"device": "allocated on the GPU", "process": "resident memory of the process"}


def memory_page(case: ShownCase) -> CasePage:
    """The row and the sections of a memory case."""
    details = details_of(case.artifact)
    if not isinstance(details, MemoryDetails):
        return CasePage(dict.fromkeys(HEADINGS, MISSING), [])
    sections = [_memory(details)]
    if len(details.ranks) > 1:
        sections.append(_ranks(details))
    return CasePage(_cells(details), sections)


def _cells(details: MemoryDetails) -> dict[str, Cell]:
    shares = details.shares
    kept = None if shares.activations is None else shares.activations / details.peak_bytes
    cells = (
        _size(details.peak_bytes),
        MISSING if kept is None else amount(kept, percent(kept)),
        _size(shares.parameters),
        _size(shares.optimizer_state),
        _size(details.bytes_per_sample),
        _size(details.host_peak_bytes),
    )
    return dict(zip(HEADINGS, cells, strict=True))


def _size(size: float | None) -> Cell:
    return amount(None if size is None else size / MEBIBYTE)


def _memory(details: MemoryDetails) -> Section:
    figures = [KeyFigure("Peak", mebibytes(details.peak_bytes), COUNTED[details.memory_of])]
    if details.bytes_per_sample is not None:
        sizes = " and ".join(str(each.samples) for each in details.batch_peaks)
        figures.append(KeyFigure("One more sample", _per_sample(details), f"from batches of {sizes}"))
    if details.fragmentation_bytes is not None:
        figures.append(KeyFigure("Reserved beyond it", mebibytes(details.fragmentation_bytes), "cache and pieces"))
    figures.append(_since_start(details))
    if details.loader_peak_bytes is not None:
        figures.append(KeyFigure("Loader processes", mebibytes(details.loader_peak_bytes), "sum of their peaks"))
    parts = [
        Part(name.replace("_", " "), size / MEBIBYTE, mebibytes(size))
        for name, size in structs.asdict(details.shares).items()
        if size
    ]
    largest = max(parts, key=lambda part: part.value, default=None)
    most = "" if largest is None else f" The largest share: {largest.label}, {largest.text}."
    charts = [stacked("The peak", f"What the {mebibytes(details.peak_bytes)} consist of.{most}", [("", parts)], "MiB")]
    charts.append(_step(details))
    return Section("Memory", figures=figures, notes=_notes(details), charts=charts)


def _since_start(details: MemoryDetails) -> KeyFigure:
    """On the CPU it is the same memory as the peak, over a longer time."""
    size = mebibytes(details.host_peak_bytes)
    if details.memory_of == "device":
        return KeyFigure("Host", size, "peak of the process")
    rank = f"of rank {details.of_rank}, " if len(details.ranks) > 1 else ""
    return KeyFigure("Peak since the start", size, f"{rank}until the end of the measured steps")


def _per_sample(details: MemoryDetails) -> str:
    """Resident memory is that of pages and of what malloc keeps: parts of a MiB would say nothing."""
    size = details.bytes_per_sample or 0.0
    return mebibytes(size) if details.memory_of == "device" else f"about {round(size / MEBIBYTE):,} MiB"


def _step(details: MemoryDetails) -> Chart:
    """The part with the highest peak is emphasised."""
    peaks = {name: reading.peak_bytes for name, reading in structs.asdict(details.step).items()}
    most = max(peaks, key=lambda name: peaks[name])
    values = [
        Bar(STEP_LABELS.get(name, name.replace("_", " ")), size / MEBIBYTE, mebibytes(size), emphasised=name == most)
        for name, size in peaks.items()
    ]
    text = "The peak within each part of a later, observed step, and until its start."
    return bars("Peaks of a step's parts", text, values, "MiB")


def _notes(details: MemoryDetails) -> list[Note]:
    notes = []
    if details.moment is not None:
        place = f"in the {PARTS[details.moment.part]}, at {details.moment.place}"
        notes.append(Note(f"{HIGHEST[details.memory_of]} {place}."))
        notes.append(Note(f"The peak is that of the measured steps. {LATER[details.memory_of]}", "muted"))
    elif details.moment_note is not None:
        notes.append(Note(f"Where in a step the peak is, is not known: {details.moment_note}.", "muted"))
    if details.allocator is not None and details.allocator.alloc_retries:
        notes.append(Note(f"The allocator had to free its cache {details.allocator.alloc_retries} times.", "warning"))
    if details.snapshot is not None:
        size = shown(details.snapshot.bytes / MEBIBYTE, "MiB")
        notes.append(Note(f"Snapshot for pytorch.org/memory_viz: index/{details.snapshot.file}, {size}."))
    if details.batch_note is not None:
        notes.append(Note(f"No memory per sample: {details.batch_note}.", "muted"))
    return notes


def _ranks(details: MemoryDetails) -> Section:
    headings = ("rank", "peak (MiB)", "reserved (MiB)", "host peak (MiB)")
    rows = [
        [
            amount(each.rank),
            _size(each.peak_bytes),
            _size(each.peak_reserved_bytes),
            _size(each.host_peak_bytes),
        ]
        for each in details.ranks
    ]
    return Section("Memory of the ranks", tables=[Table("Peaks of each rank", headings, rows)])
