"""The names of processes on Ray's dashboard."""

from tuner.runtime.ray_tune import name_process

CONFIG = {
    "study_name": "wd", "trial": "0004", "columns": ["method.beta"], "method": {"beta": 2.5}
}  # fmt: skip


def test_the_runs_of_a_trial_have_different_names():
    assert name_process(CONFIG | {"level": 0}) == "wd trial 0004 method.beta=2.5"
    assert name_process(CONFIG | {"level": 1}) == "wd trial 0004 run 2 method.beta=2.5"
