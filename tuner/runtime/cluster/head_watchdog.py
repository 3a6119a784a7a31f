"""Watch the processes of Ray that a study cannot live without; save its results if one is lost."""

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray._private.worker import global_worker

HEAD_TIMEOUT = 40.0
"""Seconds to wait for a silent head. After 60, Ray kills this process without results."""
POLL_SECONDS = 1.0
"""Seconds between two probes."""
CONNECT_TIMEOUT = 5.0
"""Seconds until a connection attempt fails."""
PEER_FORMAT = "3i"
"""Process, user and group of the other end of a local connection, as Linux gives them."""


@contextmanager
def watch_ray(warn: Callable[[str], None], on_lost: Callable[[str], int]) -> Iterator[None]:
    """Watch Ray inside this context; end the process if the head or the local raylet is lost.

    Without a head, Ray kills this process and no results are saved; without the raylet, which
    starts the processes of this machine, no trial reports any more. This runs in a thread, because
    the main thread may block in a call to Ray.

    Args:
        warn: Called when the head does not answer.
        on_lost: Called with the reason; saves the results and returns the exit status.
    """
    stop_event = threading.Event()
    head = ray.get_runtime_context().gcs_address
    raylet = find_raylet()

    def monitor() -> None:
        if reason := wait_until_lost(head, raylet, stop_event, warn):
            status = on_lost(reason)
            sys.stdout.flush()
            os._exit(status)

    thread = threading.Thread(target=monitor, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop_event.set()
        thread.join()


def find_raylet() -> int | None:
    """Return the process id of the raylet of this machine; `None`: the system cannot say.

    The kernel knows it from a connection to its socket.
    """
    if global_worker.node is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(global_worker.node.raylet_socket_name)
        size = struct.calcsize(PEER_FORMAT)
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    process: int = struct.unpack(PEER_FORMAT, peer)[0]
    return process


def is_alive(process: int) -> bool:
    """Return whether a process of this Linux machine runs; one that has ended may be a zombie."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_until_lost(
    head: str, raylet: int | None, stop_event: threading.Event, warn: Callable[[str], None]
) -> str:
    """Wait until a process of Ray is lost, or `stop_event` is set; return the reason, or "".

    Args:
        head: Address of the head, HOST:PORT.
        raylet: Process id of the raylet of this machine; `None`: it is not watched.
        stop_event: Set when the study is over.
        warn: Called when the head falls silent.
    """
    last_answer = time.monotonic()
    has_warned = False
    while not stop_event.wait(POLL_SECONDS):
        if raylet is not None and not is_alive(raylet):
            return f"Ray's process on this machine (raylet, process {raylet}) has died"
        try:
            probe_port(head)
        except OSError as error:
            if not has_warned:
                why = os.strerror(error.errno) if error.errno else error
                warn(f"the head node of the Ray cluster, {head}, does not answer ({why}).")
            has_warned = True
            if time.monotonic() - last_answer > HEAD_TIMEOUT:
                return f"the head node of the Ray cluster, {head}, is gone"
        else:
            last_answer, has_warned = time.monotonic(), False
    return ""


def probe_port(address: str) -> None:
    """Connect to HOST:PORT once.

    Raises:
        OSError: If no process listens there.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT).close()
