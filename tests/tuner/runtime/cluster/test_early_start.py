"""Ray starts in the background while a study is checked, and ends if the check fails."""

import threading
import time

import pytest

from tuner.config.settings import Settings
from tuner.runtime.cluster import early_start, local_start

NO_GPU = ("no device has this name",)
may_start_early = early_start.may_start_early


@pytest.fixture
def calls(monkeypatch):
    """Record the starts and ends of Ray, with the thread of each."""
    calls = []

    def start(settings, cpu, gpu):
        calls.append(("start", threading.current_thread()))

    monkeypatch.setattr(early_start, "may_start_early", lambda _: True)
    monkeypatch.setattr(early_start, "start_here", start)
    monkeypatch.setattr("ray.shutdown", lambda: calls.append(("end", threading.current_thread())))
    return calls


def wait_until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("not seen within 10 s")


def test_ray_lives_as_long_as_the_thread_that_started_it(calls):
    with early_start.starting_ray(Settings()) as wait_for_start:
        wait_for_start()
        [(_, thread)] = calls
        assert thread is not threading.current_thread()
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()
    assert [name for name, _ in calls] == ["start"]  # the session has shut it down


def test_ray_ends_in_the_background_if_the_check_fails(calls):
    with pytest.raises(ValueError, match="wrong"), early_start.starting_ray(Settings()):
        raise ValueError("wrong")
    wait_until(lambda: [name for name, _ in calls] == ["start", "end"])
    assert calls[1][1] is calls[0][1]


def test_ray_is_started_once(calls):
    with (
        early_start.starting_ray(Settings()) as outer,
        early_start.starting_ray(Settings()) as inner,
    ):
        assert inner is not None
        inner()
        assert inner == outer
    assert [name for name, _ in calls] == ["start"]


def test_an_error_of_the_start_is_raised_to_who_waits(calls, monkeypatch):
    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr(early_start, "start_here", fail)
    with (
        pytest.raises(OSError, match="no space"),
        early_start.starting_ray(Settings()) as wait_for_start,
    ):
        wait_for_start()


@pytest.mark.parametrize(
    ("settings", "devices", "expected"),
    [
        (Settings(), NO_GPU, True),
        (Settings(address="auto"), NO_GPU, False),
        (Settings(dry_run=True), NO_GPU, False),
        (Settings(replay="results/x"), NO_GPU, False),
        (Settings(), ("null",), False),  # a device that every machine has
    ],
)
def test_ray_starts_early_only_here_and_without_gpus(monkeypatch, settings, devices, expected):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr(early_start, "GPU_DEVICES", devices)
    assert may_start_early(settings) == expected
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    assert not may_start_early(settings)


@pytest.mark.parametrize(
    ("settings", "gpu", "preloads"),
    [
        (Settings(), 0, True),
        (Settings(concurrency=4), 0, True),
        (Settings(cpu=4), 0, False),  # two processes of eight
        (Settings(gpu=1), 1, False),
    ],
)
def test_processes_import_what_trials_need_if_most_will_run_one(
    monkeypatch, settings, gpu, preloads
):
    options = {}
    monkeypatch.setattr("ray.init", lambda **given: options.update(given))
    local_start.start_here(settings, 8, gpu)
    modules = ["trainables.training.ray_trainable", "torch._dynamo"] if preloads else []
    assert options["_system_config"] == {"preload_python_modules": modules}
    assert (options["num_cpus"], options["num_gpus"]) == (8, gpu)


def test_the_next_study_waits_until_the_ray_of_a_failed_one_has_ended(calls, monkeypatch):
    ends, seen = threading.Event(), []
    monkeypatch.setattr(early_start.ray, "shutdown", lambda: seen.append("end") or ends.wait(60))

    def fail():
        with early_start.starting_ray(Settings()):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    threading.Timer(0.2, ends.set).start()
    with early_start.starting_ray(Settings()) as wait:
        seen.append("start")
        wait()
    assert seen == ["end", "start"]
    assert ends.is_set()
