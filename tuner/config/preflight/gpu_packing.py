"""What a trial takes of a GPU's memory, and so how many share one.

Ray packs trials by a fraction that it does not check, so that it should be that of the memory. What
asks CUDA, `probe_peak_memory`, has not been run on a GPU; all the rest is tested without one.
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
"""By the third step of training everything that a trial keeps is there."""
HEADROOM = 1.1
"""For pieces too small to be of use, which grow in number over a run."""
CUDA_CONTEXT_BYTES = 2**29
"""Bytes that CUDA itself takes in a process, which torch does not count."""
WHOLE_GPU = {"device": "cuda", "memory_share": 1.0}


@dataclass(frozen=True, kw_only=True)
class PeakMemory:
    """What the dearest configuration takes.

    Attributes:
        used_bytes: Bytes that torch had reserved at most.
        total_bytes: Bytes of the smallest GPU.
    """

    used_bytes: int
    total_bytes: int

    @property
    def trials_per_gpu(self) -> int:
        """How many trials share a GPU."""
        return max(1, int(self.total_bytes / (HEADROOM * self.used_bytes + CUDA_CONTEXT_BYTES)))

    @property
    def gpu_share(self) -> float:
        """The share of a GPU that each takes, rounded down to what Ray can tell apart."""
        return max(1, int(1 / GPU_RESOLUTION / self.trials_per_gpu)) * GPU_RESOLUTION


MemoryProbe = Callable[[Sequence[Mapping[str, object]]], PeakMemory]
"""Returns what the dearest of some configurations takes."""


def probe_peak_memory(configs: Sequence[Mapping[str, object]]) -> PeakMemory:
    """Return what the dearest configuration takes of the GPU; all of it if it does not fit.

    Args:
        configs: As trials take them.
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
    """Take a few steps of a configuration's last epoch, and examine one batch."""
    trial = Trial(config)
    trial.validation_images = trial.validation_images[: trial.components.exam.exam_batch]
    time_training(trial, trial.train_images[: TRAINING_STEPS * trial.components.data.batch_size])


def measure_peak_memory(
    configs: Sequence[Mapping[str, object]], probe: MemoryProbe = probe_peak_memory
) -> PeakMemory:
    """Return what the dearest configuration takes, from a process that leaves the GPU when done.

    Args:
        configs: As trials take them.
        probe: What is called there.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(probe, configs).result()


def most_expensive_configs(plan: Plan) -> Iterator[dict[str, object]]:
    """Yield, for each variant, what a trial takes with the largest values of all that counts."""
    for variant in plan.variants:
        *_, largest = extreme_knob_values(variant)
        yield build_probe_config(plan, build_configuration(variant, largest), WHOLE_GPU)


def pack_gpus(
    plan: Plan,
    gpus: float,
    print_line: Callable[[str], None],
    measure: MemoryProbe = measure_peak_memory,
) -> Plan:
    """Return a plan whose trials take the share of a GPU that their memory is of it.

    A share that was given, and machines other than this one, are left alone.

    Args:
        plan: The study.
        gpus: Of this machine.
        print_line: Called with what was found.
        measure: Returns what the dearest of some configurations takes.
    """
    if plan.settings.gpu is not None or plan.settings.address is not None or not gpus:
        return plan
    try:
        found = measure(list(most_expensive_configs(plan)))
    except Exception as error:  # a user's file can fail in any way, and so can a driver
        reason = str(error).splitlines()[:1]
        words = ": ".join([type(error).__name__, *reason])
        print_line(f"caution: gpu: its memory cannot be probed ({words}); each trial takes one.")
        return plan
    print_line(
        f"gpu: a trial takes up to {format_bytes(found.used_bytes)} of {format_bytes(found.total_bytes)}, so that "
        f"{found.trials_per_gpu} share a GPU (gpu={found.gpu_share:.4g})."
    )
    return replace(plan, settings=replace(plan.settings, gpu=found.gpu_share))
