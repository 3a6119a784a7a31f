"""Warnings for a study in which nothing happens, at times that a test sets."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from tuner.runtime import hang_watchdog
from tuner.runtime.hang_watchdog import HangWatchdog


@dataclass(eq=False)
class Run:
    """A trial of Ray."""

    config: dict
    status: str = Trial.RUNNING


@pytest.fixture
def clock_time(monkeypatch):
    """Return the seconds since the start, in a list of one."""
    now = [0.0]
    monkeypatch.setattr(hang_watchdog, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def pass_seconds(watchdog, clock_time, seconds, trials):
    """Let Ray's loop turn once a second."""
    for _ in range(seconds):
        clock_time[0] += 1.0
        watchdog.on_step_end(0, trials)


def test_a_quiet_study_says_once_what_it_waits_for(clock_time):
    """Its longest pause is 30 s, so that 90 s are in its rhythm and 91 s are not."""
    warnings = []
    watchdog = HangWatchdog(None, None, warnings.append)
    trials = [Run({"trial": "0000"}), Run({"trial": "0001"}, Trial.PENDING)]
    pass_seconds(watchdog, clock_time, 30, trials)
    watchdog.on_trial_start(0, trials, trials[0])
    pass_seconds(watchdog, clock_time, 90, trials)
    assert not warnings
    pass_seconds(watchdog, clock_time, 30, trials)
    assert warnings == [
        "nothing has happened for 0:01:31; waiting for trial 0000 to report and trial 0001 to get "
        "a process."
    ]
    watchdog.on_trial_result(0, trials, trials[0], {})  # after 120 s, the new longest pause
    pass_seconds(watchdog, clock_time, 360, trials)
    assert len(warnings) == 1
    pass_seconds(watchdog, clock_time, 1, trials)
    assert len(warnings) == 2


def test_the_first_minute_is_never_too_quiet(clock_time):
    warnings = []
    watchdog = HangWatchdog(None, None, warnings.append)
    pass_seconds(watchdog, clock_time, 60, [])
    assert not warnings
    pass_seconds(watchdog, clock_time, 1, [])
    assert warnings == ["nothing has happened for 0:01:01; waiting for Ray to start a trial."]
