"""Which trials of a large study a model sees."""

import random

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState, create_trial

from tuner.searchers import tpe
from tuner.searchers.core.trial_subset import N_BEST, TrialSubset

RANGE = {"x": FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(number, rng, running=0):
    """Return a study of trials of all kinds, in an order drawn at random."""
    made = optuna.create_study(direction="maximize")
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.PRUNED, TrialState.FAIL]
    kinds = rng.choices(states, k=number) + [TrialState.RUNNING] * running
    rng.shuffle(kinds)
    for state in kinds:
        value = None if state in {TrialState.RUNNING, TrialState.FAIL} else rng.random()
        made.add_trial(
            create_trial(
                state=state,
                params={"x": rng.random()},
                distributions=RANGE,
                value=value,
                intermediate_values={rng.randint(1, 4): rng.random()} if rng.random() < 0.9 else {},
                constraints={"clean>=0.5": rng.uniform(-1, 0.2)},
            )
        )
    return made


def test_what_optuna_takes_for_good_is_always_shown():
    """Optuna's own split of all trials is the oracle, at several moments of one study."""
    rng, shortlist = random.Random(0), TrialSubset()
    whole = study(0, rng)
    for _ in range(4):
        for trial in study(300, rng, running=20).get_trials():
            whole.add_trial(trial)
        known = [t for t in whole.get_trials() if t.state != TrialState.FAIL]
        below, _ = _split_trials(whole, known, N_BEST)
        shown = {trial.number for trial in shortlist.select(whole, 100)._get_trials()}
        assert {trial.number for trial in below} <= shown
        assert len(shown) == 100


def test_of_the_others_the_newest_are_shown_and_of_those_that_run_a_quarter():
    """Of 40 places 10 are for running trials and 25 for the best, so that 5 are left."""
    made = optuna.create_study(direction="maximize")
    for number in range(100):
        made.add_trial(create_trial(params={"x": 0.5}, distributions=RANGE, value=-number))
    for _ in range(50):
        made.add_trial(create_trial(state=TrialState.RUNNING))
    shown = [trial.number for trial in TrialSubset().select(made, 40)._get_trials()]
    assert shown == [*range(25), *range(95, 100), *range(140, 150)]


def test_what_is_shown_depends_on_the_study_and_not_on_when_it_was_looked_at():
    rng, often = random.Random(1), TrialSubset()
    whole = study(30, rng, running=30)
    asked = [trial for trial in whole.get_trials() if trial.state == TrialState.RUNNING]
    for trial in asked:
        often.select(whole, 40)
        whole.tell(trial.number, rng.random())
    once = TrialSubset().select(whole, 40)._get_trials()
    assert [t.number for t in often.select(whole, 40)._get_trials()] == [t.number for t in once]


def test_a_study_that_is_no_larger_is_shown_as_it_is():
    whole = study(40, random.Random(2))
    assert TrialSubset().select(whole, 40) is whole


def test_up_to_that_many_trials_proposals_are_those_of_optuna():
    """And beyond they are others: the same study of 60, with 60 places and with 30."""
    proposals = []
    for sampler in (
        optuna.samplers.TPESampler(seed=7, n_startup_trials=8),
        tpe.build(seed=7, shortlist=TrialSubset(), most=60),
        tpe.build(seed=7, shortlist=TrialSubset(), most=30),
    ):
        whole = study(60, random.Random(3))
        whole.sampler = sampler
        proposals.append(whole.ask().suggest_float("x", 0, 1))
    assert proposals[0] == proposals[1] != proposals[2]


def test_of_two_objectives_all_are_shown():
    made = optuna.create_study(directions=["maximize", "maximize"])
    for _ in range(3):
        made.add_trial(create_trial(values=[0.1, 0.2]))
    assert TrialSubset().select(made, 1) is made
