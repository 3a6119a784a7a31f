"""Resources of a trial, and checks against those of the machines."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace

import torch

from trainables.networks.precision import resolve_precision
from tuner.config.settings import Settings, count_cores


def gpu_share_per_trial(settings: Settings, available: float) -> float:
    """Return the share of a GPU of a trial; `available` is the number of GPUs."""
    if settings.gpu is not None:
        return settings.gpu
    return 1.0 if available else 0.0


def check_resources(settings: Settings, cpu: float, gpu: float, machine: str) -> Iterator[str]:
    """Yield the resource requests that no machine can meet.

    Args:
        settings: Settings of the study.
        cpu: Cores of the largest machine.
        gpu: GPUs of the largest machine.
        machine: Name of that machine for messages.
    """
    if settings.cpu > cpu:
        yield f"cpu: must be at most {cpu:g}, the cores of {machine}, got {settings.cpu:g}."
    wanted = settings.gpu or 0.0
    if wanted > 1 and wanted != int(wanted):
        yield f"gpu: must be a whole number above 1, got {wanted:g}; write gpu={int(wanted)}."
    if wanted > gpu:
        has = f"has {gpu:g}" if gpu else "has no GPU"
        yield f"gpu: a trial asks for {wanted:g}, {machine} {has}; leave gpu out to run on its CPU."


def count_concurrent_trials(settings: Settings, cpu: float, gpu: float) -> int:
    """Return how many trials run at a time on `cpu` cores and `gpu` GPUs, at least 1."""
    share = gpu_share_per_trial(settings, gpu)
    limits = [cpu / settings.cpu, *([gpu / share] if share else [])]
    if settings.concurrency:
        limits.append(settings.concurrency)
    return max(1, int(min(limits) + 1e-9))


def machine_memory() -> float:
    """Return the memory of this machine in bytes; infinity where it is unknown."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def local_resources() -> tuple[float, float]:
    """Return the cores and GPUs of this machine."""
    return float(count_cores()), float(torch.cuda.device_count())


def settle_precision(settings: Settings) -> Settings:
    """Return settings with the precision of this machine in place of "auto".

    On a cluster the machine of each trial decides.
    """
    if settings.address is not None:
        return settings
    device = "cuda" if torch.cuda.is_available() and settings.gpu != 0 else "cpu"
    return replace(settings, precision=resolve_precision(settings.precision, device))


def device_config(gpu: float) -> dict[str, object]:
    """Return the device of a trial and the share of its memory that it may use."""
    return {"device": "cuda", "memory_share": min(gpu, 1.0)} if gpu else {"device": "cpu"}


def resolve_concurrency(settings: Settings, cpu: float, gpu: float) -> tuple[int, float]:
    """Return how many trials run at a time, and the share of a GPU of each."""
    return count_concurrent_trials(settings, cpu, gpu), gpu_share_per_trial(settings, gpu)
