"""Short complete runs ranked by what the long runs are expected to reach."""

import pytest
from ray import tune

from tests.oracles import make_report
from tests.tuner.simulated_study import load_frames, run_study, watched_writes
from tuner.config.compose import compose_plan
from tuner.schedulers import asha, halving
from tuner.schedulers.core import corrected_board
from tuner.schedulers.core.corrected_board import CorrectedBoard, describe_unrelated
from tuner.schedulers.core.factory import build_scheduler
from tuner.schedulers.core.knob_features import encode_knobs
from tuner.schedulers.core.ranking import RankingAccuracy
from tuner.schedulers.core.rung_board import RungBoard
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.search import parse_search_arguments

SEARCHED = {"optimizer.lr": tune.uniform(0, 1)}
LRS = [0.95, 0.05, 0.5, 0.8, 0.2, 0.65, 0.35, 0.9]
"""Of eight trials; the higher, the better the short run and the worse the long one."""


def build(module=halving, fidelity="schedule", trials=8, *, searched=SEARCHED, goal=False, **knobs):
    plan = FidelityPlan(epochs=4, trials=trials, fidelity=fidelity, is_multi_objective=goal)
    return module.build(fidelity_plan=plan, searched=searched, rungs=(0.25,), **knobs)


def run_short(scheduler, trial, lr):
    scheduler.on_start(trial)
    return scheduler.on_report(trial, make_report(1, 0.2 + 0.1 * lr), {"optimizer.lr": lr})


def run_long(scheduler, trial, lr):
    for epoch in range(1, 5):
        report = make_report(epoch, 0.1 * epoch - 0.1 * lr, level=1)
        assert scheduler.on_report(trial, report, {"optimizer.lr": lr}) == "continue"
    scheduler.on_end(trial)


def run_all(scheduler):
    """Run eight trials on one worker; return in which order they were run in full length."""
    order = []
    for trial, lr in enumerate(LRS):
        if run_short(scheduler, str(trial), lr) == "continue":
            run_long(scheduler, str(trial), lr)
            order.append(trial)
    while step := scheduler.next_to_resume(is_idle=True):
        scheduler.on_resume(step)
        run_long(scheduler, step.trial, LRS[int(step.trial)])
        order.append(int(step.trial))
    return order


def test_pairs_teach_which_trials_continue():
    """After three that only seemed good, the trials with the lowest learning rates follow."""
    assert run_all(build(keep=(5 / 8,), correction="none")) == [0, 7, 3, 5, 2]
    assert run_all(build(keep=(5 / 8,))) == [0, 7, 3, 1, 4]


def test_asha_runs_as_many_in_full_length_as_without_correction():
    by_accuracy = run_all(build(asha, reduction_factor=2, correction="none"))
    corrected = run_all(build(asha, reduction_factor=2))
    assert len(corrected) == len(by_accuracy)
    assert corrected[:3] == by_accuracy[:3]
    assert 4 in corrected
    assert 4 not in by_accuracy


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, CorrectedBoard),
        ({"correction": "none"}, RungBoard),
        ({"fidelity": "attack"}, RungBoard),
        ({"fidelity": "epochs"}, RungBoard),
        ({"searched": {}}, RungBoard),
    ],
)
@pytest.mark.parametrize("module", [asha, halving])
def test_complete_short_runs_of_searches_are_corrected(module, changes, expected):
    assert [type(board) for board in build(module, **changes).boards] == [expected]


def test_two_objectives_are_not_corrected():
    assert not isinstance(build(goal=True).boards[0], CorrectedBoard)


def fill_board(pairs, n_trials=12):
    board = CorrectedBoard(SEARCHED)
    for trial in range(n_trials):
        lr = trial / (n_trials - 1)
        board.add(str(trial), RankingAccuracy(0.2 + 0.1 * lr), knobs={"optimizer.lr": lr})
    for trial, accuracy in pairs.items():
        board.promote(trial)
        board.record_next_run(trial, accuracy)
    return board


def test_two_pairs_correct_nothing():
    board = fill_board({"11": 0.1, "6": 0.3})
    assert board.values == pytest.approx({str(n): 0.2 + 0.1 * n / 11 for n in range(12)})
    board.promote("0")
    board.record_next_run("0", 0.5)
    assert min(board.values, key=board.values.__getitem__) == "11"


def test_a_trial_that_arrives_later_is_corrected_too():
    board = fill_board({"11": 0.1, "6": 0.3, "0": 0.5})
    for trial, lr in {"low": 0.1, "high": 0.9}.items():
        board.add(trial, RankingAccuracy(0.25), knobs={"optimizer.lr": lr})
    assert board.values["low"] > board.values["high"] + 0.1


def test_a_long_run_that_failed_teaches_nothing():
    scheduler = build()
    for trial, lr in enumerate(LRS):
        run_short(scheduler, str(trial), lr)
    scheduler.on_resume(scheduler.next_to_resume(is_idle=False))
    failed = make_report(4, 0.0, level=1, diverged=True)
    scheduler.on_report("0", failed, {"optimizer.lr": LRS[0]})
    assert scheduler.boards[0].longer == {}


def test_a_large_study_fits_few_models_to_few_trials(monkeypatch):
    """A fit at 3, 4, ... 20 pairs, then at 22 and at 24, a tenth more each."""
    sizes = []

    class CountingModel(corrected_board.LongRunModel):
        def __init__(self, runs):
            sizes.append((len(runs.short), len(runs.to_points().trials)))
            super().__init__(runs)

    monkeypatch.setattr(corrected_board, "LongRunModel", CountingModel)
    monkeypatch.setattr(corrected_board, "MAX_PAIRED", 6)
    monkeypatch.setattr(corrected_board, "MAX_FITTED", 10)
    board = fill_board({str(n): 0.3 + n % 7 / 100 for n in range(25)}, n_trials=40)
    assert len(sizes) == 18 + 2
    assert sizes[0] == (10, 13)
    assert sizes[-1] == (10, 16)
    assert len(board.values) == 40


def test_users_are_warned_that_short_runs_say_nothing(monkeypatch):
    board = fill_board({str(n): 0.3 for n in (0, 2, 5, 8, 11)})
    assert describe_unrelated([RungBoard(), board]) == ""
    board.model.unrelated = 0.9
    finding = "short runs said nothing about long ones (5 trials were run in both lengths)."
    assert finding in describe_unrelated([RungBoard(), board])
    scheduler = build()
    scheduler.boards[0] = board
    assert finding in scheduler.describe_findings()


def test_a_killed_study_resumes_with_equal_decisions(tmp_path):
    words = ["trials=12", "epochs=8", "scheduler=halving", "scheduler.keep=[1/2]"]
    words += ["searcher=random", "concurrency=2"]
    assert run_study(tmp_path / "whole", *words)[0] == 0
    expected = load_frames(tmp_path / "whole")[0].set_index("trial_id")["epochs"]
    with watched_writes(tmp_path / "killed", kill_at=60) as writes:
        run_study(tmp_path / "killed", *words)
    assert writes.was_killed
    assert run_study(tmp_path / "killed", *words)[0] == 0
    found = load_frames(tmp_path / "killed")[0].set_index("trial_id")["epochs"]
    assert (expected == 10).sum() == 6
    assert found.to_dict() == expected.to_dict()


@pytest.mark.parametrize("space", ["modern_joint", "fast_at_joint", "recent_optimizers"])
def test_variants_with_different_knobs_are_not_corrected(space):
    plan = compose_plan(*parse_search_arguments([f"space={space}"]))
    assert len(plan.variants) > 1
    scheduler = build_scheduler(plan)
    assert not any(isinstance(board, CorrectedBoard) for board in scheduler.boards)


@pytest.mark.parametrize(
    ("value", "expected"), [("None", 0.5), (0.0, 0.0), (1e-3, 0.5), (5.0, 1.0)]
)
def test_values_outside_a_range_have_a_place(value, expected):
    """A fixed value of another variant, or none; the middle of 1e-6 and 1 is 1e-3."""
    assert encode_knobs({"a": value}, {"a": tune.loguniform(1e-6, 1)}) == pytest.approx([expected])


def test_a_short_run_that_fails_leaves_its_place_to_another():
    board = CorrectedBoard({"optimizer.lr": tune.loguniform(1e-3, 1)})
    for trial, accuracy in enumerate((0.1, 0.2, 0.3, 0.4, 0.5)):
        board.add(str(trial), RankingAccuracy(accuracy), knobs={"optimizer.lr": 0.1})
    for failed in ("0", "1"):
        board.drop_failed(failed)
    assert board.best_paused(2) == "4"
