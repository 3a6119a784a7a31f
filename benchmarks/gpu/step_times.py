"""Seconds and memory of training steps: contenders in turn in one process."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from benchmarks.gpu import contenders
from benchmarks.gpu.attempts import attempt
from benchmarks.gpu.contenders import PLAIN, Builders
from benchmarks.gpu.device import (
    allocated_bytes,
    describe_device,
    find_peak_flops,
    peak_memory,
    release_memory,
    reset_peak_memory,
    synchronize,
)
from benchmarks.gpu.flops import count_step_flops
from benchmarks.gpu.plain_loops import Step
from benchmarks.gpu.settings import Deadline, Keep, Settings, Values
from benchmarks.gpu.trials import OurCall

MIB = 2**20
SETUP_SHARE = 0.6
"""Share of the time in which contenders are built; what is left is for the rounds."""


@dataclass
class Contender:
    """A contender and what was measured of it.

    Attributes:
        call: Trains for some updates.
        peak_bytes: By how many bytes its tensors, weights included, raised the peak of memory.
        seconds: Seconds of each timed call.
    """

    call: Step
    peak_bytes: int
    seconds: list[float] = field(default_factory=list)


def measure_pgd_steps(settings: Settings, name: str, deadline: Deadline, keep: Keep) -> None:
    """Measure all contenders of a PGD-AT step on the network `name`."""
    network = settings.networks[name]
    flops = count_step_flops(settings, network)
    keep("gigaflops_per_step", round(flops / 1e9, 3))
    rows = measure(contenders.pgd_builders(settings, network), settings, deadline)
    peak = find_peak_flops(describe_device(settings.device))
    for row in rows.values():
        if peak and "ms" in row:
            row["mfu"] = compute_utilization(flops, row["ms"] / 1000, peak[0])
    keep("PGD-AT", rows)


def measure_method_steps(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure steps of the other methods on the first network."""
    network = settings.networks[settings.first_network]
    others = [method for method in contenders.METHODS if method != "PGD-AT"]
    for number, method in enumerate(others):
        part = Deadline(deadline.seconds_left() / (len(others) - number))
        builders = contenders.method_builders(settings, network, method)
        keep(method, measure(builders, settings, part))


def measure_floor(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure the convolutions of a step alone, on each network."""
    peak = find_peak_flops(describe_device(settings.device))
    keep("peak_teraflops_bf16_and_tf32", peak and [each / 1e12 for each in peak])
    for number, (name, network) in enumerate(settings.networks.items()):
        part = Deadline(deadline.seconds_left() / (len(settings.networks) - number))
        flops = count_step_flops(settings, network)
        rows = measure(contenders.floor_builders(settings, network), settings, part)
        for contender, row in rows.items():
            if peak and "ms" in row:
                of = peak[1] if contender.endswith("tf32") else peak[0]
                row["mfu"] = compute_utilization(flops, row["ms"] / 1000, of)
        keep(name, {"gigaflops_per_step": round(flops / 1e9, 3), "contenders": rows})


def compute_utilization(flops: float, seconds: float, peak: float) -> float:
    """Return the model FLOP utilisation: the share of a card's peak that a step reaches.

    Args:
        flops: Operations of a step.
        seconds: Its time.
        peak: Operations a second of the card.
    """
    return round(flops / seconds / peak, 4)


def measure_memory(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure the peak memory of the plain loop and of this project's default, one at a time."""
    for name, network in settings.networks.items():
        every = contenders.pgd_builders(settings, network)
        found: Values = {}
        for contender in (PLAIN, contenders.ours(), contenders.ours(graphs=False)):
            build = partial(describe_memory, every[contender], settings)
            found[contender] = attempt(build, deadline)
        ratio = compute_ratio(found, "peak_mib", contenders.ours())
        keep(name, found | {"ratio": ratio})


def describe_memory(build: Callable[[], Step], settings: Settings) -> Values:
    """Return the peak memory of one contender."""
    contender = prepare(build, settings)
    return {
        "peak_mib": round(contender.peak_bytes / MIB, 1),
        "reserved_mib": round(peak_memory(settings.device)[1] / MIB, 1),
    }


def compute_ratio(found: Values, key: str, ours: str) -> float | None:
    """Return ours over the plain loop's; `None`: one is missing or 0."""
    mine, plain = (found[each].get(key) for each in (ours, PLAIN))
    return round(mine / plain, 3) if mine and plain else None


def measure(builders: Builders, settings: Settings, deadline: Deadline) -> Values:
    """Return what was measured of each contender, or why it was not.

    All contenders run in turn, for several rounds, so that a machine that slows down does so for
    all. The ratio is the median over the rounds of the time over that of the plain loop.

    Args:
        builders: The contenders; the plain loop is the first.
        settings: Device and sizes.
        deadline: Ends the rounds; the first is always completed.
    """
    ready: dict[str, Contender] = {}
    setup = Deadline(deadline.seconds_left() * SETUP_SHARE)

    def add(name: str, build: Callable[[], Step]) -> Values:
        ready[name] = prepare(build, settings)
        return {}

    found = {name: attempt(partial(add, name, build), setup) for name, build in builders.items()}
    for number in range(settings.rounds):
        if number and deadline.seconds_left() < 0:
            break
        for contender in ready.values():
            if not number or contender.seconds[0] < settings.slow_call_seconds:
                contender.seconds.append(time_call(contender.call, settings.device))
    base = ready[PLAIN].seconds if PLAIN in ready else []
    return found | {name: describe(each, base, settings) for name, each in ready.items()}


def prepare(build: Callable[[], Step], settings: Settings) -> Contender:
    """Return a contender that has been built and warmed up."""
    release_memory(settings.device)
    before = allocated_bytes(settings.device)
    reset_peak_memory(settings.device)
    call = build()
    for _ in range(settings.warm_up_calls):
        call()
    synchronize(settings.device)
    return Contender(call, peak_memory(settings.device)[0] - before)


def time_call(call: Step, device: str) -> float:
    """Return the seconds of a call."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def describe(contender: Contender, base: Sequence[float], settings: Settings) -> Values:
    """Return the milliseconds of a step, the ratio to the plain loop, rates and memory.

    Args:
        contender: The contender.
        base: Seconds of the plain loop in each round; empty: it failed.
        settings: Device and sizes.
    """
    each = [1000 * seconds / settings.steps_per_call for seconds in contender.seconds]
    found: Values = {
        "ms": round(median(each), 3),
        "images_per_second": round(1000 * settings.batch_size / median(each)),
        "peak_mib": round(contender.peak_bytes / MIB, 1),
        "rounds_ms": [round(ms, 3) for ms in each],
    }
    if isinstance(contender.call, OurCall):
        found |= contender.call.describe()
    if base:
        pairs = zip(contender.seconds, base, strict=False)  # a slow one has fewer rounds
        found["ratio"] = round(median(mine / plain for mine, plain in pairs), 3)
    return found
