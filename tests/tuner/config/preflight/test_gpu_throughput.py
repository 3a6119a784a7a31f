"""How fast trials train together, with made-up processes, and with real ones on the CPU."""

from contextlib import contextmanager
from multiprocessing import Pipe
from threading import Thread

import pytest

from tests.oracles import tiny_config
from trainables.training.trial import Trial
from tuner.config.preflight import gpu_throughput
from tuner.config.preflight.gpu_throughput import (
    MAX_SECONDS,
    PipedProcess,
    ProbeError,
    fewest_trials,
    measure_throughput,
    probe_processes,
    run_steps,
    serve_steps,
)


class Gpu:
    """A GPU on which a step takes `alone` seconds, of which it is busy for a share.

    Attributes:
        slices: Steps of each process, by the processes that trained at the same time.
    """

    def __init__(self, busy, alone=0.02, fits=8):
        self.busy, self.alone, self.fits = busy, alone, fits
        self.now, self.started, self.slices = 0.0, [], []

    def seconds(self, steps, number):
        """Processes take turns on the GPU, and each waits for its own CPU."""
        return steps * self.alone * max(1.0, number * self.busy)

    @contextmanager
    def processes(self, config, number):
        yield [Process(self) for _ in range(number)]


class Process:
    def __init__(self, gpu):
        self.gpu = gpu

    def start(self, steps):
        self.gpu.started.append(steps)

    def wait(self):
        gpu = self.gpu
        if gpu.started:
            gpu.slices.append(gpu.started)
            gpu.started = []
            gpu.now += gpu.seconds(gpu.slices[-1][0], len(gpu.slices[-1]))
        if len(gpu.slices[-1]) > gpu.fits:
            raise ProbeError("CUDA out of memory.")
        return gpu.seconds(gpu.slices[-1][0], len(gpu.slices[-1]))


def measure(gpu, most=8):
    return measure_throughput({}, most, gpu.processes, lambda: gpu.now)


@pytest.mark.parametrize(
    ("busy", "counts", "chosen"),
    [
        (1.0, [1, 2], 1),
        (0.97, [1, 2], 1),  # two are 1/0.97 = 1.03 times as fast
        (0.6, [1, 2, 4], 2),
        (0.45, [1, 2, 4, 8], 4),  # two 2.0, four and eight 2.2 times as fast
        (0.25, [1, 2, 4, 8], 4),
        (0.1, [1, 2, 4, 8], 8),
    ],
)
def test_as_many_processes_train_as_fill_the_gpu(busy, counts, chosen):
    rates = measure(Gpu(busy))
    assert list(rates) == counts
    assert rates[1] == pytest.approx(50)
    for number, rate in rates.items():
        assert rate == pytest.approx(50 * min(number, 1 / busy))
    assert fewest_trials(rates) == chosen


@pytest.mark.parametrize(("most", "counts"), [(2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 4, 6])])
def test_as_many_as_are_allowed_are_tried(most, counts):
    assert list(measure(Gpu(0.01), most)) == counts


def test_steps_of_a_second_are_measured_after_a_few():
    gpu = Gpu(1.0, alone=0.02)
    measure(gpu)
    assert gpu.slices == [[4], [50], [50, 50]]
    slow = Gpu(1.0, alone=3.0)
    measure(slow)
    assert slow.slices == [[4], [1], [1, 1]]


def test_a_number_that_does_not_fit_ends_the_measurement():
    assert list(measure(Gpu(0.1, fits=2))) == [1, 2]
    with pytest.raises(ProbeError, match="out of memory"):
        measure(Gpu(0.1, fits=0))


def test_it_takes_bounded_time():
    """Steps of 3 s: 12 + 3 + 3 + 3 are more than 20."""
    assert MAX_SECONDS == 20
    assert list(measure(Gpu(0.1, alone=3.0))) == [1, 2, 4]
    fast = Gpu(0.5)
    assert list(measure(fast)) == [1, 2, 4]
    assert fast.now < 8  # 0.08 + 1 + 1 + 2


def test_fewer_trials_are_preferred_if_they_are_about_as_fast():
    assert fewest_trials({1: 1.0, 2: 1.9, 4: 1.95}) == 2
    assert fewest_trials({1: 1.0, 2: 1.9, 4: 2.1}) == 4
    assert fewest_trials({1: 1.0, 2: 0.8}) == 1
    assert fewest_trials({1: 1.0}) == 1


def test_steps_are_those_of_an_epoch_with_their_share_of_the_validation(monkeypatch):
    """150 images in batches of 50 are three steps, 100 images the validation of three."""
    seen = []

    def advance(trial):
        seen.append((len(trial.train_images), len(trial.validation_images)))
        return advance_(trial)

    advance_ = Trial.run_epoch
    monkeypatch.setattr(Trial, "run_epoch", advance)
    trial = Trial(tiny_config(data__limit=150, data__validation=100))
    train, validation = trial.train_images, trial.validation_images
    run_steps(trial, train, validation, 1)
    assert seen == [(50, 34)]
    run_steps(trial, train, validation, 7)
    assert seen[1:] == [(150, 100), (150, 100), (50, 34)]


@pytest.fixture
def served():
    """Return a process of a configuration, which is a thread here."""

    def start(config):
        ours, theirs = Pipe()
        thread = Thread(target=lambda: (serve_steps(theirs, config), theirs.close()))
        thread.start()
        running.append((ours, thread))
        return PipedProcess(ours)

    running = []
    yield start
    for connection, thread in running:
        connection.close()
        thread.join(60)
        assert not thread.is_alive()


def test_a_process_answers_with_the_seconds_of_its_steps(served):
    probe = served(tiny_config())
    assert probe.wait() == 0.0
    for steps in (1, 3):
        probe.start(steps)
        assert probe.wait() > 0


def test_a_process_that_fails_says_why(served):
    probe = served(tiny_config(data__limit=10**9))
    with pytest.raises(ProbeError, match="DataError: "):
        probe.wait()
    with pytest.raises(ProbeError, match="has ended"):
        probe.wait()


def test_a_process_that_is_silent_fails(monkeypatch):
    monkeypatch.setattr(gpu_throughput, "ANSWER_SECONDS", 0.0)
    ours, _theirs = Pipe()
    with pytest.raises(ProbeError, match="silent for 0 s"):
        PipedProcess(ours).wait()


@pytest.mark.slow
def test_processes_train_at_the_same_time():
    with probe_processes(tiny_config(), 2) as probes:
        for probe in probes:
            probe.start(2)
        assert all(probe.wait() > 0 for probe in probes)


@pytest.mark.slow
def test_processes_that_cannot_start_are_an_error():
    config = tiny_config(data__limit=10**9)
    with pytest.raises(ProbeError, match="DataError: "), probe_processes(config, 2):
        pytest.fail("started")
