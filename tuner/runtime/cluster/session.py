"""Start Ray on this machine or join a cluster."""

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray._private.authentication.authentication_token_setup import (
    maybe_enable_token_auth_if_token_available,
)
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.exceptions import AuthenticationError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from trainables.data_pipeline.node_cache import clear_cache
from trainables.errors import InputError
from tuner.config.resources import local_resources
from tuner.config.settings import Settings
from tuner.runtime.cluster.capacity import capacity
from tuner.runtime.cluster.head_watchdog import probe_port
from tuner.runtime.cluster.local_start import RAY_INIT_OPTIONS, start_here, summarize_error
from tuner.runtime.cluster.runtime_env import runtime_environment
from tuner.storage.results_store import LocalStore, RemoteStore

CACHE_CLEAR_SECONDS = 5.0
"""Seconds to wait for nodes that clear their data cache."""


@contextmanager
def ray_session(
    settings: Settings,
    user_files: Iterable[Path] = (),
    wait_for_start: Callable[[], None] | None = None,
) -> Iterator[tuple[float, float]]:
    """Start or join Ray inside this context; yield the cores and GPUs of all nodes.

    A Ray that this process has already joined, as in a notebook, is used and not shut down.

    Args:
        settings: The cluster and the resources of a trial.
        user_files: User-supplied files that trials import.
        wait_for_start: Waits for a Ray that was started for this session in the background;
            `None`: none was.

    Raises:
        InputError: If no cluster answers there, or no node can hold a trial.
    """
    if wait_for_start:
        wait_for_start()
    elif ray.is_initialized():
        yield capacity(settings)
        return
    else:
        start_or_join(settings, user_files)
    try:
        yield capacity(settings)
    finally:
        ray.shutdown()


def start_or_join(settings: Settings, user_files: Iterable[Path]) -> None:
    """Start Ray on this machine, or join the cluster of the settings.

    Raises:
        InputError: If no cluster answers there.
    """
    if settings.address is None:
        start_here(settings, *local_resources())
        return
    enable_token_auth()
    try:
        resolved = resolve_address(settings.address)
        with runtime_environment(user_files) as runtime_env:
            ray.init(address=resolved, runtime_env=runtime_env, **RAY_INIT_OPTIONS)
    except AuthenticationError:
        raise InputError([
            f"address: the Ray cluster at {settings.address} refuses this machine's token; copy "
            "~/.ray/auth_token of its head node here, or write RAY_AUTH_TOKEN_PATH=FILE before "
            "the command."
        ]) from None
    except (OSError, ValueError, RuntimeError, RayError) as error:
        raise InputError([
            f"address: no Ray cluster at {settings.address} ({summarize_error(error)}); write "
            "HOST:PORT as `ray start --head` printed it, with its token in ~/.ray/auth_token if "
            "it has one, or leave address out to run on this machine."
        ]) from None


def enable_token_auth() -> None:
    """Make Ray load its token, which it does not do if an address is given.

    Raises:
        InputError: If the token file cannot be read.
    """
    try:
        maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
    except AuthenticationError as error:
        raise InputError([f"address: Ray's token cannot be read: {error.message}"]) from None


def resolve_address(address: str) -> str:
    """Return the address of a cluster that answers, "auto" resolved.

    Probed first, because Ray waits 20 seconds or more for an address that does not answer.

    Raises:
        ConnectionError: If no process listens there.
        AuthenticationError: If the cluster rejects the token.
        RayError: If that process is not a Ray cluster.
    """
    resolved: str | None = canonicalize_bootstrap_address(address)
    if resolved is None:
        raise ConnectionError("this machine is not a node of a cluster")
    probe_port(resolved)
    GcsClient(address=resolved)
    return resolved


def other_nodes() -> list[str]:
    """Return the id of one node on each alive machine other than this one."""
    nodes = ray.nodes()
    node_of_host = {node["NodeManagerHostname"]: node["NodeID"] for node in nodes if node["Alive"]}
    return [node for host, node in node_of_host.items() if host != socket.gethostname()]


def check_shared_results(store: LocalStore) -> Iterator[str]:
    """Yield a warning if several machines write to a local results folder."""
    machines = len(other_nodes()) + 1
    if machines > 1 and not isinstance(store, RemoteStore):
        yield (
            f"results: {machines} machines write to {store.folder}, which must be a folder that "
            "all of them share; if it is not, write results=s3://bucket/path."
        )


def clear_node_caches(study: str) -> None:
    """Delete the cached data of a study on every node."""
    remote_clear = ray.remote(num_cpus=0)(clear_cache)
    pending = [
        remote_clear.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
        ).remote(study)
        for node in other_nodes()
    ]
    clear_cache(study)
    if pending:
        ray.wait(pending, num_returns=len(pending), timeout=CACHE_CLEAR_SECONDS)
