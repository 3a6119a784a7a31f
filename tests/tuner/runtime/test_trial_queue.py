"""Which trial runs next, and what happens to trials that pause, die or fail."""

import optuna
import pytest
from ray import tune

from tests.oracles import make_report
from tuner.config.plan import Variant
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.trial_queue import MAX_PROCESS_DEATHS, TrialQueue
from tuner.schedulers import halving, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.trial import Record

STATE = optuna.trial.TrialState
SPACE = Variant(label="", fixed={}, searched={"optimizer.lr": tune.loguniform(1e-3, 1e-1)})


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(autouse=True)
def _valid_checkpoints(monkeypatch):
    """Treat every checkpoint as valid."""
    monkeypatch.setattr("tuner.runtime.resume.state.rewind", lambda record: record)
    monkeypatch.setattr("tuner.runtime.trial_queue.checkpoint_position", lambda folder: (0, 1))


class Study:
    """A trial queue and a Ray that trains nothing."""

    def __init__(self, scheduler, trials=2, epochs=2, resume_state=None, **knobs):
        rule = scheduler.build(fidelity_plan=FidelityPlan(epochs=epochs, trials=trials), **knobs)
        self.study = OptunaSearcher(
            [SPACE],
            lambda number: optuna.samplers.RandomSampler(seed=number),
            listed=False,
            levels=rule.levels,
        )
        self.queue = TrialQueue(
            self.study,
            rule,
            resume_state or ResumeState(),
            trials,
            lambda record, own: record.checkpoint if own else "copy",
        )
        self.names = iter("abcdefgh")

    def asks(self):
        """Ask for a trial as Ray does; return its name and configuration."""
        name = next(self.names)
        config = self.queue.suggest(name)
        if isinstance(config, dict):
            groups = {"optimizer": config["optimizer"]}
            self.queue.records.setdefault(
                config["trial"], Record(config["trial"], {}, 0, groups)
            ).times_resumed = config["went_on"]
        return name, config

    def is_over(self):
        """Return whether no trial runs and none will."""
        return self.asks()[1] is None and not self.queue.running

    def reports(self, name, config, *values, first=1):
        """Report epochs until the queue ends the trial."""
        number = config["trial"]
        for epoch, value in enumerate(values, start=first):
            each = make_report(epoch, value)
            self.queue.records[number].reports.append(each)
            if self.queue.decide(number, each) != "continue":
                break
        self.queue.on_trial_complete(name, vars(each))


def test_a_study_ends_when_all_have_ended():
    study = Study(none)
    (a, first), (b, second) = study.asks(), study.asks()
    assert [first["trial"], second["trial"]] == ["0000", "0001"]
    assert study.asks()[1] is None  # two are running and may have to be resumed
    study.reports(a, first, 0.1, 0.2)
    study.reports(b, second, 0.1, 0.2)
    assert study.is_over()
    assert {trial.state for trial in study.study.study.trials} == {STATE.COMPLETE}


def test_the_best_paused_trial_resumes_from_its_checkpoint():
    study = Study(halving, keep=(0.5,), rungs=(0.5,))
    for value in (0.2, 0.3):
        name, config = study.asks()
        study.reports(name, config, value)
    study.queue.records["0001"].checkpoint = "/kept"
    name, config = study.asks()
    assert (config["trial"], config["goes_on_from"]) == ("0001", "/kept")
    assert (config["went_on"], config["waited"]) == (1, True)
    assert config["optimizer"] == study.queue.records["0001"].groups["optimizer"]
    study.reports(name, config, 0.4, first=2)
    assert study.is_over()
    outcomes = [(trial.state, trial.value) for trial in study.study.study.trials]
    assert outcomes == [(STATE.PRUNED, 0.2), (STATE.PRUNED, 0.3), (STATE.COMPLETE, 0.4)]


def test_when_time_is_short_paused_trials_resume_before_new_ones_start():
    study = Study(halving, trials=4, keep=(0.25,), rungs=(0.5,))
    name, config = study.asks()
    study.reports(name, config, 0.2)
    assert study.asks()[1]["trial"] == "0001"
    study.queue.time_is_short = lambda: True
    assert study.asks()[1]["trial"] == "0000"
    assert study.asks()[1]["trial"] == "0002"  # one slot is free at the top


def test_a_trial_whose_process_died_is_resumed_a_few_times():
    study = Study(none, trials=1)
    name, config = study.asks()
    for death in range(1, MAX_PROCESS_DEATHS):
        assert study.queue.handle_failure(name, "died")
        name, again = study.asks()
        assert (again["trial"], again["went_on"], again["waited"]) == ("0000", death, False)
        assert again["optimizer"] == config["optimizer"]
    assert not study.queue.handle_failure(name, "died")
    assert study.is_over()
    assert [trial.state for trial in study.study.study.trials] == [STATE.FAIL]


def test_a_repeated_report_counts_once():
    """A process dies at a rung before the checkpoint is kept; meanwhile its trial waits on top."""
    study = Study(halving, trials=2, keep=(0.5,), rungs=(0.5,))
    (a, _), (b, second) = study.asks(), study.asks()
    study.reports(b, second, 0.2)
    study.queue.records["0000"].reports.append(make_report(1, 0.3))
    assert study.queue.decide("0000", make_report(1, 0.3)) == "pause"
    assert study.queue.handle_failure(a, "died")
    c, again = study.asks()
    assert (again["trial"], again["waited"]) == ("0000", False)
    assert study.asks()[1] is None  # a trial that reports again is not resumed as well
    study.reports(c, again, 0.3)
    assert study.queue.decisions["0000"] == "pause"
    d, long = study.asks()
    assert (long["trial"], long["waited"]) == ("0000", True)
    study.reports(d, long, 0.4, first=2)
    assert study.is_over()


def test_a_trial_that_has_reported_all_it_was_to_is_over():
    study = Study(halving, trials=2, keep=(0.5,), rungs=(0.5,))
    study.asks()
    record = study.queue.records["0000"]
    assert not study.queue.is_finished(record)
    record.reports.append(make_report(1, 0.3))
    assert not study.queue.is_finished(record)  # the rule has not been asked yet
    study.queue.decide("0000", make_report(1, 0.3))
    assert study.queue.is_finished(record)
    plain = Study(none, trials=1)
    plain.asks()
    record = plain.queue.records["0000"]
    for epoch in (1, 2):
        assert not plain.queue.is_finished(record)
        record.reports.append(make_report(epoch, 0.3))
        plain.queue.decide("0000", make_report(epoch, 0.3))
    assert plain.queue.is_finished(record)


def test_a_trial_whose_process_died_before_it_began_is_begun_again():
    study = Study(none, trials=1)
    first = study.queue.suggest("x")
    assert study.queue.handle_failure("x", "raised")
    name, again = study.asks()
    assert again == first
    study.reports(name, again, 0.1, 0.2)
    assert study.is_over()
    assert [trial.state for trial in study.study.study.trials] == [STATE.COMPLETE]


def test_a_trial_that_raised_is_not_tried_again():
    study = Study(none, trials=1)
    name, _ = study.asks()
    assert not study.queue.handle_failure(name, "raised")
    assert study.is_over()


def test_an_interrupted_trial_is_first():
    interrupted = Record("0000", {}, 0, {"optimizer": {"lr": 0.05}}, [make_report(1, 0.1)])
    interrupted.checkpoint = "/kept"
    resume_state = ResumeState({"0000": interrupted}, {}, {"0000": 0}, ["0000"])
    study = Study(none, resume_state=resume_state)
    study.study.suggest("before")
    study.study.detach("before")
    _, config = study.asks()
    assert (config["trial"], config["goes_on_from"]) == ("0000", "/kept")
    assert config["optimizer"] == {"lr": 0.05}
    assert study.asks()[1]["trial"] == "0001"


@pytest.mark.parametrize("has_started", [False, True])
def test_a_run_without_a_process_is_repeated_and_not_counted(has_started):
    study = Study(none, trials=1)
    for _ in range(MAX_PROCESS_DEATHS + 1):
        name, config = study.asks() if has_started else ("x", study.queue.suggest("x"))
        assert config["trial"] == "0000"
        assert study.queue.handle_failure(name, "lost")
    name, config = study.asks()
    study.reports(name, config, 0.1, 0.2)
    assert study.is_over()
