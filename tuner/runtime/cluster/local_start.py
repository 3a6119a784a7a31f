"""Start Ray on this machine; imports no PyTorch, so that Ray starts while PyTorch is imported."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypedDict

import ray
from ray._private import ray_constants

from trainables.errors import InputError
from tuner.config.settings import Settings


class RayInitOptions(TypedDict):
    """The options of `ray.init` that are the same everywhere."""

    log_to_driver: bool
    logging_level: int


RAY_INIT_OPTIONS: RayInitOptions = {"log_to_driver": False, "logging_level": logging.ERROR}
TRIAL_MODULES = ("trainables.training.ray_trainable", "torch._dynamo")
"""What a trial imports before its first step; the second by `Optimizer.step`."""


def start_here(settings: Settings, cpu: float, gpu: float) -> None:
    """Start Ray on this machine.

    If trials will use most of its cores, the processes that Ray starts with them import at once
    what trials need. They do so while this process still checks the study.

    Args:
        settings: Settings of the study.
        cpu: Cores of this machine.
        gpu: GPUs of this machine.

    Raises:
        InputError: If it fails.
    """
    share = settings.gpu if settings.gpu is not None else float(gpu > 0)
    at_a_time = min(cpu / settings.cpu, gpu / share if share else cpu, settings.concurrency or cpu)
    preloaded = list(TRIAL_MODULES) if 2 * at_a_time >= cpu else []
    start = partial(
        ray.init,
        num_cpus=int(cpu),
        num_gpus=int(gpu),
        # with True, a dashboard that fails to start keeps Ray from starting
        include_dashboard=None if settings.dashboard else False,
        _system_config={"preload_python_modules": preloaded},
        **RAY_INIT_OPTIONS,
    )
    with listen_on_loopback():
        start_with_retry(start)


def start_with_retry(start: Callable[[], object]) -> None:
    """Start Ray on this machine; try once more, because on a loaded machine it may be too slow.

    Raises:
        InputError: If it fails twice.
    """
    try:
        start()
    except Exception:  # Ray raises this class if it "timed out during startup"
        ray.shutdown()
        try:
            start()
        except Exception as error:
            ray.shutdown()
            raise InputError([
                f"Ray could not be started on this machine ({summarize_error(error)}); it may be "
                "out of memory, of processes or of space in /tmp. Free some and run the same "
                "command again, with resume=auto if it has run before."
            ]) from None


def summarize_error(error: Exception) -> str:
    """Return the first line of an error of Ray, or all lines where the first ends in a colon."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return " ".join(lines) if lines[0].endswith(":") else lines[0]


@contextmanager
def listen_on_loopback() -> Iterator[None]:
    """Make a Ray started inside this context listen on 127.0.0.1 only.

    Ray does this on macOS and Windows, where it supports no clusters. No argument selects it:
    Ray replaces a loopback `_node_ip_address` by an outer address.
    """
    default = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = default
