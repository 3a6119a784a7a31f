"""What a trial takes of a machine, and whether there is a machine that has it."""

from collections.abc import Iterator

import torch

from tuner.settings import Settings, cores


def gpus() -> int:
    """Return the GPUs of this machine."""
    return torch.cuda.device_count()


def share_of_gpu(settings: Settings, available: float) -> float:
    """Return the share of a GPU that a trial takes."""
    if settings.gpu is not None:
        return settings.gpu
    return 1.0 if available else 0.0


def unmet(settings: Settings, cpu: float, gpu: float, where: str) -> Iterator[str]:
    """Yield the requests that can never be met, so that nobody waits for them.

    Args:
        settings: What a trial asks for.
        cpu: Cores of the largest machine.
        gpu: GPUs of the largest machine.
        where: That machine, in words.
    """
    if settings.cpu > cpu:
        yield f"cpu: must be at most {cpu:g}, the cores of {where}, got {settings.cpu:g}."
    wanted = settings.gpu or 0.0
    if wanted > 1 and wanted != int(wanted):
        yield f"gpu: must be a whole number above 1, got {wanted:g}; write gpu={int(wanted)}."
    if wanted > gpu:
        has = f"has {gpu:g}" if gpu else "has no GPU"
        yield f"gpu: a trial asks for {wanted:g}, {where} {has}; leave gpu out to run on its CPU."


def fitting(settings: Settings, cpu: float, gpu: float) -> int:
    """Return how many trials run at a time on so many cores and GPUs, at least 1."""
    share = share_of_gpu(settings, gpu)
    rooms = [cpu / settings.cpu, *([gpu / share] if share else [])]
    if settings.concurrency:
        rooms.append(settings.concurrency)
    return max(1, int(min(rooms) + 1e-9))


def here() -> tuple[float, float]:
    """Return the cores and GPUs of this machine."""
    return float(cores()), float(gpus())
