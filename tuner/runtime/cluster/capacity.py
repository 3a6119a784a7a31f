"""Cores and GPUs of a cluster: present, or requested from an autoscaler."""

from collections.abc import Callable, Iterator

import ray

from trainables.errors import InputError
from tuner.config.resources import check_resources, gpu_share_per_trial
from tuner.config.settings import Settings

AUTOSCALER_HINT = (
    "address: if the cluster starts machines for pending trials, write concurrency=N, the number "
    "of trials at a time."
)


def capacity(settings: Settings) -> tuple[float, float]:
    """Return the cores and GPUs of the cluster, present or requested.

    An autoscaling cluster grows for pending trials: if `concurrency` is given, the resources of
    that many trials count as available.

    Raises:
        InputError: If no node can hold a trial.
    """
    cpu, gpu = alive_resources(sum)
    if requested := requested_trials(settings):
        gpu_share = gpu_share_per_trial(settings, gpu)
        return max(cpu, requested * settings.cpu), max(gpu, requested * gpu_share)
    if problems := list(
        check_resources(settings, *alive_resources(max), "the largest node of the cluster")
    ):
        raise InputError([*problems, AUTOSCALER_HINT])
    return cpu, gpu


def check_node_capacity(settings: Settings) -> Iterator[str]:
    """Yield a warning if no node of the cluster can hold a trial yet."""
    if requested_trials(settings) and list(
        check_resources(settings, *alive_resources(max), "the largest node")
    ):
        yield "address: no node of the cluster can hold a trial yet; trials wait for one."


def requested_trials(settings: Settings) -> int:
    """Return the number of trials that a cluster should hold; 0 if it is not given."""
    return settings.concurrency or 0 if settings.address else 0


def alive_resources(reduce: Callable[[list[float]], float]) -> tuple[float, float]:
    """Return the cores and the GPUs of all alive nodes, each combined by `reduce`."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return reduce([n.get("CPU", 0.0) for n in nodes]), reduce([n.get("GPU", 0.0) for n in nodes])
