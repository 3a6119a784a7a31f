"""Measure how much faster trials train together if they share a GPU.

The rate is measured rather than computed from the time in which kernels run: kernels of several
trials overlap if they are small, processes take turns without NVIDIA's MPS, and CPU cores and
memory bandwidth are shared too. 1, 2, 4 and 8 processes train the same configuration at once, until
twice as many are hardly faster. It takes some seconds after the processes have started: one after
another their steps would take 1 + 2 + 4 + 8 seconds.

The processes and their clock have not been run on a GPU; tests run them on a CPU.
"""

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from typing import Protocol

from trainables.data_pipeline.batches import count_batches
from trainables.data_pipeline.images import Images
from trainables.training.graphed_update import WARM_UP_STEPS
from trainables.training.trial import Trial
from tuner.config.preflight.timing import time_training

COUNTS = (1, 2, 4, 8)
"""Numbers of trials that are tried; 4 filled an H200 with PreAct-ResNet-18 and 8 were no faster."""
GAIN = 1.05
"""More trials must be faster by this factor; timings differ by less than 5 % from run to run."""
CALIBRATION_STEPS = 4
"""Steps that are timed first, to choose how many to run."""
SLICE_SECONDS = 1.0
"""Time of the steps of one measurement, for a trial that has the GPU alone."""
MAX_SECONDS = 20.0
"""Time after which no larger number of trials is tried."""
ANSWER_SECONDS = 120.0
"""Longest time to wait for a process."""


class ProbeProcess(Protocol):
    """A process that trains steps whenever it is asked."""

    def start(self, steps: int) -> None:
        """Let it train `steps` steps.

        Raises:
            ProbeError: If it has ended.
        """
        ...

    def wait(self) -> float:
        """Return the seconds of these steps.

        Raises:
            ProbeError: If it failed.
        """
        ...


class ProbeError(RuntimeError):
    """A process could not train."""


@dataclass(frozen=True)
class PipedProcess:
    """A process at the other end of a pipe, which runs `serve_steps`."""

    connection: Connection

    def start(self, steps: int) -> None:
        """Let it train `steps` steps.

        Raises:
            ProbeError: If it has ended.
        """
        try:
            self.connection.send(steps)
        except OSError as error:
            raise ProbeError("a process of the probe has ended") from error

    def wait(self) -> float:
        """Return the seconds of these steps; of its start, 0.

        Raises:
            ProbeError: If it failed.
        """
        try:
            if not self.connection.poll(ANSWER_SECONDS):
                raise ProbeError(f"a process of the probe was silent for {ANSWER_SECONDS:.0f} s")
            answer = self.connection.recv()
        except (EOFError, OSError) as error:
            raise ProbeError("a process of the probe has ended") from error
        if isinstance(answer, str):
            raise ProbeError(answer)
        seconds: float = answer
        return seconds


def serve_steps(connection: Connection, config: Mapping[str, object]) -> None:
    """Train as many steps as arrive over `connection` and answer with their seconds, until it ends.

    Args:
        connection: Receives numbers of steps; gets 0.0 once steps run at full speed, and the text
            of an error.
        config: Configuration of a trial.
    """
    try:
        trial = Trial(config)
        train, validation = trial.train_images, trial.validation_images
        run_steps(trial, train, validation, WARM_UP_STEPS + 2)
        connection.send(0.0)
        while True:
            steps = connection.recv()
            start = time.perf_counter()
            run_steps(trial, train, validation, steps)
            connection.send(time.perf_counter() - start)
    except EOFError:
        return
    except Exception as error:  # a user-supplied file or the driver can raise anything
        connection.send(": ".join([type(error).__name__, *str(error).splitlines()[:1]]))


def run_steps(trial: Trial, train: Images, validation: Images, steps: int) -> None:
    """Train on `steps` batches and validate on the same share of the images as in an epoch.

    The mean loss and the accuracies are read at the end, so that the device has finished then.

    Args:
        trial: The trial; it may train for any number of steps.
        train: Its training images.
        validation: Its validation images.
        steps: Number of batches; more than an epoch has are run as several epochs.
    """
    batch_size = trial.components.data.batch_size
    while steps > 0:
        images = train[: steps * batch_size]
        share = len(images) / len(train)
        trial.validation_images = validation[: ceil(share * len(validation))]
        time_training(trial, images)
        steps -= count_batches(len(images), batch_size)


@contextmanager
def probe_processes(config: Mapping[str, object], number: int) -> Iterator[list[ProbeProcess]]:
    """Provide processes that are ready to train a configuration; end them afterwards.

    Raises:
        ProbeError: If all fail; those that fail while others work are left out.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    with ExitStack() as stack:
        started, ready, errors = [], list[ProbeProcess](), list[ProbeError]()
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=probe_main, args=(theirs, config), daemon=True)
            process.start()
            theirs.close()  # the other end is that of the process, whose end can be noticed so
            stack.enter_context(ours)
            stack.callback(process.join)
            stack.callback(process.terminate)
            started.append(PipedProcess(ours))
        for probe in started:
            try:
                probe.wait()
                ready.append(probe)
            except ProbeError as error:
                errors.append(error)
        if not ready:
            raise errors[0]
        yield ready


def probe_main(connection: Connection, config: Mapping[str, object]) -> None:
    """Run `serve_steps` in a process that leaves Ctrl-C to the one that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve_steps(connection, config)


ProbeProcesses = Callable[[Mapping[str, object], int], AbstractContextManager[list[ProbeProcess]]]
"""Provides at most some number of processes that train a configuration."""


def measure_throughput(
    config: Mapping[str, object],
    most: int,
    processes: ProbeProcesses = probe_processes,
    clock: Callable[[], float] = time.monotonic,
) -> dict[int, float]:
    """Return how many steps a second trials make together, by the number of trials.

    The last number is hardly faster than the one before, or the largest that could be measured.

    Args:
        config: Configuration of a trial.
        most: Largest number of trials.
        processes: Provides processes that train it.
        clock: Returns the time in seconds.

    Raises:
        ProbeError: If a single trial fails.
    """
    rates: dict[int, float] = {}
    with processes(config, min(most, COUNTS[-1])) as probes:
        end = clock() + MAX_SECONDS
        steps = count_steps(probes[0])
        for number in [*(n for n in COUNTS if n < len(probes)), len(probes)]:
            before = max(rates.values(), default=0.0)
            try:
                rates[number] = joint_rate(probes[:number], steps)
            except ProbeError:
                if not rates:
                    raise
                break
            if rates[number] < GAIN * before or clock() > end:
                break
    return rates


def count_steps(probe: ProbeProcess) -> int:
    """Return how many steps a trial that has the GPU alone makes in `SLICE_SECONDS`."""
    seconds = joint_seconds([probe], CALIBRATION_STEPS)[0] / CALIBRATION_STEPS
    return max(1, round(SLICE_SECONDS / seconds))


def joint_rate(probes: Sequence[ProbeProcess], steps: int) -> float:
    """Return the steps a second of processes that train `steps` each at the same time."""
    return sum(steps / seconds for seconds in joint_seconds(probes, steps))


def joint_seconds(probes: Sequence[ProbeProcess], steps: int) -> list[float]:
    """Return the seconds of each process if all train `steps` steps at the same time."""
    for probe in probes:
        probe.start(steps)
    return [probe.wait() for probe in probes]


def fewest_trials(rates: Mapping[int, float]) -> int:
    """Return the smallest number of trials that is about as fast as the fastest.

    Fewer trials at a time end sooner, so that searcher and scheduler know more when they choose.

    Args:
        rates: Steps a second by the number of trials.
    """
    return min(number for number, rate in rates.items() if GAIN * rate >= max(rates.values()))
