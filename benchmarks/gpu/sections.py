"""The sections of the benchmark, their parts, and the time that each may take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.gpu.epochs import measure_epochs, measure_exactness
from benchmarks.gpu.evaluation import measure_evaluation
from benchmarks.gpu.packing import measure_packing
from benchmarks.gpu.profiling import measure_profile
from benchmarks.gpu.settings import Deadline, Keep, Settings
from benchmarks.gpu.step_times import (
    measure_floor,
    measure_memory,
    measure_method_steps,
    measure_pgd_steps,
)

COMPILE_SECONDS = 90.0
"""Additional time of a part whose contenders torch compiles."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A measurement in a separate process, so that its failure ends no other.

    Attributes:
        section: Name of the section.
        name: What is measured: a network, say; empty if the section has one part.
        seconds: Time that it has.
        measure: Measures it: takes settings, the name, the end of its time and where to store.
    """

    section: str
    name: str = ""
    seconds: float
    measure: Callable[[Settings, str, Deadline, Keep], None]

    @property
    def label(self) -> str:
        """Section and name."""
        return f"{self.section}:{self.name}" if self.name else self.section


def list_parts(settings: Settings) -> list[Part]:
    """Return all parts, those that matter most first: the last ones may run out of time."""
    extra = COMPILE_SECONDS * settings.with_compile
    steps = [
        Part(section="steps", name=name, seconds=seconds + extra, measure=measure_pgd_steps)
        for name, seconds in zip(settings.networks, (60, 65, 20), strict=False)
    ]
    return [
        *steps,
        Part(section="profile", seconds=25, measure=measure_profile),
        Part(section="memory", seconds=35, measure=measure_memory),
        Part(section="autoattack", seconds=70, measure=measure_evaluation),
        Part(section="exactness", seconds=35, measure=measure_exactness),
        Part(section="packing", seconds=100, measure=measure_packing),
        Part(section="floor", seconds=35, measure=measure_floor),
        Part(section="epoch", seconds=25, measure=measure_epochs),
        Part(section="methods", seconds=45, measure=measure_method_steps),
    ]


def select_parts(parts: Sequence[Part], sections: Sequence[str]) -> list[Part]:
    """Return the parts of some sections; all parts without a name.

    Args:
        parts: All parts.
        sections: Sections, or single parts by their label.

    Raises:
        ValueError: If there is no such section.
    """
    names = {part.section for part in parts} | {part.label for part in parts}
    if unknown := [section for section in sections if section not in names]:
        raise ValueError(f"no section {unknown}; there are {', '.join(sorted(names))}.")
    return [p for p in parts if not sections or {p.section, p.label} & set(sections)]
