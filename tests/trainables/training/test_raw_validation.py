"""The validation of the trained network beside its average: when, and at what cost."""

from dataclasses import asdict

import pytest
import torch

from tests.oracles import make_accuracies, replace_component, tiny_config
from trainables.robustness.validation_attack import measure_accuracies
from trainables.training.fidelity import Rung
from trainables.training.trial import Trial

EMA = {"name": "ema"}


def validated_networks(trial):
    """Train to the end; return whether each validation was of the trained network, by epoch."""
    calls = {}

    def measure(model, images, *, threat):
        calls.setdefault(trial.epoch, []).append(model is trial.model)
        return make_accuracies(0.9, 0.6 if model is trial.model else 0.5)

    replace_component(trial, "exam", measure_accuracies=measure)
    return calls, list(trial.run_epochs())


def test_an_average_costs_one_more_attack_at_rungs_and_at_the_end():
    rungs = [asdict(Rung(0, 2)), asdict(Rung(1, 3))]
    calls, reports = validated_networks(Trial(tiny_config(average=EMA, rungs=rungs)))
    assert calls == {1: [False], 2: [False, True], 3: [False], 4: [False, True]}
    assert [report.val_robust_accuracy for report in reports] == [0.5] * 4
    assert [report.val_robust_accuracy_raw for report in reports] == [None, 0.6, None, 0.6]
    assert [report.val_clean_accuracy_raw for report in reports] == [None, 0.9, None, 0.9]


def test_rungs_of_another_level_do_not_count():
    rungs = [asdict(Rung(0, 2)), asdict(Rung(1, 3))]
    calls, _ = validated_networks(Trial(tiny_config(average=EMA, rungs=rungs), level=1))
    assert [len(calls[epoch]) for epoch in (1, 2, 3, 4)] == [1, 1, 2, 2]


def test_a_rung_behind_a_drop_of_the_learning_rate_is_found():
    """Six epochs with a drop after two thirds: the fifth is the first with the lower rate."""
    schedule = {"name": "piecewise", "drops": [2 / 3]}
    for epochs_after, rung in ((0, 5), (1, 6)):
        config = tiny_config(
            average=EMA, schedule=schedule, epochs=6, rungs=[asdict(Rung(0, None, epochs_after))]
        )
        assert Trial(config).raw_epochs == {rung, 6}


@pytest.mark.parametrize("average", [{"name": "none"}, EMA, {"name": "ensemble"}])
def test_images_are_attacked_once_more_and_only_with_an_average(average):
    """Of the 60 validation images; without an average both networks are one."""
    passes = []
    for rungs in ([], [asdict(Rung(0, 1))]):
        trial = Trial(tiny_config(average=average, rungs=rungs, exam={"steps": 1}))
        counted = []

        def measure(model, images, *, threat, counted=counted):
            counted.append(len(images))
            return measure_accuracies(model, images, threat=threat, steps=1)

        replace_component(trial, "exam", measure_accuracies=measure)
        trial.run_epoch()
        passes.append(sum(counted))
    assert passes == ([60, 60] if average["name"] == "none" else [60, 120])


def test_validating_both_networks_changes_nothing_else():
    ends = []
    for rungs in ([], [asdict(Rung(0, epoch)) for epoch in (1, 2, 3)]):
        trial = Trial(tiny_config(average=EMA, rungs=rungs))
        reports = list(trial.run_epochs())
        assert [r.val_robust_accuracy_raw is None for r in reports] == [not rungs] * 3 + [False]
        state = trial.model.state_dict(), trial.average.evaluation_model().state_dict()
        ends.append((state, trial.rng.get_state(), torch.get_rng_state()))
    torch.testing.assert_close(*ends, rtol=0, atol=0)


def test_a_diverged_network_scores_zero_in_both():
    trial = Trial(tiny_config(average=EMA, rungs=[asdict(Rung(0, 1))]))
    trial.model.get_parameter(
        next(name for name, _ in trial.model.named_parameters())
    ).data *= float("nan")
    report = trial.run_epoch()
    assert report.diverged
    assert (report.val_robust_accuracy, report.val_robust_accuracy_raw) == (0, 0)


def test_the_report_says_how_far_the_average_is():
    """Three steps an epoch: decays 2/11 and 3/12 in the first, all below 1 - 1 / (1 * 12)."""
    trial = Trial(tiny_config(average={"name": "ema", "max_share": 1.0}))
    report = trial.run_epoch()
    assert report.average_horizons == pytest.approx(torch.tensor(22.0).log().item())
    assert Trial(tiny_config()).run_epoch().average_horizons is None
