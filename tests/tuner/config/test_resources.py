"""What a trial takes, and whether it can ever have it."""

import pytest

from tuner.cli.units import parse_duration
from tuner.config.resources import (
    check_resources,
    count_concurrent_trials,
    device_config,
    gpu_share_per_trial,
)
from tuner.config.settings import Settings, count_cores


@pytest.mark.parametrize(
    ("asked", "cpu", "gpu", "expected"),
    [
        ({}, 2, 0, 2),
        ({"cpu": 2}, 2, 0, 1),
        ({"cpu": 0.5}, 2, 0, 4),
        ({}, 16, 2, 2),  # one GPU each
        ({"gpu": 0.25}, 16, 2, 8),
        ({"gpu": 0.1}, 32, 3, 30),  # 3 / 0.1 is 29.999... in floating point
        ({"gpu": 0.25, "concurrency": 3}, 16, 2, 3),
        ({"gpu": 0}, 16, 2, 16),
    ],
)
def test_trials_at_a_time(asked, cpu, gpu, expected):
    assert count_concurrent_trials(Settings(**asked), cpu, gpu) == expected


@pytest.mark.parametrize(
    ("cpu", "threads"), [(0.5, 1), (1, 1), (1.5, 1), (1.9, 1), (2, 2), (2.7, 2), (4, 4)]
)
def test_a_trial_has_no_more_threads_than_whole_cores(cpu, threads):
    assert Settings(cpu=cpu).threads == threads


def test_a_gpu_is_taken_whole_unless_said_otherwise():
    assert gpu_share_per_trial(Settings(), 2) == 1.0
    assert gpu_share_per_trial(Settings(), 0) == 0.0
    assert gpu_share_per_trial(Settings(gpu=0.5), 2) == 0.5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"gpu": 0.5}, "gpu: a trial asks for 0.5, this machine has no GPU; leave gpu out"),
        ({"cpu": 64}, "cpu: must be at most 2, the cores of this machine, got 64."),
        ({"gpu": 1.5}, "gpu: must be a whole number above 1, got 1.5; write gpu=1."),
    ],
)
def test_what_can_never_be_met_is_told(asked, message):
    assert any(message in line for line in check_resources(Settings(**asked), 2, 0, "this machine"))


def test_what_can_be_met_is_not():
    assert list(check_resources(Settings(cpu=2, gpu=0.5), 2, 1, "this machine")) == []
    assert count_cores() >= 1


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800), (60, 60)]
)
def test_durations(text, expected):
    assert parse_duration(text) == expected


def test_a_trial_keeps_to_its_share_of_the_memory():
    assert device_config(0.25) == {"device": "cuda", "memory_share": 0.25}
    assert device_config(2.0) == {"device": "cuda", "memory_share": 1.0}
    assert device_config(0.0) == {"device": "cpu"}
