"""How much of the time kernels run, which take most of it, and how often the host waits."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.attempts import attempt
from benchmarks.gpu.device import record_synchronizations, synchronize
from benchmarks.gpu.settings import Deadline, Keep, NetworkSettings, Settings, Values
from benchmarks.gpu.trials import build_trial
from trainables.training.trial import Trial

TOP = 10
STEPS = 8
"""Updates that are profiled, in one epoch."""


class Kernel(NamedTuple):
    """One run of a kernel; times in seconds."""

    name: str
    start: float
    end: float


def measure_profile(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Profile steady steps of the first network, with and without graphs."""
    network = settings.networks[settings.first_network]
    for graphs in (True, False):
        name = "graphs" if graphs else "no graphs"
        keep(name, attempt(partial(profile_epoch, settings, network, graphs=graphs), deadline))


def profile_epoch(settings: Settings, network: NetworkSettings, *, graphs: bool) -> Values:
    """Return shares, kernels and waits of one epoch of training."""
    trial = build_trial(
        settings,
        network,
        {"graphs": "auto" if graphs else False},
        images=STEPS * settings.batch_size,
    )
    for _ in range(settings.warm_up_calls):
        trial.train_one_epoch()
    wall = time_epoch(trial)
    gpu = settings.device == "cuda"
    # on the CPU, where nothing runs beside the host, its operations stand in for kernels
    kind, activity = ("CUDA", ProfilerActivity.CUDA) if gpu else ("CPU", ProfilerActivity.CPU)
    with profile(activities=[activity], acc_events=True) as recorded:
        profiled_wall = time_epoch(trial)
    kernels = [
        Kernel(event.name, event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in recorded.events()
        if event.device_type.name == kind and not event.is_user_annotation
    ]
    with record_synchronizations(settings.device) as waits:
        trial.train_one_epoch()
    busy = measure_busy_seconds((kernel.start, kernel.end) for kernel in kernels)
    return {
        "ms_per_step": round(1000 * wall / STEPS, 3),
        "share_in_kernels": round(busy / wall, 4),
        "share_in_kernels_while_profiled": round(busy / profiled_wall, 4),
        "kernels_per_step": round(len(kernels) / STEPS, 1),
        "top_kernels": list_top_kernels(kernels),
        "synchronizations_per_epoch": len(waits),
        "synchronizations": Counter(message.splitlines()[0] for message in waits),
    }


def time_epoch(trial: Trial) -> float:
    """Return the seconds of an epoch of training."""
    synchronize(trial.device)
    start = time.perf_counter()
    trial.train_one_epoch()
    synchronize(trial.device)
    return time.perf_counter() - start


def measure_busy_seconds(intervals: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of intervals.

    >>> measure_busy_seconds([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, end = 0.0, float("-inf")
    for first, last in sorted(intervals):
        total += max(0.0, last - max(first, end))
        end = max(end, last)
    return total


def list_top_kernels(kernels: Sequence[Kernel]) -> list[Values]:
    """Return the kernels that take most time, with their share of all kernels' time."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for kernel in kernels:
        seconds[kernel.name] += kernel.end - kernel.start
    whole = sum(seconds.values())
    return [
        {"kernel": name[:120], "ms_per_step": 1000 * spent / STEPS, "share": spent / whole}
        for name, spent in sorted(seconds.items(), key=lambda pair: -pair[1])[:TOP]
    ]
