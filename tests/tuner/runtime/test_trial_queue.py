"""What is run next, and what becomes of trials that wait, die or fail."""

import optuna
import pytest
from ray import tune
from ray.tune.search import Searcher

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
def _whole(monkeypatch):
    """Let every checkpoint be whole."""
    monkeypatch.setattr("tuner.runtime.resume.state.rewind", lambda record: record)
    monkeypatch.setattr("tuner.runtime.trial_queue.checkpoint_position", lambda folder: (0, 1))


class Study:
    """An agenda and a Ray that trains nothing."""

    def __init__(self, scheduler, trials=2, epochs=2, memory=None, **knobs):
        rule = scheduler.build(course=FidelityPlan(epochs=epochs, trials=trials), **knobs)
        self.study = OptunaSearcher(
            [SPACE],
            lambda number: optuna.samplers.RandomSampler(seed=number),
            listed=False,
            levels=rule.levels,
        )
        self.agenda = TrialQueue(
            self.study,
            rule,
            memory or ResumeState(),
            trials,
            lambda record, own: record.checkpoint if own else "copy",
        )
        self.names = iter("abcdefgh")

    def asks(self):
        """Ask for a trial as Ray does; return its name and configuration."""
        name = next(self.names)
        config = self.agenda.suggest(name)
        if isinstance(config, dict):
            groups = {"optimizer": config["optimizer"]}
            self.agenda.records.setdefault(
                config["trial"], Record(config["trial"], {}, 0, groups)
            ).times_resumed = config["went_on"]
        return name, config

    def reports(self, name, config, *values, first=1):
        """Report epochs until the agenda ends the trial; return whether it did."""
        number = config["trial"]
        for epoch, value in enumerate(values, start=first):
            each = make_report(epoch, value)
            self.agenda.records[number].reports.append(each)
            if self.agenda.decide(number, each) != "continue":
                break
        self.agenda.on_trial_complete(name, vars(each))


def test_a_study_ends_when_all_have_ended():
    study = Study(none)
    (a, first), (b, second) = study.asks(), study.asks()
    assert [first["trial"], second["trial"]] == ["0000", "0001"]
    assert study.asks()[1] is None  # two are running and may yet need to go on
    study.reports(a, first, 0.1, 0.2)
    study.reports(b, second, 0.1, 0.2)
    assert study.asks()[1] == Searcher.FINISHED
    assert {trial.state for trial in study.study.study.trials} == {STATE.COMPLETE}


def test_the_best_of_those_that_wait_goes_on_from_its_checkpoint():
    study = Study(halving, keep=(0.5,), rungs=(0.5,))
    for value in (0.2, 0.3):
        name, config = study.asks()
        study.reports(name, config, value)
    study.agenda.records["0001"].checkpoint = "/kept"
    name, config = study.asks()
    assert (config["trial"], config["goes_on_from"]) == ("0001", "/kept")
    assert (config["went_on"], config["waited"]) == (1, True)
    assert config["optimizer"] == study.agenda.records["0001"].groups["optimizer"]
    study.reports(name, config, 0.4, first=2)
    assert study.asks()[1] == Searcher.FINISHED
    told = [(trial.state, trial.value) for trial in study.study.study.trials]
    assert told == [(STATE.PRUNED, 0.2), (STATE.PRUNED, 0.3), (STATE.COMPLETE, 0.4)]


def test_where_time_runs_out_who_waits_goes_on_before_new_trials_begin():
    study = Study(halving, trials=4, keep=(0.25,), rungs=(0.5,))
    name, config = study.asks()
    study.reports(name, config, 0.2)
    assert study.asks()[1]["trial"] == "0001"
    study.agenda.time_is_short = lambda: True
    assert study.asks()[1]["trial"] == "0000"
    assert study.asks()[1]["trial"] == "0002"  # there is room for one at the top


def test_a_trial_whose_process_died_goes_on_a_few_times():
    study = Study(none, trials=1)
    name, config = study.asks()
    for death in range(1, MAX_PROCESS_DEATHS):
        assert study.agenda.handle_failure(name, process_died=True)
        name, again = study.asks()
        assert (again["trial"], again["went_on"], again["waited"]) == ("0000", death, False)
        assert again["optimizer"] == config["optimizer"]
    assert not study.agenda.handle_failure(name, process_died=True)
    assert study.asks()[1] == Searcher.FINISHED
    assert [trial.state for trial in study.study.study.trials] == [STATE.FAIL]


def test_what_is_reported_again_is_heard_once():
    """A process dies at a rung before the checkpoint is kept; meanwhile its trial waits on top."""
    study = Study(halving, trials=2, keep=(0.5,), rungs=(0.5,))
    (a, _), (b, second) = study.asks(), study.asks()
    study.reports(b, second, 0.2)
    study.agenda.records["0000"].reports.append(make_report(1, 0.3))
    assert study.agenda.decide("0000", make_report(1, 0.3)) == "pause"
    assert study.agenda.handle_failure(a, process_died=True)
    c, again = study.asks()
    assert (again["trial"], again["waited"]) == ("0000", False)
    assert study.asks()[1] is None  # who is to report again does not go on as well
    study.reports(c, again, 0.3)
    assert study.agenda.decisions["0000"] == "pause"
    d, long = study.asks()
    assert (long["trial"], long["waited"]) == ("0000", True)
    study.reports(d, long, 0.4, first=2)
    assert study.asks()[1] == Searcher.FINISHED


def test_a_trial_that_has_reported_all_it_was_to_is_over():
    study = Study(halving, trials=2, keep=(0.5,), rungs=(0.5,))
    study.asks()
    record = study.agenda.records["0000"]
    assert not study.agenda.is_finished(record)
    record.reports.append(make_report(1, 0.3))
    assert not study.agenda.is_finished(record)  # the rule has not been asked yet
    study.agenda.decide("0000", make_report(1, 0.3))
    assert study.agenda.is_finished(record)
    plain = Study(none, trials=1)
    plain.asks()
    record = plain.agenda.records["0000"]
    for epoch in (1, 2):
        assert not plain.agenda.is_finished(record)
        record.reports.append(make_report(epoch, 0.3))
        plain.agenda.decide("0000", make_report(epoch, 0.3))
    assert plain.agenda.is_finished(record)


def test_a_trial_whose_process_died_before_it_began_is_begun_again():
    study = Study(none, trials=1)
    first = study.agenda.suggest("x")
    assert study.agenda.handle_failure("x", process_died=False)
    name, again = study.asks()
    assert again == first
    study.reports(name, again, 0.1, 0.2)
    assert study.asks()[1] == Searcher.FINISHED
    assert [trial.state for trial in study.study.study.trials] == [STATE.COMPLETE]


def test_a_trial_that_raised_is_not_tried_again():
    study = Study(none, trials=1)
    name, _ = study.asks()
    study.agenda.on_trial_complete(name, error=True)  # of which Ray tells first
    assert study.asks()[1] is None
    assert not study.agenda.handle_failure(name, process_died=False)
    assert study.asks()[1] == Searcher.FINISHED


def test_who_was_cut_off_goes_first():
    cut_off = Record("0000", {}, 0, {"optimizer": {"lr": 0.05}}, [make_report(1, 0.1)])
    cut_off.checkpoint = "/kept"
    memory = ResumeState({"0000": cut_off}, {}, {"0000": 0}, ["0000"])
    study = Study(none, memory=memory)
    study.study.suggest("before")
    study.study.detach("before")
    _, config = study.asks()
    assert (config["trial"], config["goes_on_from"]) == ("0000", "/kept")
    assert config["optimizer"] == {"lr": 0.05}
    assert study.asks()[1]["trial"] == "0001"
