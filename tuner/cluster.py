"""The machines that trials run on: those of a cluster, or this one."""

import logging
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private.authentication.authentication_token_setup import (
    maybe_enable_token_auth_if_token_available,
)
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from trainables.node_cache import clear
from trainables.problems import InputError
from tuner.admission import admitted
from tuner.lifeline import knock
from tuner.loopback import loopback
from tuner.place import Local, Remote
from tuner.resources import here
from tuner.room import room
from tuner.settings import CLIENT, Settings
from tuner.shipping import environment

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
NOT_READY = "Starting Ray client server failed"
TRIES = 3
"""Of a connection over Ray Client: a server for it may die as it is forked, half a minute lost."""
PATIENCE = 5.0
"""Seconds to wait for nodes that delete what they have read."""


@contextmanager
def joined(settings: Settings, files: Iterable[Path] = ()) -> Iterator[tuple[float, float]]:
    """Start or join Ray while inside; give the cores and GPUs of all its nodes.

    Where this process has joined Ray already, as a notebook may have, that is used and left alone.

    Args:
        settings: Say which cluster, and what a trial takes.
        files: Of the user's own, that trials import.

    Raises:
        InputError: If there is no such cluster, or no node of it could ever hold a trial.
    """
    if ray.is_initialized():
        yield room(settings)
        return
    begin(settings, files)
    try:
        yield room(settings)
    finally:
        ray.shutdown()


def begin(settings: Settings, files: Iterable[Path]) -> None:
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
    as_told()
    try:
        found = answering(settings.address)
        with environment(files, settings.results) as sent:
            join(found, sent)
    except AuthenticationError:
        raise InputError([
            f"address: the Ray cluster at {settings.address} refuses this machine's token; copy "
            "~/.ray/auth_token of its head node here, or write RAY_AUTH_TOKEN_PATH=FILE before "
            "the command."
        ]) from None
    except (OSError, ValueError, RuntimeError, RayError) as error:
        printed = "HOST:PORT as `ray start --head` printed it"
        form = f"{CLIENT}HOST:10001" if settings.afar else printed
        raise InputError([
            f"address: no Ray cluster at {settings.address} ({reason(error)}); write {form}, with "
            "its token in ~/.ray/auth_token if it has one, or leave address out to run on this "
            "machine."
        ]) from None


def join(address: str, sent: dict[str, object]) -> None:
    """Join a cluster; one that has just begun may not be ready for clients the first time.

    Raises:
        ConnectionAbortedError: If it never is.
    """
    for left in reversed(range(TRIES)):
        try:
            ray.init(address=address, runtime_env=sent, **QUIET)
        except ConnectionAbortedError as error:
            if not left or NOT_READY not in str(error):
                raise
        else:
            return


def reason(error: Exception) -> str:
    """Return what an error of Ray comes down to: its first line, or what that line announces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if not lines[0].endswith(":"):
        return lines[0]
    return lines[-1] if any(line.startswith("Traceback") for line in lines) else " ".join(lines)


def as_told() -> None:
    """Have Ray look for a token; of itself it does where it is given no address.

    Raises:
        InputError: If there is none in the file that is named for it.
    """
    try:
        maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    except AuthenticationError as error:
        raise InputError([f"address: Ray's token cannot be read: {error.message}"]) from None


def answering(address: str) -> str:
    """Return the address of a cluster that answers, "auto" resolved.

    Ray itself would ask an address where there is none for 20 seconds or more.

    Raises:
        ConnectionError: If nobody is there.
        AuthenticationError: If the cluster wants another token.
        RayError: If whoever is there is no cluster.
    """
    if address.startswith(CLIENT):
        server = address.removeprefix(CLIENT)
        knock(server)
        admitted(server)
        return address
    found: str | None = canonicalize_bootstrap_address(address)
    if found is None:
        raise ConnectionError("this machine is not a node of one")
    knock(found)
    GcsClient(address=found)
    return found


def others() -> list[str]:
    """Return a node of each machine but this one."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    each = {node["NodeManagerHostname"]: node["NodeID"] for node in nodes if node["Alive"]}
    return [node for host, node in each.items() if host != socket.gethostname()]


def unshared(place: Local) -> Iterator[str]:
    """Yield what may be wrong with results that all machines of a cluster write to."""
    machines = len(others()) + 1
    if machines > 1 and not isinstance(place, Remote):
        yield (
            f"results: {machines} machines write to {place.folder}, which must be a folder that "
            "all of them share; if it is not, write results=s3://bucket/path."
        )


def forget(study: str) -> None:
    """Delete what trials of a study have read, on every node."""
    away = ray.remote(num_cpus=0)(clear)
    left = [
        away.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            study
        )
        for node in others()
    ]
    clear(study)
    if left:
        ray.wait(left, num_returns=len(left), timeout=PATIENCE)
