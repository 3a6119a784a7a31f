"""NVIDIA's Multi-Process Service (MPS): trials that share a GPU compute at the same time.

Without it their processes take turns. A study on this machine starts a separate daemon and ends it;
processes find the daemon by a folder that an environment variable names.

It has not been run on a GPU: tests put a script in the place of NVIDIA's program.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import ray

from tuner.config.settings import Settings

MPS_CONTROL = "nvidia-cuda-mps-control"
PIPE_VARIABLE = "CUDA_MPS_PIPE_DIRECTORY"
LOG_VARIABLE = "CUDA_MPS_LOG_DIRECTORY"
DEFAULT_PIPE_FOLDER = "/tmp/nvidia-mps"
MAX_CLIENTS = 48
"""Processes that one MPS server allows on a GPU since Volta."""
START_SECONDS = 60.0
"""Time for the daemon to start, and for a process to use the GPU through it."""
STOP_SECONDS = 30.0
"""Time for the daemon to end."""
GUARD = f'cat; echo quit | {MPS_CONTROL}; rm -rf "$0"'
"""A shell that ends the daemon once its input ends, however this process ends: even killed."""
CLIENT = "import torch; torch.ones(1, device='cuda').item()"


class Mps:
    """The MPS daemon of a study, or none.

    Attributes:
        error: Why it could not be started; empty if it was not tried.
    """

    def __init__(self) -> None:
        self.error = ""
        self.folder = ""
        self.guard: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str | None] = {}

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self.guard is not None

    def start(self, check_client: Callable[[], None]) -> None:
        """Start the daemon for processes that this one starts; `error` says why if it fails.

        Args:
            check_client: Uses the GPU in a process.
        """
        try:
            self.folder = tempfile.mkdtemp(prefix="attuner-mps-")
            folders = {PIPE_VARIABLE: f"{self.folder}/pipe", LOG_VARIABLE: f"{self.folder}/log"}
            for path in folders.values():
                Path(path).mkdir()
            self.environment = {name: os.environ.get(name) for name in folders}
            os.environ |= folders
            self.guard = subprocess.Popen(
                ["sh", "-c", GUARD, self.folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C goes to all processes of a session
            )
            run([MPS_CONTROL, "-d"])
            check_client()
        except (OSError, subprocess.SubprocessError) as error:
            self.stop()
            self.error = describe(error)

    def stop(self) -> None:
        """End the daemon and delete its folder; processes started from now on do not use it."""
        for name, value in self.environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self.environment = {}
        guard, self.guard = self.guard, None
        if guard is None:  # which would delete the folder
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        assert guard.stdin is not None
        guard.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            guard.wait(STOP_SECONDS)  # a process that still uses the GPU delays it


def run(command: list[str]) -> None:
    """Run a command in a separate session.

    Raises:
        OSError: If it cannot be started.
        SubprocessError: If it fails or does not end.
    """
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
        timeout=START_SECONDS,
        start_new_session=True,
    )


def use_gpu() -> None:
    """Use the GPU in a process, which fails if the MPS server does.

    Raises:
        SubprocessError: If it cannot be used.
    """
    run([sys.executable, "-c", CLIENT])


def describe(error: OSError | subprocess.SubprocessError) -> str:
    """Return an error of a command in one line: the last line that it printed, if any."""
    printed = (getattr(error, "stderr", None) or getattr(error, "stdout", None) or "").strip()
    return printed.splitlines()[-1] if printed else str(error)


@contextmanager
def mps_for_shared_gpus(
    settings: Settings, gpus: float, check_client: Callable[[], None] = use_gpu
) -> Iterator[Mps]:
    """Run MPS inside this context if trials of this machine may share a GPU.

    Args:
        settings: Settings of the study.
        gpus: Number of GPUs of this machine.
        check_client: Uses the GPU in a process.
    """
    mps = Mps()
    try:
        if may_start(settings, gpus):
            mps.start(check_client)
        yield mps
    finally:
        mps.stop()


def may_start(settings: Settings, gpus: float) -> bool:
    """Return whether a study may start MPS: trials may share a GPU, and it would serve only them.

    Args:
        settings: Settings of the study.
        gpus: Number of GPUs of this machine.
    """
    may_share = settings.gpu is None or 1 / MAX_CLIENTS <= settings.gpu < 1
    # the processes of a Ray that runs already would not find the daemon
    ours = settings.address is None and not ray.is_initialized()
    return bool(gpus) and may_share and ours and settings.mps and is_installed() and not runs()


def is_installed() -> bool:
    """Return whether this machine has MPS."""
    return shutil.which(MPS_CONTROL) is not None


def runs() -> bool:
    """Return whether a daemon runs that new processes would use."""
    return Path(os.environ.get(PIPE_VARIABLE, DEFAULT_PIPE_FOLDER), "control").exists()


def mps_hints(share: float, error: str = "") -> Iterator[str]:
    """Yield a hint to start MPS where trials share a GPU without it.

    Args:
        share: Share of a GPU of each trial.
        error: Why it could not be started; empty if it was not tried.
    """
    if not 0 < share < 1 or not is_installed() or runs():
        return
    failed = f"NVIDIA's MPS could not be started ({error}), and " if error else ""
    yield (
        f"gpu: {failed}trials that share a GPU take turns on it; start NVIDIA's MPS first "
        f"({MPS_CONTROL} -d) to run them at the same time, or write mps=false."
    )
