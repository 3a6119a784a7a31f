"""How a constraint scores an epoch, and which epoch is kept."""

from itertools import starmap

import pytest

from tests.oracles import make_accuracies, make_report, replace_component, tiny_config
from trainables.training.constraint import Constraint, parse_constraint
from trainables.training.trial import Trial

CLEAN = parse_constraint("clean>=0.8")


@pytest.mark.parametrize("text", ["clean>=0.80", "clean >= 0.80", " clean>= .8 "])
def test_spaces_in_a_constraint_are_ignored(text):
    assert parse_constraint(text) == Constraint("clean", 0.8)
    assert str(parse_constraint(text)) == "clean>=0.8"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clean>=80", "for 80 % write 'clean>=0.8'"),
        ("clean>=800", r"in \[0, 1\]$"),
        ("robust>=-0.1", r"in \[0, 1\]$"),
        ("clean>=nan", r"in \[0, 1\]$"),
        ("clean>=high", "'clean>=0.8'"),
        ("speed>=0.8", "'clean>=FRACTION'"),
        ("clean<=0.8", "'clean>=FRACTION'"),
        ("clean", "'clean>=FRACTION'"),
    ],
)
def test_an_invalid_constraint_is_an_error_with_the_right_form(text, message):
    with pytest.raises(ValueError, match=message):
        parse_constraint(text)


def test_the_violation_is_negative_if_the_constraint_is_exceeded():
    assert CLEAN.violation(robust=0.9, clean=0.5) == pytest.approx(0.3, abs=1e-12)  # 0.8 - 0.5
    assert parse_constraint("robust>=0.25").violation(robust=0.75, clean=0.0) == -0.5


def test_an_accuracy_equal_to_the_minimum_satisfies_it():
    """Both are the float nearest to 4/5, for a count over a count is rounded once."""
    assert make_report(1, 0.5, clean=160 / 200).violation(CLEAN) == 0.0


def test_the_most_robust_of_the_epochs_that_satisfy_it_is_kept():
    epochs = [make_report(1, 0.3, 0.85), make_report(2, 0.5, 0.82), make_report(3, 0.7, 0.7)]
    assert max(epochs, key=lambda report: report.score(CLEAN)).epoch == 2
    assert max(epochs, key=lambda report: report.score(None)).epoch == 3


def test_if_none_satisfies_it_the_nearest_is_kept():
    epochs = [make_report(1, 0.3, 0.75), make_report(2, 0.5, 0.6), make_report(3, 0.7, 0.7)]
    assert max(epochs, key=lambda report: report.score(CLEAN)).epoch == 1


def test_a_trial_keeps_the_weights_of_the_epoch_that_satisfies_it(monkeypatch):
    """The third epoch is the most robust but violates it; the second is the best of the others."""
    trial = Trial(tiny_config(constraint="clean>=0.8"))
    accuracies = starmap(make_accuracies, [(0.9, 0.1), (0.8, 0.2), (0.7, 0.9)])
    replace_component(trial, "exam", measure_accuracies=lambda *_, **__: next(accuracies))
    trial.run_epoch()
    trial.run_epoch()
    second = {name: tensor.clone() for name, tensor in trial.best_weights.items()}
    trial.run_epoch()
    assert trial.best_report is not None
    assert trial.best_report.epoch == 2
    assert all(trial.best_weights[name].equal(second[name]) for name in second)
