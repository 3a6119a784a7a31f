"""Replays of recorded runs, by hand and on those of a paper."""

import json
from pathlib import Path

import optuna
import pandas as pd
import pytest
from ray import tune

from tests.oracles import make_report
from trainables.errors import InputError
from trainables.training.fidelity import Level
from tuner.config.compose import compose_plan
from tuner.config.plan import Variant
from tuner.replay.compare import (
    ONE_EPOCH_FIRST,
    RANDOM_SEARCH,
    THIS_STUDY,
    regret_by_cost,
    replay_rows,
    run_best_after_one_epoch,
    run_to_end,
)
from tuner.replay.recordings import Archive, Recording, load_archive
from tuner.replay.simulate import Replay, ReplayPoint, value_distance
from tuner.schedulers import asha, halving, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.search import main, parse_search_arguments

CURVES = Path(__file__).parents[4] / "shared/data/at_learning_curves.csv.gz"
RATE = [Variant(label="", fixed={}, searched={"optimizer.lr": tune.loguniform(1e-3, 1e-1)})]
NOTHING = [Variant(label="", fixed={}, searched={"data.crop": tune.randint(0, 4)})]
"""A knob that no recorded run knows, so that runs are met in their order."""


def run(name, *values, level=0, **knobs):
    reports = tuple(make_report(e, v, level=level) for e, v in enumerate(values, start=1))
    return Recording(name, {k.replace("__", "."): v for k, v in knobs.items()}, reports)


RUNS = Archive(
    (
        run("low", 0.1, 0.2, 0.3, 0.3, optimizer__lr=0.001),
        run("mid", 0.2, 0.3, 0.5, 0.4, optimizer__lr=0.01),
        run("high", 0.3, 0.1, 0.1, 0.1, optimizer__lr=0.1),
    ),
    (Level(4),),
)


def replay(rule, workers=1, archive=RUNS, order=0, trials=3):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = Replay(
        archive,
        NOTHING,
        lambda number: optuna.samplers.RandomSampler(seed=number),
        rule,
        trials,
        is_grid=False,
        order=order,
    )
    return list(made.simulate(workers))


def test_all_to_the_end_cost_all_there_is():
    moments = replay(none.build(fidelity_plan=FidelityPlan(epochs=4, trials=3)))
    assert moments[-1] == ReplayPoint(12, 12, 0.5)
    assert (
        replay(none.build(fidelity_plan=FidelityPlan(epochs=4, trials=3)), workers=3)[-1].time == 4
    )


def test_halving_spends_what_it_should_and_no_more():
    """One epoch each, then the other three of the best, which began with 0.3 and got no better."""
    rule = halving.build(fidelity_plan=FidelityPlan(epochs=4, trials=3), rungs=(0.25,), keep=(0.3,))
    assert replay(rule)[-1] == ReplayPoint(6, 6, 0.3)


def test_a_proposal_takes_the_nearest_run_that_is_left():
    fidelity_plan = FidelityPlan(epochs=4, trials=3)
    made = Replay(
        RUNS,
        RATE,
        lambda number: optuna.samplers.RandomSampler(seed=number),
        none.build(fidelity_plan=fidelity_plan),
        3,
        is_grid=False,
        order=0,
    )
    for number, (lr, expected) in enumerate([(0.02, "mid"), (0.009, "low"), (0.001, "high")]):
        made.start_trial({"trial": str(number), "level": 0, "optimizer": {"lr": lr}})
        assert made.assigned_runs[str(number)].name == expected


@pytest.mark.parametrize(
    ("domain", "one", "other", "expected"),
    [
        (tune.loguniform(1e-3, 1e-1), 1e-3, 1e-2, 0.5),
        (tune.uniform(0, 4), 1, 3, 0.5),
        (tune.choice(["a", "b"]), "a", "b", 1),
        (tune.uniform(0, 4), None, 3, 1),
    ],
)
def test_how_far_two_values_are_apart(domain, one, other, expected):
    assert value_distance(domain, one, other) == pytest.approx(expected)


def test_short_whole_runs_are_replayed_where_they_were_recorded():
    short = [(0.1, 0.2), (0.3, 0.1)]
    long = [(0.2, 0.6, 0.5, 0.4), (0.1, 0.2, 0.3, 0.2)]
    both = tuple(
        Recording(
            str(n), {"optimizer.lr": 0.01}, run("", *a).reports + run("", *b, level=1).reports
        )
        for n, (a, b) in enumerate(zip(short, long, strict=True))
    )
    archive = Archive(both, (Level(2), Level(4)))
    fidelity_plan = FidelityPlan(epochs=4, trials=2, fidelity="schedule")
    rule = halving.build(fidelity_plan=fidelity_plan, rungs=(0.5,), keep=(0.5,))
    assert replay(rule, archive=archive, trials=2)[-1] == ReplayPoint(8, 8, 0.3)
    assert replay(none.build(fidelity_plan=fidelity_plan), archive=archive, trials=2)[
        -1
    ] == ReplayPoint(8, 8, 0.6)
    other = halving.build(fidelity_plan=fidelity_plan, rungs=(0.25,))
    with pytest.raises(InputError, match=r"recorded runs are of 2 epochs, 4 epochs; .* 1 epochs"):
        replay(other, archive=archive, trials=2)


def test_what_costs_as_much_by_hand():
    """Ten epochs: two whole runs and half of a third; or three first epochs and seven more."""
    low, mid, high = RUNS.runs
    assert list(run_to_end([low, high, mid], 10))[-1] == ReplayPoint(10, 10, 0.3)
    assert list(run_to_end([low, mid, high], 10))[-1] == ReplayPoint(10, 10, 0.5)
    assert list(run_best_after_one_epoch([low, high, mid], 5))[-1] == ReplayPoint(5, 5, 0.3)
    assert list(run_best_after_one_epoch([low, high, mid], 10))[-1] == ReplayPoint(10, 10, 0.5)


def test_a_cost_without_a_result_is_left_blank():
    """The study has its first result at 0.2 of the cost, and spends 0.3."""
    rows = [{"contender": THIS_STUDY, "order": 0, "cost": c, "regret": 10 * c} for c in (0.2, 0.3)]
    shown = [next(iter(column.cells)) for column in regret_by_cost(pd.DataFrame(rows)).columns]
    assert shown == [THIS_STUDY, "", "", "", "2.00", "2.00", "", ""]


def test_baselines_do_not_pay_for_short_runs():
    """Short runs of 1 epoch and long ones of 2: the best of both resumes, for 2 + 2 of 4 epochs.

    Random search trains two of 2 epochs for as much, and the shares of the cost are those of it.
    """
    both = tuple(
        Recording(str(n), {}, run("", short).reports + run("", *long, level=1).reports)
        for n, (short, long) in enumerate([(0.1, (0.2, 0.6)), (0.3, (0.4, 0.5))])
    )
    archive = Archive(both, (Level(1), Level(2)))
    words = ["space=weight_decay", "epochs=2", "trials=2", "searcher=random"]
    halves = ["scheduler=halving", "scheduler.rungs=[1/2]", "scheduler.keep=[1/2]"]
    plan = compose_plan(*parse_search_arguments([*words, *halves]))
    frame = pd.DataFrame(replay_rows(plan, archive, 0))
    ends = frame.groupby("contender").last()
    assert ends["cost"].to_dict() == {THIS_STUDY: 1, RANDOM_SEARCH: 1, ONE_EPOCH_FIRST: 1}
    assert ends["regret"].to_dict() == {
        THIS_STUDY: pytest.approx(10),
        RANDOM_SEARCH: pytest.approx(0),
        ONE_EPOCH_FIRST: pytest.approx(0),
    }


@pytest.mark.parametrize("scheduler", ["pbt", "pb2"])
def test_knobs_of_recorded_runs_cannot_be_changed(scheduler, tmp_path, capsys):
    words = ["space=weight_decay", f"scheduler={scheduler}", f"replay={tmp_path}"]
    assert main([*words, "fidelity=epochs"]) == 2
    assert f"scheduler: {scheduler} changes knobs of running trials" in capsys.readouterr().err


@pytest.fixture
def curves():
    if not CURVES.exists():
        pytest.skip("needs the recorded runs of arXiv:2002.11569 in ../shared/data")
    return CURVES


def test_runs_that_asked_the_same_question_are_comparable(curves):
    """PreAct-ResNet-18 on CIFAR-10 against linf of 8/255, without more images."""
    archive = load_archive(curves)
    assert len(archive.runs) == 54
    assert archive.levels == (Level(200),)
    assert sum(len(each.reports) for each in archive.runs) == 10540
    assert (
        max(archive.runs, key=lambda each: each.best_accuracy).name
        == "cifar10_droplr/preactresnet_0.006"
    )
    decays = {each.knobs["optimizer.weight_decay"] for each in archive.runs}
    assert decays == {5e-4, 5e-3, 1e-2, 5e-2, 5e-1, 5.0, 50.0}


@pytest.mark.slow
def test_asha_falls_as_short_as_was_measured_elsewhere(curves):
    """Grace of 10 epochs, factor 3: 0.66 points short of the best at 17 % of the cost."""
    archive = load_archive(curves)
    regrets, costs = [], []
    for order in range(40):
        rule = asha.build(
            fidelity_plan=FidelityPlan(epochs=200, trials=54),
            variant="stopping",
            grace=10 / 200,
            reduction_factor=3,
        )
        last = replay(rule, archive=archive, order=order, trials=54)[-1]
        regrets.append(100 * (0.5399 - last.best_accuracy))
        costs.append(last.cost / 10540)
    # the median regret is that of one run in all of them; the median cost of 40 orders has a
    # standard error of 0.007, four of which are allowed
    assert pd.Series(regrets).median() == pytest.approx(0.66)
    assert pd.Series(costs).median() == pytest.approx(0.174, abs=0.03)


def test_a_rung_after_the_drop_finds_the_best_at_a_seventh_of_the_cost(curves, tmp_path, capsys):
    words = ["space=weight_decay", f"replay={curves}", "orders=2", "searcher=random"]
    rungs = ["fidelity=epochs", "scheduler=halving", "scheduler.rungs=[1/40,drop]"]
    rungs += ["scheduler.keep=[1/5,1/10]"]
    assert main([*words, *rungs, f"results={tmp_path}", "name=r"]) == 0
    frame = pd.read_parquet(tmp_path / "r/replay.parquet")
    ends = frame[frame["contender"] == "this study"].groupby("order").last()
    assert ends["regret"].tolist() == [0, 0]
    assert (ends["cost"] < 0.15).all()
    assert "random, run to the end" in capsys.readouterr().out


def test_a_study_is_replayed_from_its_folder(tmp_path):
    trials = pd.DataFrame({
        "trial_id": ["0000", "0001"],
        "status": ["completed", "failed"],
        "optimizer.lr": [0.1, 0.2],
    })
    rows = [
        {"trial_id": n, **vars(make_report(e, 0.1 * e))} for n in ("0000", "0001") for e in (1, 2)
    ]
    trials.to_parquet(tmp_path / "trials.parquet")
    pd.DataFrame(rows).to_parquet(tmp_path / "epochs.parquet")
    (tmp_path / "search.yaml").write_text(json.dumps({"levels": [{"epochs": 2, "attack": 1.0}]}))
    archive = load_archive(tmp_path)
    assert archive.levels == (Level(2),)
    assert archive.runs == (
        Recording("0000", {"optimizer.lr": 0.1}, (make_report(1, 0.1), make_report(2, 0.2))),
    )


def test_runs_that_were_recorded_at_one_length_have_no_short_ones(curves, tmp_path, capsys):
    words = ["space=weight_decay", f"replay={curves}", "orders=2", f"results={tmp_path}"]
    assert main(words) == 2
    assert "write fidelity=epochs" in capsys.readouterr().err
    assert main([*words, "fidelity=epochs", "trials=55"]) == 2
    assert "trials: must be at most 54" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00"])
def test_a_file_that_holds_no_runs_is_refused(tmp_path, capsys, content):
    (tmp_path / "log.csv").write_text(content)
    words = ["space=weight_decay", f"replay={tmp_path / 'log.csv'}", f"results={tmp_path}"]
    assert main(words) == 2
    assert "replay: " in capsys.readouterr().err


def test_a_recorded_name_is_far_from_any_number():
    assert value_distance(tune.uniform(0, 1), "sgd", 0.5) == 1.0
    assert value_distance(tune.uniform(0, 2), 0.5, 1.5) == 0.5
