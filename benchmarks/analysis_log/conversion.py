"""Whether the unit of a record fits --model_mode, and the record in the unit that the mode reads."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.analysis_log.units import COUNTED, EPOCH, SAMPLE, STEP, Unit
from benchmarks.harness.results.log import MODES

_READ: dict[int, tuple[str, tuple[str, ...]]] = {
    -1: ("rates of samples, tokens and the like", ()),
    0: ("times of a step", ("", STEP)),
    1: ("rates of steps", ("", STEP)),
    2: ("times of a step", ("", STEP)),
    3: ("rates of steps", ("", STEP)),
    4: ("times of an epoch", ("", EPOCH)),
}
"""--model_mode -> what it reads: in words, and what its units may count; mode -1 reads nearly everything."""

_SCALED_NOUNS = {"": "1/s", STEP: "steps/s", SAMPLE: "samples/sec"}


@dataclass(frozen=True)
class Target:
    """What records are converted to.

    Attributes:
        model_mode: a key of MODES.
        processes: by which the result multiplies a rate.
        global_rates: whether --rate_scope is "global".
        unit_of_result: --ips_unit as a unit; None if it is not given.
    """

    model_mode: int
    processes: int
    global_rates: bool
    unit_of_result: Unit | None = None

    @property
    def of_rates(self) -> bool:
        return MODES[self.model_mode].record == "rate"

    def inverts(self, unit: Unit) -> bool:
        """Whether a time counts as a rate: progress bars print `1.2s/it` for less than one step per second."""
        return self.model_mode in (1, 3) and unit.kind == "time" and unit.counted == STEP

    def converted(self, value: float, unit: Unit | None) -> float:
        """A record per second, or in seconds."""
        if unit is None:
            return value
        scaled = value * unit.factor
        return (1 / scaled if scaled else float("inf")) if self.inverts(unit) else scaled

    def objection(self, unit: Unit) -> str | None:
        """Why a unit does not fit, and the option to give; None if it fits."""
        if unit.per_process and self.global_rates:
            return "is the rate of one process: give --rate_scope process"
        if unit.kind == MODES[self.model_mode].record or self.inverts(unit):
            fits = unit.counted in _READ[self.model_mode][1] if self.model_mode != -1 else self._fits_as_it_is(unit)
        else:
            fits = False
        misfit = f"does not fit --model_mode {self.model_mode}, which reads {_READ[self.model_mode][0]}"
        return None if fits else f"{misfit}: {_advice(unit)}"

    def _fits_as_it_is(self, unit: Unit) -> bool:
        """Whether a rate may be multiplied by the processes and called --ips_unit."""
        result = self.unit_of_result.counted if self.unit_of_result else ""
        if unit.counted == EPOCH or (unit.counted == STEP and self.processes > 1):
            return False
        return unit.counted not in COUNTED or unit.counted == SAMPLE or result in ("", unit.counted)


def _advice(unit: Unit) -> str:
    options = {
        ("time", ""): "2 (steps/s), 0 (samples/sec) or 4 (s/epoch)",
        ("time", STEP): "2 (steps/s) or 0 (samples/sec)",
        ("time", EPOCH): "4 (s/epoch)",
        ("rate", ""): "-1",
        ("rate", STEP): "1 (steps/s), or 3 (samples/sec) with --base_batch_size",
        ("rate", SAMPLE): "-1",
    }
    if unit.kind == "rate" and unit.counted in COUNTED and unit.counted not in (STEP, SAMPLE, EPOCH):
        return f"give --model_mode -1, and --ips_unit {unit_of_rates(unit.counted)} if any"
    modes = options.get((unit.kind, unit.counted), "-1" if unit.kind == "rate" and unit.counted != EPOCH else None)
    return f"give --model_mode {modes}" if modes else "no --model_mode reads it"


def unit_of_rates(counted: str) -> str:
    """UNIT of rates that are taken as they are, if the log says what they count."""
    return _SCALED_NOUNS.get(counted, f"{counted}s/s")
