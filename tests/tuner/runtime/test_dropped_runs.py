"""Runs that Ray ends without reporting it."""

from types import SimpleNamespace

import pytest
from ray.tune.experiment import Trial

from tuner.runtime.ray_adapters import StudyCallback


@pytest.mark.parametrize(
    ("status", "warnings"),
    [
        (
            Trial.ERROR,
            ["trial 0002: Ray gave it no process (ended without a message); it is started again."],
        ),
        (Trial.TERMINATED, []),  # the study is over
    ],
)
def test_a_run_that_ray_dropped_is_handed_back_once(status, warnings):
    """Of the two runs one still runs; what has been handed back is not seen again."""
    heard, ended, released = [], [], []
    queue = SimpleNamespace(running={"a": "0001", "b": "0002"})

    def on_trial_error(trial, cause, reason):
        ended.append((trial.trial_id, cause, reason))
        del queue.running[trial.trial_id]

    events = SimpleNamespace(queue=queue, warn=heard.append, on_trial_error=on_trial_error)
    limiter = SimpleNamespace(on_trial_complete=lambda name, error: released.append(name))
    runs = [
        SimpleNamespace(trial_id="a", config={"trial": "0001"}, status="RUNNING", error_file=None),
        SimpleNamespace(trial_id="b", config={"trial": "0002"}, status=status, error_file=None),
    ]
    callback = StudyCallback(events, limiter, {})
    for _ in range(2):
        callback.on_step_end(0, runs)
    assert heard == warnings
    assert ended == [("b", "lost", "ended without a message")]
    assert released == ["b"]
