"""What a study costs, with the arithmetic by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from ray import tune

from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.preflight.dry_run import format_cost
from tuner.config.preflight.estimate import (
    CostRange,
    TrialEstimate,
    build_probe_config,
    check_disk_budget,
    estimate_study,
    estimate_trial,
)
from tuner.config.preflight.representative import build_configuration
from tuner.config.preflight.timing import Cost, measure_checkpoint
from tuner.search import parse_search_arguments

SMALL = ["data.limit=100", "data.validation=50", "epochs=4"]
CPU = {"device": "cpu"}


def plan(*words):
    return compose_plan(*parse_search_arguments([*SMALL, *words]))


def by_steps(config):
    """Return costs that grow with the steps of the attack."""
    steps = config["attack"]["steps"]
    return Cost(seconds=10.0 * steps, passes=100.0 * steps, disk=1000 + steps)


def test_mean_and_range_over_listed_values():
    estimated = estimate_trial(plan("attack.steps=grid(1,2,9)"), CPU, by_steps)
    assert estimated.seconds == CostRange(mean=40.0, low=10.0, high=90.0)
    assert estimated.passes == CostRange(mean=400.0, low=100.0, high=900.0)
    assert estimated.disk == CostRange(mean=1004.0, low=1001.0, high=1009.0)
    assert (estimated.n_timed, estimated.n_untimed_variants) == (3, 0)


def test_the_ends_of_a_range_are_looked_at_but_do_not_move_the_mean():
    estimated = estimate_trial(plan("attack.steps=randint(1,101)"), CPU, by_steps)
    assert (estimated.seconds.low, estimated.seconds.high) == (10.0, 1000.0)
    drawn = estimate_trial(plan("attack.steps=randint(1,101)"), CPU, by_steps)
    assert drawn.seconds.mean == estimated.seconds.mean
    assert 100 < estimated.seconds.mean < 900


def test_every_variant_counts_by_its_cells_in_a_grid():
    """Three cells at 10, 20 and 30 s, and as many of another member, whatever its cost."""
    words = ["attack.steps=grid(1,2,3)", "optimizer=grid(sgd,adam)"]

    def expensive_adam(config):
        extra = 60.0 if config["optimizer"]["name"] == "adam" else 0.0
        cost = by_steps(config)
        return Cost(seconds=cost.seconds + extra, passes=cost.passes, disk=cost.disk)

    estimated = estimate_trial(plan(*words), CPU, expensive_adam)
    assert estimated.seconds == CostRange(mean=(20 + 80) / 2, low=10.0, high=90.0)
    assert estimated.n_timed == 6


def test_a_variant_with_more_cells_counts_for_more_in_a_grid_alone():
    """Cells at 10, 20 and 30 s beside one at 90: 150 / 4 each by cell, (20 + 90) / 2 by variant."""
    words = ["attack.steps=grid(1,2,3)", "optimizer=grid(sgd,adam)"]
    study = plan(*words)
    one, other = study.variants
    other = replace(other, searched={"attack.steps": tune.grid_search([9])})
    study = replace(study, variants=(one, other))
    assert estimate_trial(study, CPU, by_steps).seconds.mean == 150 / 4
    drawn = replace(study, searcher={"name": "random"})
    assert estimate_trial(drawn, CPU, by_steps).seconds.mean == (20 + 90) / 2


def test_where_there_is_no_time_variants_are_left_out_and_that_is_told(monkeypatch):
    fake_time = SimpleNamespace(now=0.0, monotonic=lambda: fake_time.now)
    monkeypatch.setattr("tuner.config.preflight.estimate.time", fake_time)
    words = plan("attack.steps=grid(1,2)", "optimizer=grid(sgd,adam)")

    def slow(config):
        fake_time.now += 0.05
        return by_steps(config)

    estimated = estimate_trial(words, CPU, slow, max_seconds=0.01)
    assert (estimated.n_timed, estimated.n_untimed_variants) == (1, 1)
    assert "from 1 timed configuration of 1 of 2 variants" in next(
        format_cost(words, estimated, 1, 0.0)
    )


WHOLE = TrialEstimate(
    seconds=CostRange(mean=3600.0, low=1800.0, high=7200.0),
    passes=CostRange(mean=1e6, low=1e6, high=1e6),
    disk=CostRange(mean=100.0, low=50.0, high=200.0),
    n_timed=3,
    n_untimed_variants=0,
)


@pytest.mark.parametrize(
    ("words", "at_a_time", "gpu", "expected"),
    [
        # ten trials of an hour, two at a time; one checkpoint each, two more of the largest
        ([], 2, 0.0, (5 * 3600, 0.0, 1400)),
        ([], 2, 1.0, (5 * 3600, 10.0, 1400)),
        # four share a GPU and take turns: no quicker than one after the other
        ([], 4, 0.25, (10 * 3600, 10.0, 1800)),
        # one at a time has the GPU to itself, whatever its share
        ([], 1, 0.5, (10 * 3600, 5.0, 1200)),
        (["time_budget=2h"], 2, 1.0, (2 * 3600, 4.0, 1400)),
        (["disk_budget=1kB"], 2, 0.0, (5 * 3600, 0.0, 1000)),
    ],
)
def test_the_whole_study(words, at_a_time, gpu, expected):
    study = plan("space=weight_decay", "trials=10", *words)
    estimated = estimate_study(study, WHOLE, at_a_time, gpu)
    assert (estimated.seconds, estimated.gpu_hours, estimated.disk) == pytest.approx(expected)


def test_no_more_trials_run_at_a_time_than_there_are():
    estimated = estimate_study(plan("space=weight_decay", "trials=2"), WHOLE, 8, 0.0)
    assert (estimated.seconds, estimated.disk) == (3600.0, 2 * 100 + 2 * 200)


def test_what_is_printed():
    study = plan("space=weight_decay", "trials=10")
    one, all_ = format_cost(study, WHOLE, 2, 1.0)
    assert one == (
        "Cost of a trial on this machine, from 3 timed configurations: 1e+06 image gradients, "
        "about 1:00:00 (0:30:00 to 2:00:00), 100 B (50 B to 200 B) on disk."
    )
    assert all_.startswith("In all at most about 5:00:00, finish at ")
    assert "10 GPU-hours, 1.4 kB on disk" in all_


def test_a_disk_budget_below_two_checkpoints_of_the_largest_is_refused():
    words = ["model=choice(small_cnn,resnet18)", "optimizer.lr=uniform(0.1,1)"]
    study = plan(*words, "disk_budget=1kB")
    (message,) = check_disk_budget(study)
    assert message.startswith("disk_budget: must be at least ")
    assert message.endswith("two checkpoints of a trial of this study, got 1 kB.")
    small, large = (
        measure_checkpoint(Trial(build_probe_config(study, build_configuration(variant, {}), CPU)))
        for variant in study.variants
    )
    assert 2 * small < 2 * large - 500  # the digits of the metrics
    assert list(check_disk_budget(plan(*words, f"disk_budget={2 * large - 500}")))
    assert not list(check_disk_budget(plan(*words, f"disk_budget={2 * large + 500}")))


def test_the_budget_must_hold_the_largest_values():
    words = ["model=resnet18", "model.width=grid(4,16)"]
    study = plan(*words, "disk_budget=1kB")
    (variant,) = study.variants
    small, large = (
        measure_checkpoint(
            Trial(
                build_probe_config(study, build_configuration(variant, {"model.width": width}), CPU)
            )
        )
        for width in (4, 16)
    )
    assert list(check_disk_budget(plan(*words, f"disk_budget={2 * small + 500}")))
    assert not list(check_disk_budget(plan(*words, f"disk_budget={2 * large + 500}")))
