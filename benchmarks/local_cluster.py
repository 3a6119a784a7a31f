"""Ray on several nodes that all are on this machine."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

NODES = 3
HEALTH_CHECK = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "5"}
"""How soon a node counts as dead: five seconds rather than fifteen."""
NODE_SETTINGS = {"RAY_AUTH_MODE": "token"}
"""Without it `ray start --address` does not look for its token."""
HIDDEN_GPU = "99"
"""The number of a GPU that there is not: Ray counts one, and torch finds none."""
TIMEOUT = 300.0
"""Seconds for what takes one minute."""


@dataclass(frozen=True)
class Cluster:
    """Ray on several nodes.

    Attributes:
        address: To join it by.
        dashboard: The address of its dashboard, which jobs are submitted to.
        environment: Of processes that may join it.
        head_arguments: How its head node is started.
        sessions: The session of each node, as processes have them; the head comes first.
    """

    address: str
    dashboard: str
    environment: Mapping[str, str]
    head_arguments: list[str]
    sessions: list[int]

    def start(self) -> None:
        """Start the head, or once there is one another node, and wait until it is up.

        Nodes that begin together on one machine take each other's sockets. Only those that join
        need to know that there is a token.
        """
        joining = bool(self.sessions)
        arguments = [f"--address={self.address}"] if joining else self.head_arguments
        started = start_node(arguments, {**self.environment, **(NODE_SETTINGS if joining else {})})
        self.sessions.append(started.pid)
        wait_for_node(started)

    def kill(self) -> None:
        """Kill all nodes at once."""
        while self.sessions:
            kill_node(self.sessions.pop())


@contextmanager
def start_cluster(
    nodes: int = NODES, *, dashboard: bool = False, **settings: str
) -> Iterator[Cluster]:
    """Give a cluster with a separate token, and end it.

    Args:
        nodes: How many.
        dashboard: Whether its dashboard is started.
        settings: Variables of the environment of all its processes.
    """
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # sockets lie in it, whose paths must be short
    (folder / "token").write_text(secrets.token_hex(32))
    token = {"RAY_AUTH_TOKEN_PATH": str(folder / "token"), "CUDA_VISIBLE_DEVICES": HIDDEN_GPU}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "CUDA_"))}
    # a busy machine takes longer than Ray waits
    patience = {"RAY_raylet_start_wait_time_s": str(int(TIMEOUT))}
    environment = kept | token | HEALTH_CHECK | patience
    port, jobs = free_port(), free_port()
    head = [f"--port={port}", "--head", f"--temp-dir={folder}", f"--dashboard-port={jobs}"]
    # the usual ports are those of one cluster a machine
    head += [f"--ray-client-server-port={free_port()}", "--dashboard-agent-listen-port=0"]
    head += [f"--include-dashboard={str(dashboard).lower()}"]
    addresses = f"127.0.0.1:{port}", f"http://127.0.0.1:{jobs}"
    running = Cluster(*addresses, environment | settings, head, [])
    try:
        for _ in range(nodes):
            running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)


def start_node(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Return a `ray start`, in a session that its node's processes stay in."""
    room = ["--num-cpus=4", "--num-gpus=1", "--object-store-memory=100000000"]
    program = [sys.executable, "-m", "ray.scripts.scripts", "start", *room, *arguments]
    program += ["--disable-usage-stats", "--node-ip-address=127.0.0.1"]
    return subprocess.Popen(
        program, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
    )


def wait_for_node(started: subprocess.Popen[bytes]) -> None:
    """Wait until a node is up.

    Raises:
        RuntimeError: If it does not start.
    """
    if started.wait(TIMEOUT):
        raise RuntimeError(f"ray start ended with status {started.returncode}")


def kill_node(session: int) -> None:
    """Kill all processes of a node at once, as a power cut does."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    for pid in map(int, listed.stdout.split()):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
