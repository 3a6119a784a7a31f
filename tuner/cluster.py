"""The machines that trials run on: those of a cluster, or this one."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from trainables.problems import InputError
from tuner.loopback import loopback
from tuner.resources import here, unmet
from tuner.settings import Settings

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


@contextmanager
def joined(settings: Settings) -> Iterator[tuple[float, float]]:
    """Start or join Ray while inside; give the cores and GPUs of all its nodes.

    Where this process has joined Ray already, as a notebook may have, that is used and left alone.

    Raises:
        InputError: If there is no such cluster, or no node of it could ever hold a trial.
    """
    if ray.is_initialized():
        yield room(settings)
        return
    begin(settings)
    try:
        yield room(settings)
    finally:
        ray.shutdown()


def begin(settings: Settings) -> None:
    """Start Ray on this machine, or join the cluster that is asked for.

    Raises:
        InputError: If there is none.
    """
    if settings.address is None:
        cpu, gpu = map(int, here())
        # with None rather than True a dashboard that cannot start does not keep Ray from starting
        shown = None if settings.dashboard else False
        with loopback():
            ray.init(num_cpus=cpu, num_gpus=gpu, include_dashboard=shown, **QUIET)
        return
    try:
        ray.init(address=settings.address, **QUIET)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"address: no Ray cluster at {settings.address} ({reason})."]) from None


def room(settings: Settings) -> tuple[float, float]:
    """Return the cores and GPUs of the cluster.

    Raises:
        InputError: If no node of it could ever hold a trial.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    cpu, gpu = (max(node.get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU"))
    if problems := list(unmet(settings, cpu, gpu, "the largest node of the cluster")):
        raise InputError(problems)
    return sum(node.get("CPU", 0.0) for node in nodes), sum(node.get("GPU", 0.0) for node in nodes)
