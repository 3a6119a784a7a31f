"""Trials distributed over schedulers, and the scheduler of a plan."""

from types import SimpleNamespace

import pytest
from ray import tune

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.config.settings import Settings
from tuner.schedulers import asha
from tuner.schedulers.core import factory
from tuner.schedulers.core.asha_stopping import AshaStopping
from tuner.schedulers.core.brackets import Brackets, next_bracket, split_trials
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume, Scheduler


class Recorder(Scheduler):
    """Records its calls and has a trial to resume, perhaps only for an idle slot."""

    def __init__(self, level, waiting="", only_idle=False):
        super().__init__((Level(level + 1),))
        self.level, self.waiting, self.only_idle = level, waiting, only_idle
        self.calls = []

    def on_start(self, trial):
        self.calls.append(("start", trial))
        return self.level

    def on_report(self, trial, report, knobs):
        self.calls.append(("report", trial, report.epoch, knobs))
        return "stop"

    def on_end(self, trial):
        self.calls.append(("end", trial))

    def on_resume(self, resume):
        self.calls.append(("resume", resume.trial))

    def next_to_resume(self, *, is_idle):
        there = self.waiting and (is_idle or not self.only_idle)
        return Resume(self.waiting, self.waiting) if there else None


def test_each_trial_is_that_of_its_bracket():
    first, second = Recorder(0), Recorder(1)
    brackets = Brackets([first, second], [2, 1])
    assert brackets.levels == (Level(1),)
    assert [brackets.on_start(trial) for trial in "abcdef"] == [0, 1, 0, 0, 1, 0]
    assert brackets.n_assigned == [4, 2]
    assert brackets.on_report("b", make_report(3, 0.5), {"lr": 1}) == "stop"
    brackets.on_end("a")
    brackets.on_resume(Resume("e", "e"))
    assert first.calls == [("start", each) for each in "acdf"] + [("end", "a")]
    assert second.calls == [
        *(("start", each) for each in "be"),
        ("report", "b", 3, {"lr": 1}),
        ("resume", "e"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "busy", "idle"),
    [
        (("a", False), ("b", False), "a", "a"),
        (("a", True), ("b", False), "b", "b"),  # a complete rung comes before an idle slot
        (("a", True), ("b", True), None, "a"),
        (("", False), ("b", True), None, "b"),
        (("", False), ("", False), None, None),
    ],
)
def test_complete_rungs_of_all_brackets_come_before_idle_slots(first, second, busy, idle):
    brackets = Brackets([Recorder(0, *first), Recorder(1, *second)], [1, 1])
    for is_idle, expected in ((False, busy), (True, idle)):
        found = brackets.next_to_resume(is_idle=is_idle)
        assert (found and found.trial) == expected


@pytest.mark.parametrize(
    ("trials", "shares", "counts"),
    [(10, [3, 1], [8, 2]), (6, [3, 2, 1], [3, 2, 1]), (7, [1, 1], [4, 3]), (3, [5], [3])],
)
def test_counts_stay_close_to_the_shares(trials, shares, counts):
    assert split_trials(trials, shares) == counts
    assert next_bracket(counts, shares) in range(len(shares))


@pytest.mark.parametrize(
    ("epochs", "wanted", "rungs", "shares"),
    [
        (27, 1, [[0, 1, 2]], None),
        (27, 2, [[0, 1, 2], [1, 2]], [3, 2]),
        (27, 3, [[0, 1, 2], [1, 2], [2]], [3, 2, 1]),
        (27, 9, [[0, 1, 2], [1, 2], [2]], [3, 2, 1]),
        (1, 5, [[]], None),  # a run of one epoch has no rung
    ],
)
def test_asha_has_a_bracket_per_first_rung(epochs, wanted, rungs, shares):
    """Rungs after 1, 3 and 9 epochs; a later bracket skips the first of them."""
    plan = FidelityPlan(epochs=epochs, trials=9)
    built = asha.build(
        fidelity_plan=plan,
        variant="stopping",
        grace=1 / epochs,
        reduction_factor=3,
        brackets=wanted,
    )
    assert isinstance(built, Brackets) == (shares is not None)
    each = built.schedulers if shares else [built]
    assert not shares or built.shares == shares
    for scheduler, own in zip(each, rungs, strict=True):
        assert scheduler.levels == (Level(epochs),)
        scheduler.on_start("t")
        reached = []
        for epoch in range(1, epochs + 1):
            before = [len(each.kept) for each in scheduler.rung_accuracies]
            assert scheduler.on_report("t", make_report(epoch, 0.5), {}) == "continue"
            after = [len(each.kept) for each in scheduler.rung_accuracies]
            reached += [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if b > a]
        assert reached == own


def test_asha_without_brackets_begins_at_the_first_rung():
    schedule = FidelityPlan(epochs=4, trials=2).schedule_rungs([0.25, 0.5])
    scheduler = AshaStopping(schedule, 2)
    assert (scheduler.on_start("a"), scheduler.positions["a"].rung) == (0, 0)
    late = FidelityPlan(epochs=4, trials=2, fidelity="schedule").schedule_rungs([0.25, 0.5])
    assert AshaStopping(late, 2, first_rung=2).on_start("a") == 2


def test_the_grace_of_asha_is_a_first_rung_of_an_epoch_at_least():
    def epochs(**settings):
        built = asha.build(fidelity_plan=FidelityPlan(epochs=20, trials=9), **settings)
        return [rung.epoch for rung in built.rung_schedule.rungs]

    assert epochs() == [12]  # without a drop of the learning rate
    assert epochs(grace=0.0, reduction_factor=3) == [1, 3, 9]
    assert epochs(grace=0.2, reduction_factor=2) == [4, 8, 16]
    assert asha.rung_shares(1 / 3, 2) == [0.333333333, 0.666666667]
    assert asha.rung_shares(1.0, 2) == []


@pytest.mark.parametrize(
    ("fidelity", "earlier", "levels"),
    [
        (None, (), (Level(8),)),
        ("schedule", (), (Level(2), Level(8))),
        ("schedule", (Level(4),), (Level(4), Level(8))),
    ],
)
def test_the_scheduler_of_a_plan_has_its_epochs_trials_and_fidelity(fidelity, earlier, levels):
    plan = SimpleNamespace(
        epochs=8,
        trials=12,
        settings=Settings(fidelity=fidelity, seed=5),
        variants=[SimpleNamespace(searched={"optimizer.lr": tune.uniform(0, 1)}), None],
        scheduler={"name": "halving", "rungs": (0.25,), "keep": (0.5,)},
    )
    built = factory.build_scheduler(plan, earlier, frozenset({None}))
    assert built.levels == levels
    assert built.slots == [12, 6, *([3] if earlier else [])][: len(built.rung_schedule.rungs) + 1]


def test_the_scheduler_of_a_plan_has_its_knobs_and_seed():
    plan = SimpleNamespace(
        epochs=8,
        trials=4,
        settings=Settings(fidelity=None, seed=5),
        variants=[SimpleNamespace(searched={"optimizer.lr": tune.choice([1, 2])})],
        scheduler={"name": "pbt", "interval": 0.25},
    )
    built = factory.build_scheduler(plan, (), frozenset({None}))
    assert (built.seed, built.n_trials) == (5, 4)
    for trial, value in {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2}.items():
        built.on_start(trial)
        built.on_report(trial, make_report(2, value), {"optimizer.lr": 1})
    assert built.next_to_resume(is_idle=False).hyperparameters.keys() == {"optimizer.lr"}
