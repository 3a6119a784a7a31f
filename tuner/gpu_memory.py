"""What a trial takes of a GPU's memory, and so how many share one.

Ray packs trials by a fraction that it does not check, so that it should be that of the memory. What
asks CUDA, `peak`, has not been run on a GPU; all the rest is tested without one.
"""

import gc
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import torch

from trainables.trial import Trial
from tuner.draws import configuration, extremes
from tuner.estimate import probing
from tuner.plan import Plan
from tuner.probe import timed
from tuner.settings import GRAIN
from tuner.spoken import amount

STEPS = 3
"""By the third step of training everything that a trial keeps is there."""
HEADROOM = 1.1
"""For pieces too small to be of use, which grow in number over a run."""
CONTEXT = 2**29
"""Bytes that CUDA itself takes in a process, which torch does not count."""
WHOLE = {"device": "cuda", "memory_share": 1.0}


@dataclass(frozen=True, kw_only=True)
class Peak:
    """What the dearest configuration takes.

    Attributes:
        used: Bytes that torch had reserved at most.
        total: Bytes of the smallest GPU.
    """

    used: int
    total: int

    @property
    def number(self) -> int:
        """How many trials share a GPU."""
        return max(1, int(self.total / (HEADROOM * self.used + CONTEXT)))

    @property
    def share(self) -> float:
        """The share of a GPU that each takes, rounded down to what Ray can tell apart."""
        return max(1, int(1 / GRAIN / self.number)) * GRAIN


Ask = Callable[[Sequence[Mapping[str, object]]], Peak]
"""Returns what the dearest of some configurations takes."""


def peak(configs: Sequence[Mapping[str, object]]) -> Peak:
    """Return what the dearest configuration takes of the GPU; all of it if it does not fit.

    Args:
        configs: As trials take them.
    """
    cards = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    total, used = min(card.total_memory for card in cards), 0
    for config in configs:
        torch.cuda.reset_peak_memory_stats()
        try:
            exercise(config)
        except torch.OutOfMemoryError:
            return Peak(used=total, total=total)
        used = max(used, torch.cuda.max_memory_reserved())
        gc.collect()
        torch.cuda.empty_cache()
    return Peak(used=used, total=total)


def exercise(config: Mapping[str, object]) -> None:
    """Take a few steps of a configuration's last epoch, and examine one batch."""
    trial = Trial(config)
    trial.validation = trial.validation[: trial.components.exam.exam_batch]
    timed(trial, trial.train[: STEPS * trial.components.data.batch_size])


def measured(configs: Sequence[Mapping[str, object]], ask: Ask = peak) -> Peak:
    """Return what the dearest configuration takes, from a process that leaves the GPU when done.

    Args:
        configs: As trials take them.
        ask: What is called there.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(ask, configs).result()


def dearest(plan: Plan) -> Iterator[dict[str, object]]:
    """Yield, for each variant, what a trial takes with the largest values of all that counts."""
    for variant in plan.variants:
        *_, largest = extremes(variant)
        yield probing(plan, configuration(variant, largest), WHOLE)


def packed(
    plan: Plan,
    gpus: float,
    say: Callable[[str], None],
    measure: Ask = measured,
) -> Plan:
    """Return a plan whose trials take the share of a GPU that their memory is of it.

    A share that was given, and machines other than this one, are left alone.

    Args:
        plan: The study.
        gpus: Of this machine.
        say: Called with what was found.
        measure: Returns what the dearest of some configurations takes.
    """
    if plan.settings.gpu is not None or plan.settings.address is not None or not gpus:
        return plan
    try:
        found = measure(list(dearest(plan)))
    except Exception as error:  # a user's file can fail in any way, and so can a driver
        reason = str(error).splitlines()[:1]
        words = ": ".join([type(error).__name__, *reason])
        say(f"caution: gpu: its memory cannot be probed ({words}); each trial takes one.")
        return plan
    say(
        f"gpu: a trial takes up to {amount(found.used)} of {amount(found.total)}, so that "
        f"{found.number} share a GPU (gpu={found.share:.4g})."
    )
    return replace(plan, settings=replace(plan.settings, gpu=found.share))
