"""Measure the GPU memory of a trial, and derive how many trials share a GPU.

Ray does not enforce the GPU share of a trial, so that the share must reflect its memory.
`probe_peak_memory` has not been run on a GPU; the rest is tested without one.
"""

import gc
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import torch

from trainables.training.trial import Trial
from tuner.cli.format import format_bytes
from tuner.config.plan import Plan
from tuner.config.preflight.estimate import build_probe_config
from tuner.config.preflight.representative import build_configuration, extreme_knob_values
from tuner.config.preflight.timing import time_training
from tuner.config.settings import GPU_RESOLUTION

TRAINING_STEPS = 3
"""After three steps of training all memory that a trial keeps is allocated."""
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
    """

    used_bytes: int
    total_bytes: int

    @property
    def trials_per_gpu(self) -> int:
        """Number of trials that fit on a GPU."""
        return max(1, int(self.total_bytes / (HEADROOM * self.used_bytes + CUDA_CONTEXT_BYTES)))

    @property
    def gpu_share(self) -> float:
        """Share of a GPU of each trial, rounded down to Ray's resolution."""
        return max(1, int(1 / GPU_RESOLUTION / self.trials_per_gpu)) * GPU_RESOLUTION


MemoryProbe = Callable[[Sequence[Mapping[str, object]]], PeakMemory]
"""Returns the peak memory of the most expensive of some configurations."""


def probe_peak_memory(configs: Sequence[Mapping[str, object]]) -> PeakMemory:
    """Return the peak memory of the most expensive configuration; all memory if it does not fit.

    Args:
        configs: Configurations of trials.
    """
    cards = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    total, used = min(card.total_memory for card in cards), 0
    for config in configs:
        torch.cuda.reset_peak_memory_stats()
        try:
            run_probe_steps(config)
        except torch.OutOfMemoryError:
            return PeakMemory(used_bytes=total, total_bytes=total)
        used = max(used, torch.cuda.max_memory_reserved())
        gc.collect()
        torch.cuda.empty_cache()
    return PeakMemory(used_bytes=used, total_bytes=total)


def run_probe_steps(config: Mapping[str, object]) -> None:
    """Run a few steps of a configuration's last epoch, and validate one batch."""
    trial = Trial(config)
    trial.validation_images = trial.validation_images[: trial.components.exam.exam_batch]
    time_training(trial, trial.train_images[: TRAINING_STEPS * trial.components.data.batch_size])


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


def pack_gpus(
    plan: Plan,
    gpus: float,
    print_line: Callable[[str], None],
    measure: MemoryProbe = measure_peak_memory,
) -> Plan:
    """Return the plan with the GPU share that the memory of its trials needs.

    The plan is returned unchanged if `gpu` or `address` is set, or without a GPU.

    Args:
        plan: Plan of the study.
        gpus: Number of GPUs of this machine.
        print_line: Prints a line about the result.
        measure: Returns the peak memory of the most expensive configuration.
    """
    if plan.settings.gpu is not None or plan.settings.address is not None or not gpus:
        return plan
    try:
        peak = measure(list(most_expensive_configs(plan)))
    except Exception as error:  # a user-supplied file or the driver can raise anything
        reason = str(error).splitlines()[:1]
        message = ": ".join([type(error).__name__, *reason])
        print_line(f"caution: gpu: its memory cannot be probed ({message}); each trial takes one.")
        return plan
    print_line(
        f"gpu: a trial needs up to {format_bytes(peak.used_bytes)} of "
        f"{format_bytes(peak.total_bytes)}, so that "
        f"{peak.trials_per_gpu} share a GPU (gpu={peak.gpu_share:.4g})."
    )
    return replace(plan, settings=replace(plan.settings, gpu=peak.gpu_share))
