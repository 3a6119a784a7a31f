"""How many trials share a GPU, from a measurement that is made up, for there is no GPU here."""

import os
from functools import partial

import pytest

from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.estimate import estimate_trial
from tuner.config.preflight.gpu_packing import (
    CUDA_CONTEXT_BYTES,
    HEADROOM,
    PeakMemory,
    measure_peak_memory,
    pack_gpus,
    run_probe_steps,
)
from tuner.config.preflight.timing import Cost
from tuner.config.resources import count_concurrent_trials
from tuner.search import main, parse_search_arguments

SMALL = ["data.limit=100", "data.validation=50", "epochs=2"]
GIB = 2**30


def plan(*words):
    return compose_plan(*parse_search_arguments([*SMALL, "space=weight_decay", *words]))


@pytest.mark.parametrize(
    ("used", "total", "number"),
    [
        (10 * GIB, 80 * GIB, 6),  # 80 / (11 + 0.5) = 6.96
        (2 * GIB, 24 * GIB, 8),  # 24 / (2.2 + 0.5) = 8.89
        (30 * GIB, 80 * GIB, 2),  # 80 / 33.5 = 2.39
        (60 * GIB, 80 * GIB, 1),
        (80 * GIB, 80 * GIB, 1),  # did not fit
    ],
)
def test_trials_share_a_gpu_by_memory(used, total, number):
    assert (HEADROOM, CUDA_CONTEXT_BYTES) == (1.1, GIB / 2)
    peak = PeakMemory(used_bytes=used, total_bytes=total)
    assert peak.trials_per_gpu == number
    assert number * peak.gpu_share <= 1
    assert peak.gpu_share * total >= used or number == 1
    settings = pack_gpus(plan(), 2, [].append, lambda _: peak).settings
    assert count_concurrent_trials(settings, cpu=64, gpu=2) == 2 * number


def test_the_share_is_told_with_what_it_rests_on():
    messages = []
    packed = pack_gpus(
        plan(), 1, messages.append, lambda _: PeakMemory(used_bytes=10 * GIB, total_bytes=80 * GIB)
    )
    assert packed.settings.gpu == pytest.approx(0.1666)
    assert messages == [
        "gpu: a trial needs up to 10.7 GB of 85.9 GB, so that 6 share a GPU (gpu=0.1666)."
    ]


def test_the_dearest_configuration_of_each_variant_is_measured():
    asked = []

    def measure(configs):
        asked.extend(configs)
        return PeakMemory(used_bytes=GIB, total_bytes=8 * GIB)

    words = ["data.batch_size=choice(16,64,32)", "optimizer=choice(sgd,adam)"]
    pack_gpus(
        plan(*words, "optimizer.weight_decay=1e-4", "attack.steps=randint(2,9)"), 1, print, measure
    )
    assert [config["optimizer"]["name"] for config in asked] == ["sgd", "adam"]
    assert {config["data"]["batch_size"] for config in asked} == {64}
    assert {config["attack"]["steps"] for config in asked} == {8}
    assert {config["device"] for config in asked} == {"cuda"}


@pytest.mark.parametrize(("words", "gpus"), [(["gpu=0.5"], 1), ([], 0), (["address=auto"], 1)])
def test_what_was_given_is_left_alone_and_so_are_other_machines(words, gpus):
    study = plan(*words)
    assert pack_gpus(study, gpus, print, lambda _: pytest.fail("asked")) is study


def test_a_probe_that_fails_is_told_and_each_trial_takes_a_gpu():
    def measure(_):
        raise RuntimeError("driver too old\nand more")

    messages, study = [], plan()
    assert pack_gpus(study, 1, messages.append, measure) is study
    assert messages == [
        "caution: gpu: its memory cannot be probed (RuntimeError: driver too old); "
        "each trial takes one."
    ]


def process(configs):
    return os.getpid(), len(configs)


@pytest.mark.slow
def test_it_is_measured_in_a_process_of_its_own():
    number, seen = measure_peak_memory([{}, {}], process)
    assert number != os.getpid()
    assert seen == 2


def test_three_steps_and_an_examination_are_measured(monkeypatch):
    """Of 100 training images 75 in batches of 25; of 50 for validation one batch of 20."""
    seen = []

    def advance(trial):
        seen.append((len(trial.train_images), len(trial.validation_images), trial.epoch))
        return advance_(trial)

    advance_ = Trial.run_epoch
    monkeypatch.setattr(Trial, "run_epoch", advance)
    study = plan("data.batch_size=25", "exam.exam_batch=20", "attack.steps=1", "exam.steps=1")
    (variant,) = study.variants
    config = {**variant.fixed, **study.shared_config(), "epochs": study.epochs, "device": "cpu"}
    run_probe_steps({**config, "optimizer": {**config["optimizer"], "weight_decay": 0.0}})
    assert seen == [(75, 20, 1)]


def test_a_dry_run_tells_how_many_trials_a_gpu_takes(monkeypatch, capsys):
    """The measurement and the time are made up; all in between is as on a machine with a GPU."""
    seen = []

    def cost(config):
        seen.append((config["device"], config["memory_share"]))
        return Cost(seconds=3600.0, passes=1.0, disk=1000)

    made_up = partial(
        pack_gpus, measure=lambda _: PeakMemory(used_bytes=10 * GIB, total_bytes=80 * GIB)
    )
    monkeypatch.setattr("tuner.runtime.execute.local_resources", lambda: (64.0, 1.0))
    monkeypatch.setattr("tuner.runtime.execute.pack_gpus", made_up)
    monkeypatch.setattr(
        "tuner.config.preflight.dry_run.estimate_trial", partial(estimate_trial, measure=cost)
    )
    assert main(["space=weight_decay", *SMALL, "dry_run=true", "trials=12"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "6 share a GPU" in text
    assert "12 trials of up to 2 epochs, seed 0, 6 at a time" in text
    assert "12 GPU-hours" in text
    assert seen == [("cuda", pytest.approx(0.1666))]
