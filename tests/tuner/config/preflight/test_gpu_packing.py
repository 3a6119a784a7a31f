"""How many trials share a GPU, from measurements that are made up, for there is no GPU here."""

import os
from functools import partial

import pytest

from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.estimate import estimate_trial
from tuner.config.preflight.gpu_packing import (
    CUDA_CONTEXT_BYTES,
    HEADROOM,
    TRAINING_STEPS,
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


def in_turn(config, most):
    """Speed of trials that do not get in each other's way."""
    return {n: float(n) for n in range(1, most + 1)}


def full(config, most):
    """Speed of trials of which one fills a GPU."""
    return {1: 10.0, 2: 10.2}


def gpu_of(gib, *, used):
    return lambda _: PeakMemory(used_bytes=used * GIB, total_bytes=gib * GIB)


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
def test_no_more_trials_share_a_gpu_than_fit(used, total, number):
    assert (HEADROOM, CUDA_CONTEXT_BYTES) == (1.1, GIB / 2)
    peak = PeakMemory(used_bytes=used, total_bytes=total)
    settings = pack_gpus(plan("trials=99"), 64, 2, [].append, lambda _: peak, in_turn).settings
    assert number * settings.gpu <= 1
    assert settings.gpu * total >= used or number == 1
    assert count_concurrent_trials(settings, cpu=64, gpu=2) == 2 * number


@pytest.mark.parametrize(
    ("words", "cores", "gpus", "most"),
    [
        (["trials=99"], 16, 1, 16),
        (["trials=99"], 16, 4, 4),
        (["trials=99"], 6, 4, 2),  # two GPUs hold two trials, the others one
        (["trials=99", "cpu=4"], 16, 1, 4),
        (["trials=99", "concurrency=3"], 16, 1, 3),
        (["trials=2"], 16, 1, 2),
        (["trials=2", "seeds=3"], 16, 1, 6),
    ],
)
def test_no_more_trials_share_a_gpu_than_run_at_a_time(words, cores, gpus, most):
    asked = []

    def throughput(config, number):
        asked.append(number)
        return in_turn(config, number)

    packed = pack_gpus(plan(*words), cores, gpus, print, gpu_of(1000, used=1), throughput)
    assert asked == [most]
    assert packed.settings.gpu == pytest.approx(1 / most, abs=1e-4)


def test_the_speed_of_a_trial_that_is_alone_on_its_gpu_is_not_measured():
    for words, cores, used in [([], 1, 1), (["trials=1"], 16, 1), ([], 16, 60)]:
        messages = []
        packed = pack_gpus(
            plan(*words),
            cores,
            1,
            messages.append,
            gpu_of(80, used=used),
            lambda *_: pytest.fail("measured"),
        )
        assert packed.settings.gpu == 1.0
        assert messages[0].startswith("gpu: a trial takes one (gpu=1); a trial needs up to ")


def test_as_many_trials_share_a_gpu_as_fill_it():
    """The speeds are epochs a second of PreAct-ResNet-18 on an H200: 8 are no faster than 4."""
    messages = []
    packed = pack_gpus(
        plan(),
        16,
        1,
        messages.append,
        lambda _: PeakMemory(used_bytes=879_000_000, total_bytes=150_000_000_000),
        lambda *_: {1: 0.21, 2: 0.37, 4: 0.46, 8: 0.45},
    )
    assert packed.settings.gpu == 0.25
    assert messages == [
        "gpu: 4 trials share one (gpu=0.25); 4 train 2.19 times as fast as one alone; "
        "a trial needs up to 879 MB of 150 GB."
    ]


def test_a_trial_that_fills_a_gpu_gets_it_alone():
    messages = []
    packed = pack_gpus(plan(), 16, 1, messages.append, gpu_of(80, used=1), full)
    assert packed.settings.gpu == 1.0
    assert messages == [
        "gpu: a trial takes one (gpu=1); 2 train 1.02 times as fast as one alone; "
        "a trial needs up to 1.07 GB of 85.9 GB."
    ]


def test_the_speed_of_the_configuration_with_the_most_memory_is_measured():
    asked = []

    def throughput(config, most):
        asked.append(config["optimizer"]["name"])
        return {1: 1.0}

    study = plan("optimizer=choice(sgd,adam)", "optimizer.weight_decay=1e-4")
    second = PeakMemory(used_bytes=GIB, total_bytes=80 * GIB, index=1)
    pack_gpus(study, 16, 1, print, lambda _: second, throughput)
    assert asked == ["adam"]


def test_the_dearest_configuration_of_each_variant_is_measured():
    asked = []

    def measure(configs):
        asked.extend(configs)
        return PeakMemory(used_bytes=GIB, total_bytes=8 * GIB)

    words = ["data.batch_size=choice(16,64,32)", "optimizer=choice(sgd,adam)"]
    study = plan(*words, "optimizer.weight_decay=1e-4", "attack.steps=randint(2,9)")
    pack_gpus(study, 16, 1, print, measure, in_turn)
    assert [config["optimizer"]["name"] for config in asked] == ["sgd", "adam"]
    assert {config["data"]["batch_size"] for config in asked} == {64}
    assert {config["attack"]["steps"] for config in asked} == {8}
    assert {config["device"] for config in asked} == {"cuda"}


@pytest.mark.parametrize(("words", "gpus"), [(["gpu=0.5"], 1), ([], 0), (["address=auto"], 1)])
def test_what_was_given_is_left_alone_and_so_are_other_machines(words, gpus):
    study = plan(*words)
    assert pack_gpus(study, 16, gpus, print, lambda _: pytest.fail("asked")) is study


def fail(*_):
    raise RuntimeError("driver too old\nand more")


@pytest.mark.parametrize("probes", [(fail, in_turn), (gpu_of(80, used=1), fail)])
def test_a_probe_that_fails_is_told_and_each_trial_takes_a_gpu(probes):
    messages, study = [], plan()
    assert pack_gpus(study, 16, 1, messages.append, *probes) is study
    assert messages == [
        "caution: gpu: a trial cannot be probed on it (RuntimeError: driver too old); "
        "each takes one."
    ]


def process(configs):
    return os.getpid(), len(configs)


@pytest.mark.slow
def test_it_is_measured_in_a_process_of_its_own():
    number, seen = measure_peak_memory([{}, {}], process)
    assert number != os.getpid()
    assert seen == 2


@pytest.mark.parametrize(("batch_size", "trained"), [(10, 60), (12, 76), (25, 100)])
def test_the_steps_of_a_graph_and_a_validation_are_measured(monkeypatch, batch_size, trained):
    """Of 100 images six batches, four more images as in an epoch, or all; 20 for validation.

    Three steps warm up, one is captured, and two repeat it.
    """
    assert TRAINING_STEPS == 6
    seen = []

    def advance(trial):
        seen.append((len(trial.train_images), len(trial.validation_images), trial.epoch))
        return advance_(trial)

    advance_ = Trial.run_epoch
    monkeypatch.setattr(Trial, "run_epoch", advance)
    study = plan(
        f"data.batch_size={batch_size}", "exam.exam_batch=20", "attack.steps=1", "exam.steps=1"
    )
    (variant,) = study.variants
    config = {**variant.fixed, **study.shared_config(), "epochs": study.epochs, "device": "cpu"}
    run_probe_steps({**config, "optimizer": {**config["optimizer"], "weight_decay": 0.0}})
    assert seen == [(trained, 20, 1)]


def test_a_dry_run_tells_how_many_trials_a_gpu_takes(monkeypatch, capsys):
    """The measurement and the time are made up; all in between is as on a machine with a GPU."""
    seen = []

    def cost(config):
        seen.append((config["device"], config["memory_share"]))
        return Cost(seconds=3600.0, passes=1.0, disk=1000)

    made_up = partial(pack_gpus, memory=gpu_of(80, used=10), throughput=in_turn)
    monkeypatch.setattr("tuner.runtime.checked_study.local_resources", lambda: (64.0, 1.0))
    monkeypatch.setattr("tuner.runtime.checked_study.pack_gpus", made_up)
    monkeypatch.setattr(
        "tuner.config.preflight.dry_run.estimate_trial", partial(estimate_trial, measure=cost)
    )
    assert main(["space=weight_decay", *SMALL, "dry_run=true", "trials=12"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "6 trials share one (gpu=0.1666)" in text
    assert "12 trials of up to 2 epochs, seed 0, 6 at a time" in text
    assert "12 GPU-hours" in text
    assert seen == [("cuda", pytest.approx(0.1666))]
