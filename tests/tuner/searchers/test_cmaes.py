"""CMA-ES keeps its state in the study, which may be an untrusted file."""

import os
import pickle

import optuna
import pytest

from tuner.searchers.cmaes import build


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def proposed(make, trials=24):
    """Return what is proposed for two numbers, each time by a new sampler, as a study has it."""
    study, found = optuna.create_study(direction="maximize"), []
    for number in range(trials):
        study.sampler = make(number)
        trial = study.ask()
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 1e-5, 1e-1, log=True)
        study.tell(trial, -((x - 0.3) ** 2) - y)
        found.append((x, y))
    return study, found


def test_it_proposes_what_optuna_s_does():
    """24 trials of 6 a generation: its state is read back at each of them."""

    def usual(number):
        return optuna.samplers.CmaEsSampler(seed=number, n_startup_trials=1)

    ours, theirs = proposed(lambda number: build(seed=number))[1], proposed(usual)[1]
    assert ours == theirs
    anew = proposed(lambda number: Forgetful(seed=number, n_startup_trials=1))[1]
    assert ours != anew


class Forgetful(optuna.samplers.CmaEsSampler):
    """Begins anew each time."""

    def _restore_optimizer(self, completed_trials):
        return None


@pytest.mark.parametrize("usual", [True, False])
def test_a_state_that_would_run_is_none(usual, tmp_path):
    """Optuna's own runs it, so that the trap is known to work."""
    study, _ = proposed(lambda number: build(seed=number), trials=3)
    evil = pickle.dumps(Trap(tmp_path / "marker")).hex()
    last = study.trials[-1]
    about = {"params": last.params, "distributions": last.distributions, "value": 0.0}
    kept = {"cma:optimizer:0": evil}
    study.add_trial(optuna.trial.create_trial(**about, system_attrs=kept))
    study.sampler = optuna.samplers.CmaEsSampler(n_startup_trials=1) if usual else build(seed=7)
    study.ask().suggest_float("x", -1, 1)
    assert (tmp_path / "marker").exists() == usual
