"""Which trials no other beats, and who wins under a constraint."""

import pytest

from tests.oracles import make_report
from trainables.training.constraint import parse_constraint
from trainables.training.fidelity import Level
from tuner.config.objectives import Goal, pareto_mask
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

BOTH = Goal(("robust", "clean"))


def record(number, *epochs, bound=None):
    reports = [make_report(i, robust, clean) for i, (robust, clean) in enumerate(epochs, start=1)]
    return Record(number, {}, 0, {}, reports, "completed", "", "there", constraint=bound)


def progress(*records, goal):
    return StudyProgress(9, (Level(9),), 1, {each.trial_id: each for each in records}, goal=goal)


@pytest.mark.parametrize(
    ("points", "on"),
    [
        ([(0.1, 0.9), (0.2, 0.8), (0.3, 0.7)], [True, True, True]),
        ([(0.1, 0.9), (0.1, 0.8), (0.05, 0.9)], [True, False, False]),
        ([(0.2, 0.2), (0.2, 0.2)], [True, True]),
        ([], []),
    ],
)
def test_a_point_is_on_the_front_unless_another_is_nowhere_lower_and_somewhere_higher(points, on):
    assert pareto_mask(points) == on


def test_the_point_of_a_trial_is_that_of_its_most_robust_epoch():
    """Its first epoch has the highest clean accuracy, and is not the one that is kept."""
    one, other = record("0000", (0.1, 0.99), (0.5, 0.8)), record("0001", (0.4, 0.9))
    beaten = record("0002", (0.4, 0.8))
    study = progress(one, other, beaten, goal=BOTH)
    assert [each.trial_id for each in study.pareto_front] == ["0000", "0001"]
    assert study.leader is one


def test_only_what_satisfies_the_constraint_is_on_the_front_and_wins():
    bound = parse_constraint("clean>=0.8")
    robust, both = record("0000", (0.9, 0.7), bound=bound), record("0001", (0.5, 0.8), bound=bound)
    study = progress(robust, both, goal=Goal(BOTH.objectives, bound))
    assert study.pareto_front == [both]
    assert study.leader is both


def test_if_none_satisfies_it_the_nearest_wins_and_there_is_no_front():
    bound = parse_constraint("clean>=0.8")
    far, near = record("0000", (0.9, 0.5), bound=bound), record("0001", (0.5, 0.7), bound=bound)
    study = progress(far, near, goal=Goal(BOTH.objectives, bound))
    assert study.pareto_front == []
    assert study.leader is near
