"""Cores and GPUs of a cluster: those that are there, and those that come when trials wait."""

from collections.abc import Callable, Iterator

import ray

from trainables.errors import InputError
from tuner.config.resources import check_resources, gpu_share_per_trial
from tuner.config.settings import Settings

AUTOSCALER_HINT = (
    "address: if machines come to that cluster when trials wait for them, write concurrency=N, how "
    "many are to run at a time."
)


def capacity(settings: Settings) -> tuple[float, float]:
    """Return the cores and GPUs of the cluster, or those that it is asked to have.

    A cluster may grow when trials wait for machines: where the user says how many are to run at a
    time, so many are asked for.

    Raises:
        InputError: If no node of it could ever hold a trial.
    """
    cpu, gpu = alive_resources(sum)
    if asked := requested_trials(settings):
        return max(cpu, asked * settings.cpu), max(gpu, asked * gpu_share_per_trial(settings, gpu))
    if problems := list(
        check_resources(settings, *alive_resources(max), "the largest node of the cluster")
    ):
        raise InputError([*problems, AUTOSCALER_HINT])
    return cpu, gpu


def check_node_capacity(settings: Settings) -> Iterator[str]:
    """Yield that no machine of the cluster can hold a trial yet, if so."""
    if requested_trials(settings) and list(
        check_resources(settings, *alive_resources(max), "the largest node")
    ):
        yield "address: no node of the cluster has room for a trial; trials wait until one comes."


def requested_trials(settings: Settings) -> int:
    """Return how many trials a cluster is asked to hold; none if that is for the cluster to say."""
    return settings.concurrency or 0 if settings.address else 0


def alive_resources(reduce: Callable[[list[float]], float]) -> tuple[float, float]:
    """Return the cores and GPUs of the nodes that are there, `reduce` all."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    return reduce([n.get("CPU", 0.0) for n in nodes]), reduce([n.get("GPU", 0.0) for n in nodes])
