"""Throughput of several trials on one GPU, with and without MPS, and what a search chooses."""

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.attempts import attempt
from benchmarks.gpu.settings import Deadline, Keep, NetworkSettings, Settings, Values
from benchmarks.gpu.trials import build_trial, make_images

MPS_CONTROL = "nvidia-cuda-mps-control"
PIPE_VARIABLE, LOG_VARIABLE = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
CHOICE_SECONDS = 60.0
"""Time that a search has to choose a packing."""
SHARE = re.compile(r"^gpu: .*\(gpu=([\d.]+)\)", re.MULTILINE)
"""The line in which a search prints the share of a GPU that each trial gets."""


def measure_packing(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure epochs a second of all processes together, and what a search chooses."""
    for kind, is_on in (("without MPS", False), ("with MPS", True)):
        keep(kind, attempt(partial(measure_rates, settings, deadline, with_mps=is_on), deadline))
    keep("chosen", attempt(partial(measure_choice, settings, deadline), deadline))


@contextmanager
def mps_environment(*, is_on: bool) -> Iterator[None]:
    """Let processes that are started inside the block use a separate MPS daemon, or none."""
    before = os.environ.get(PIPE_VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        # where no daemon listens, CUDA does without MPS
        os.environ[PIPE_VARIABLE] = os.environ[LOG_VARIABLE] = folder
        try:
            if is_on:
                control_mps("-d")
            yield
        finally:
            if is_on:
                control_mps(request="quit")
            del os.environ[PIPE_VARIABLE], os.environ[LOG_VARIABLE]
            if before is not None:
                os.environ[PIPE_VARIABLE] = before


def control_mps(*options: str, request: str = "") -> None:
    """Run the command that starts MPS and takes requests; its daemon must not keep our output."""
    subprocess.run(
        [MPS_CONTROL, *options],
        input=f"{request}\n".encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=20,
        check=True,
    )


def measure_rates(settings: Settings, deadline: Deadline, *, with_mps: bool) -> Values:
    """Return epochs a second of all processes together, by the number of those that train.

    All processes are started at once; those that do not train wait, and load only the memory.
    """
    if with_mps and not shutil.which(MPS_CONTROL):
        return {"error": f"{MPS_CONTROL} is not installed"}
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    with ExitStack() as stack:
        stack.enter_context(mps_environment(is_on=with_mps))
        workers: list[Connection] = []
        for _ in range(max(settings.packings)):
            ours, theirs = context.Pipe()
            process = context.Process(target=train_on_request, args=(theirs, settings), daemon=True)
            process.start()
            theirs.close()
            stack.callback(process.join, 10)
            stack.callback(ours.close)  # which ends the process
            workers.append(ours)
        for worker in workers:
            if not worker.poll(max(0.0, deadline.seconds_left())):
                return {"error": "out of time: the processes were not ready"}
            worker.recv()
        return {
            str(number): measure_rate(workers[:number], settings)
            for number in settings.packings
            if deadline.seconds_left() > settings.packing_seconds
        }


def measure_rate(workers: list[Connection], settings: Settings) -> float:
    """Return epochs a second of some processes that train at the same time."""
    for worker in workers:
        worker.send(settings.packing_seconds)
    images_per_second: list[float] = [worker.recv() for worker in workers]
    return round(sum(images_per_second) / settings.epoch_images, 4)


def train_on_request(requests: Connection, settings: Settings) -> None:
    """Train for the seconds of each request, and answer with images a second.

    The first answer, without a request, says that the network has been warmed up.
    """
    torch.set_num_threads(1)
    images = 2 * settings.steps_per_call * settings.batch_size
    trial = build_trial(settings, settings.networks[settings.first_network], images=images)
    for _ in range(settings.warm_up_calls):
        trial.train_one_epoch()
    requests.send(0.0)
    while True:
        try:
            seconds: float = requests.recv()
        except EOFError:
            return
        start, trained = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < seconds:
            trial.train_one_epoch()  # waits for the device, as it reads the loss
            trained += images
        requests.send(trained / spent)


def measure_choice(settings: Settings, deadline: Deadline) -> Values:
    """Return how many trials a search lets share the GPU, in the time that is left."""
    network = settings.networks[settings.first_network]
    seconds = min(CHOICE_SECONDS, deadline.seconds_left())
    with tempfile.TemporaryDirectory() as folder:
        return describe_choice(run_dry_search(settings, network, Path(folder), seconds))


def run_dry_search(
    settings: Settings, network: NetworkSettings, folder: Path, seconds: float
) -> str:
    """Return what a search of such trials prints before it starts.

    Args:
        settings: Device and sizes.
        network: The network.
        folder: Where images are written.
        seconds: When the search is interrupted.
    """
    pixels, labels = make_images(network.shape, settings.epoch_images + settings.validation_images)
    np.savez(folder / "images.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    words = [
        *("space=weight_decay", "recipe=cifar10", "data=arrays", "trials=16", "epochs=1"),
        *(f"data.path={folder / 'images.npz'}", f"data.validation={settings.validation_images}"),
        *(f"model={network.model}", f"results={folder}", "dry_run=true"),
        *(f"model.{knob}={value}" for knob, value in network.knobs.items()),
    ]
    command = [sys.executable, "-m", "tuner.search", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # so that it stops what it has started
        output, _ = process.communicate()
    return output


def describe_choice(output: str) -> Values:
    """Return the line in which a search says how many trials share a GPU, and that number."""
    line = next((line for line in output.splitlines() if line.startswith("gpu: ")), "")
    found = SHARE.search(output)
    share = float(found[1]) if found else None
    return {
        "line": line or " ".join(output[-500:].split()),
        "trials": round(1 / share) if share else None,
    }
