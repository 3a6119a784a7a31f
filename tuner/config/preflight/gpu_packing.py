"""Measure memory and speed of trials on a GPU, and derive how many share it.

Ray does not enforce the GPU share of a trial, so that the share must reflect its memory. Memory
alone puts 99 trials on a large GPU that 4 fill: as many share it as train fastest together, but not
more than fit, than there are cores, or than run at a time.

All trials get the same share: that of the configuration that needs the most memory, whose speed is
measured too. `probe_peak_memory` has been run on a GPU before it counted the memory of CUDA graphs;
the rest is tested without one.
"""

import gc
import math
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import torch

from trainables.training.graphed_update import WARM_UP_STEPS
from trainables.training.trial import Trial
from tuner.cli.format import format_bytes
from tuner.config.plan import Plan
from tuner.config.preflight.estimate import build_probe_config
from tuner.config.preflight.gpu_throughput import fewest_trials, measure_throughput
from tuner.config.preflight.representative import build_configuration, extreme_knob_values
from tuner.config.preflight.timing import time_training
from tuner.config.settings import GPU_RESOLUTION

TRAINING_STEPS = WARM_UP_STEPS + 3
"""Steps after which all memory that a trial keeps is allocated: a captured step and two replays."""
HEADROOM = 1.1
"""Factor for memory fragmentation, which grows over a run."""
CUDA_CONTEXT_BYTES = 2**29
"""Bytes of the CUDA context of a process, which torch does not count."""
WHOLE_GPU = {"device": "cuda", "memory_share": 1.0}


@dataclass(frozen=True, kw_only=True)
class PeakMemory:
    """Peak memory of the most expensive configuration.

    Attributes:
        used_bytes: Peak bytes reserved by torch.
        total_bytes: Bytes of the smallest GPU.
        index: Its position among the measured configurations.
    """

    used_bytes: int
    total_bytes: int
    index: int = 0

    @property
    def trials_that_fit(self) -> int:
        """Number of trials that fit on a GPU."""
        return max(1, int(self.total_bytes / (HEADROOM * self.used_bytes + CUDA_CONTEXT_BYTES)))


def gpu_share(trials_per_gpu: int) -> float:
    """Return the share of a GPU of each trial, rounded down to Ray's resolution."""
    return max(1, int(1 / GPU_RESOLUTION / trials_per_gpu)) * GPU_RESOLUTION


MemoryProbe = Callable[[Sequence[Mapping[str, object]]], PeakMemory]
"""Returns the peak memory of the most expensive of some configurations."""
ThroughputProbe = Callable[[Mapping[str, object], int], Mapping[int, float]]
"""Returns the steps a second by the number of trials, at most a given one, that train at once."""


def probe_peak_memory(configs: Sequence[Mapping[str, object]]) -> PeakMemory:
    """Return the peak memory of the most expensive configuration; all memory if it does not fit.

    Args:
        configs: Configurations of trials.
    """
    cards = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    total = min(card.total_memory for card in cards)
    peak = PeakMemory(used_bytes=0, total_bytes=total)
    for index, config in enumerate(configs):
        torch.cuda.reset_peak_memory_stats()
        try:
            run_probe_steps(config)
        except torch.OutOfMemoryError:
            return PeakMemory(used_bytes=total, total_bytes=total, index=index)
        used = torch.cuda.max_memory_reserved()
        if used > peak.used_bytes:
            peak = PeakMemory(used_bytes=used, total_bytes=total, index=index)
        gc.collect()
        torch.cuda.empty_cache()
    return peak


def run_probe_steps(config: Mapping[str, object]) -> None:
    """Run a few steps of a configuration's last epoch, and validate one batch.

    The last batch is as small as that of an epoch: it runs while a CUDA graph of whole batches
    keeps its memory.
    """
    trial = Trial(config)
    train, batch_size = trial.train_images, trial.components.data.batch_size
    trial.validation_images = trial.validation_images[: trial.components.exam.exam_batch]
    time_training(trial, train[: TRAINING_STEPS * batch_size + len(train) % batch_size])


def measure_peak_memory(
    configs: Sequence[Mapping[str, object]], probe: MemoryProbe = probe_peak_memory
) -> PeakMemory:
    """Return the peak memory, measured in a subprocess that releases the GPU when it exits.

    Args:
        configs: Configurations of trials.
        probe: Function to call in the subprocess.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(probe, configs).result()


def most_expensive_configs(plan: Plan) -> Iterator[dict[str, object]]:
    """Yield the configuration of each variant with the largest values of cost knobs."""
    for variant in plan.variants:
        *_, largest = extreme_knob_values(variant)
        yield build_probe_config(plan, build_configuration(variant, largest), WHOLE_GPU)


def most_trials_per_gpu(plan: Plan, gpus: float, cores: float) -> int:
    """Return how many trials a GPU has to hold at most, if they are spread evenly."""
    settings = plan.settings
    runs = plan.trials * settings.seeds
    at_a_time = min(cores / settings.cpu, settings.concurrency or math.inf, runs)
    return max(1, math.ceil(at_a_time / gpus))


def pack_gpus(
    plan: Plan,
    cores: float,
    gpus: float,
    print_line: Callable[[str], None],
    memory: MemoryProbe = measure_peak_memory,
    throughput: ThroughputProbe = measure_throughput,
) -> Plan:
    """Return the plan with the GPU share with which its trials train fastest together.

    The plan is returned unchanged if `gpu` or `address` is set, or without a GPU.

    Args:
        plan: Plan of the study.
        cores: Number of CPU cores of this machine.
        gpus: Number of GPUs of this machine.
        print_line: Prints a line about the result.
        memory: Returns the peak memory of the most expensive configuration.
        throughput: Returns the speed of several trials of a configuration.
    """
    if plan.settings.gpu is not None or plan.settings.address is not None or not gpus:
        return plan
    try:
        configs = list(most_expensive_configs(plan))
        peak = memory(configs)
        most = min(peak.trials_that_fit, most_trials_per_gpu(plan, gpus, cores))
        rates = throughput(configs[peak.index], most) if most > 1 else {1: 1.0}
    except Exception as error:  # a user-supplied file or the driver can raise anything
        reason = str(error).splitlines()[:1]
        message = ": ".join([type(error).__name__, *reason])
        print_line(f"caution: gpu: a trial cannot be probed on it ({message}); each takes one.")
        return plan
    share = gpu_share(fewest_trials(rates))
    print_line(format_packing(peak, rates, share))
    return replace(plan, settings=replace(plan.settings, gpu=share))


def format_packing(peak: PeakMemory, rates: Mapping[int, float], share: float) -> str:
    """Return a line about how many trials share a GPU, and why.

    Args:
        peak: Memory of the most expensive configuration.
        rates: Steps a second by the number of trials.
        share: Share of a GPU that a trial gets.
    """
    number, largest = fewest_trials(rates), max(rates)
    shared = "a trial takes one" if number == 1 else f"{number} trials share one"
    compared = 2 if number == 1 < largest else number
    faster = f"; {compared} train {rates[compared] / rates[1]:.2f} times as fast as one alone"
    return (
        f"gpu: {shared} (gpu={share:.4g}){faster if compared > 1 else ''}; "
        f"a trial needs up to {format_bytes(peak.used_bytes)} of {format_bytes(peak.total_bytes)}."
    )
