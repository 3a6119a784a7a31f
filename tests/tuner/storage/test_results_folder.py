"""The results folder and the summary of a study, from hand-made records."""

import io
import json
import re
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.oracles import TINY_CONFIG, make_report
from trainables.training import checkpoint
from trainables.training.constraint import parse_constraint
from trainables.training.fidelity import Level
from trainables.training.trial import Trial
from tuner.cli.console import SafeConsole
from tuner.cli.format import format_finish_time
from tuner.config import description
from tuner.config.class_balance import ClassBalance
from tuner.config.compose import compose_plan
from tuner.config.objectives import Goal
from tuner.monitoring.display import show_progress
from tuner.monitoring.headline import format_headline
from tuner.monitoring.line_log import LineLog, format_line
from tuner.monitoring.live_table import LiveTable
from tuner.monitoring.summary import format_savings, print_summary
from tuner.monitoring.trials_table import trials_table
from tuner.runtime.outcome import report_outcome
from tuner.schedulers.core.scheduler import Scheduler
from tuner.search import parse_search_arguments
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder, safe_files
from tuner.storage.results_store import LocalStore


def make_trial(number, robust, status="completed", checkpoint_="there", error="", collapsed_at=0):
    reports = [make_report(epoch, value) for epoch, value in enumerate(robust, start=1)]
    if collapsed_at:
        reports[-1] = replace(reports[-1], collapsed_at=collapsed_at)
    knobs = {"optimizer.weight_decay": 10.0 ** -(number + 2)}
    groups = {"optimizer": {"name": "adam", "weight_decay": 10.0 ** -(number + 2)}}
    saved = checkpoint_ if reports else ""
    return Record(f"{number:04d}", knobs, 0, groups, reports, status, error, saved)


@pytest.fixture
def plan():
    return compose_plan(*parse_search_arguments(["space=weight_decay", "epochs=4", "trials=6"]))


@pytest.fixture
def progress():
    levels = (Level(4),)
    progress = StudyProgress(trials=6, levels=levels, concurrency=2, forecast=Scheduler(levels))
    progress.records = {
        "a": make_trial(0, [0.3, 0.5, 0.45, 0.2]),
        "b": make_trial(1, [0.1, 0.2], "stopped"),
        "c": make_trial(2, [], "failed", error="ValueError: no"),
        "d": make_trial(3, [0.4, 0.0], "diverged"),
        "e": make_trial(4, [0.3], "running"),
    }
    return progress


def test_trials_has_a_row_for_each_ended_trial(plan, progress, tmp_path):
    progress.records["a"].checkpoint = str(tmp_path / "trials/0000/checkpoint_000003")
    records = list(progress.records.values())
    frame = results_folder.trials_frame(records, plan.knob_columns, tmp_path).set_index("trial_id")
    assert list(frame.status) == ["completed", "stopped", "failed", "diverged"]
    best = frame.loc["0000"]
    assert best.best_epoch == 2
    assert best.val_robust_accuracy == 0.5
    assert best.last_val_robust_accuracy == 0.2
    assert best.robust_overfitting == pytest.approx(0.3)
    assert (best.epochs, best.seconds, best.gradient_passes) == (4, 8.0, 32.0)
    assert best["optimizer.weight_decay"] == 1e-2
    assert best.checkpoint == "trials/0000/checkpoint_000003"
    assert frame.loc["0002", "error"] == "ValueError: no"
    assert pd.isna(frame.loc["0002", "best_epoch"])


def test_the_step_of_a_collapse_is_in_the_frames_and_the_output(plan, progress, tmp_path):
    records = progress.records
    records["b"] = make_trial(1, [0.1, 0.0], "stopped", collapsed_at=400)
    trials = results_folder.trials_frame(list(records.values()), plan.knob_columns, tmp_path)
    assert trials.collapsed_at.dtype == "Int64"
    assert trials.collapsed_at.to_list() == [pd.NA, 400, pd.NA, pd.NA]
    epochs = results_folder.epochs_frame([records["b"]])
    assert list(epochs.collapsed_at) == [0, 400]
    for show in (
        lambda c: c.print(trials_table(progress)),
        lambda c: c.print(format_line(progress, records["b"])),
        lambda c: print_summary(c, progress, tmp_path, interrupted=False),
    ):
        assert "collapsed at step 400" in printed(show)
    assert "collapsed" not in format_line(progress, records["a"])


def test_the_micro_batch_after_running_out_of_memory_is_shown(plan, progress, tmp_path):
    progress.records["a"].reports[-1] = replace(make_report(4, 0.2), micro_batch=16)
    records = list(progress.records.values())
    trials = results_folder.trials_frame(records, plan.knob_columns, tmp_path).set_index("trial_id")
    assert trials.micro_batch.dtype == "Int64"
    assert trials.micro_batch["0000"] == 16
    assert trials.micro_batch.drop("0000").isna().all()
    assert results_folder.epochs_frame(records).micro_batch.dropna().tolist() == [16]
    for text in (
        format_line(progress, records[0]),
        printed(lambda c: c.print(trials_table(progress))),
    ):
        assert text.count("out of memory: micro-batch 16") == 1
    assert "micro-batch" not in format_line(progress, records[2])


def test_balanced_accuracies_are_in_the_frames_and_the_summary(plan, progress, tmp_path):
    """Trial a leads with 0.5; older reports have no balanced accuracies."""
    leader = progress.records["a"]
    leader.reports = [
        replace(each, val_balanced_clean_accuracy=0.75, val_balanced_robust_accuracy=0.25)
        for each in leader.reports
    ]
    records = list(progress.records.values())
    trials = results_folder.trials_frame(records, plan.knob_columns, tmp_path)
    assert trials.val_balanced_robust_accuracy.dropna().tolist() == [0.25]
    assert trials.val_balanced_clean_accuracy.dropna().tolist() == [0.75]
    epochs = results_folder.epochs_frame(records)
    assert epochs.val_balanced_robust_accuracy.dtype == "float64"
    assert epochs.val_balanced_robust_accuracy.dropna().tolist() == [0.25] * len(leader.reports)
    text = printed(lambda c: print_summary(c, progress, tmp_path, interrupted=False))
    assert "largest" not in text
    progress.class_balances = {"": ClassBalance(3, 0.6)}
    text = printed(lambda c: print_summary(c, progress, tmp_path, interrupted=False))
    assert "The largest of 3 classes has 60.0 % of the validation split" in text
    assert "robust 25.0 %, clean 75.0 %." in text
    assert "caution: the winner does not beat the largest class (robust 50.0 %)" in text
    for record in records:
        record.knobs["variant"] = "other"
    progress.class_balances["other"] = ClassBalance(3, 0.34)
    text = printed(lambda c: print_summary(c, progress, tmp_path, interrupted=False))
    assert "largest" not in text


def test_seed_statistics_are_in_the_frame_and_the_summary(plan, progress, tmp_path):
    """0.5 and 0.7 have a mean of 0.6 and a deviation of 0.1414; the other has one seed, 0.4."""
    again = make_trial(0, [0.7])
    again.trial_id, again.seed = "0000s1", 1
    other = make_trial(3, [0.4, 0.0])
    progress.records = {"0000": make_trial(0, [0.3, 0.5]), "0003": other, "0000s1": again}
    progress.n_images = 400
    trials = results_folder.add_seed_columns(
        results_folder.trials_frame(list(progress.records.values()), plan.knob_columns, tmp_path),
        progress,
    ).set_index("trial_id")
    assert trials.configuration.to_dict() == {"0000": "0000", "0003": "0003", "0000s1": "0000"}
    assert trials["mean"].to_dict() == pytest.approx({"0000": 0.6, "0003": 0.4, "0000s1": 0.6})
    assert trials["std"]["0000"] == pytest.approx(0.1414, abs=1e-4)
    assert trials["n"].to_dict() == {"0000": 2, "0003": 1, "0000s1": 2}
    assert trials.probability_best["0000"] > trials.probability_best["0003"]
    assert progress.leader is again
    text = printed(lambda c: print_summary(c, progress, tmp_path, interrupted=False))
    assert "trial 0000 (optimizer.weight_decay=0.01): 60.0 ± 14.1 %, n=2" in text


def test_without_further_seeds_the_frame_has_no_seed_columns(plan, progress, tmp_path):
    trials = results_folder.trials_frame(
        list(progress.records.values()), plan.knob_columns, tmp_path
    )
    assert list(results_folder.add_seed_columns(trials, progress)) == list(trials)


def test_epochs_has_a_row_for_each_report(progress):
    frame = results_folder.epochs_frame(list(progress.records.values()))
    assert len(frame) == 4 + 2 + 2 + 1
    assert list(frame.columns[:2]) == ["trial_id", "epoch"]
    assert frame.groupby("trial_id").val_robust_accuracy.max()["0000"] == 0.5


def test_empty_frames_have_their_columns(plan, tmp_path):
    trials = results_folder.trials_frame([], plan.knob_columns, tmp_path)
    assert {"trial_id", "optimizer.weight_decay", "error"} <= set(trials.columns)
    assert "val_robust_accuracy" in results_folder.epochs_frame([]).columns


def test_the_leader_has_the_best_epoch_of_the_trials_with_weights(progress):
    assert progress.leader is progress.records["a"]
    progress.records["a"].checkpoint = ""
    assert progress.leader is progress.records["d"]


def test_of_equal_trials_the_first_by_number_leads_whichever_began_first(progress):
    progress.records = {"b": make_trial(1, [0.3]), "a": make_trial(0, [0.3])}
    assert progress.leader is progress.records["a"]
    again = [
        replace(make_trial(number, [0.3]), trial_id=f"{number:04d}s1", seed=1) for number in (1, 0)
    ]
    progress.records |= {each.trial_id: each for each in again}
    assert progress.leader is progress.records["a"]


def test_the_time_left_is_estimated(progress):
    """One to begin (4 epochs), one with 3 to go; 2 s an epoch, two at a time: 8 seconds."""
    assert progress.seconds_left == pytest.approx(8.0)
    assert StudyProgress(trials=6, levels=(Level(4),), concurrency=2).seconds_left is None


def test_a_time_budget_limits_the_time_left(progress):
    progress.time_budget = progress.elapsed_seconds + 2
    assert progress.seconds_left == pytest.approx(2.0, abs=0.5)  # the clock runs
    progress.time_budget = 1e9
    assert progress.seconds_left == pytest.approx(8.0)


def test_the_headline_shows_the_finish_and_used_and_total_gpu_hours(progress):
    """Nine epochs of 2 s on a quarter of a GPU, and 7 epochs to come, for two at a time 8 s."""
    progress.gpu_share = 0.25 * 3600
    assert "4.5 of about 8 GPU-hours" in format_headline(progress, 200).plain
    assert "about 0:00:08 left, finish at " in format_headline(progress, 200).plain
    fresh = StudyProgress(trials=6, levels=(Level(4),), concurrency=2, gpu_share=1.0)
    assert "0 of about ? GPU-hours" in format_headline(fresh, 200).plain


def test_a_finish_on_another_day_is_shown_with_the_day():
    assert re.fullmatch(r"\w{3} \d\d \w{3} \d\d:\d\d", format_finish_time(30 * 3600))
    assert re.fullmatch(r"(\w{3} \d\d \w{3} )?\d\d:\d\d", format_finish_time(1))


def test_best_has_the_knobs_of_the_winner(plan, tmp_path):
    trial = Trial(TINY_CONFIG)
    trial.run_epoch()
    saved = tmp_path / "checkpoint"
    saved.mkdir()
    checkpoint.save(trial, saved)
    winner = make_trial(1, [0.1, 0.2], checkpoint_=str(saved))
    for _ in range(2):  # the second time replaces the first
        progress = StudyProgress(1, (Level(4),), 1, {winner.trial_id: winner})
        results_folder.write_best(tmp_path, plan, progress)
    assert {p.name for p in (tmp_path / "best").iterdir()} == {
        "config.yaml",
        "metrics.json",
        "model.safetensors",
    }
    config = yaml.safe_load((tmp_path / "best/config.yaml").read_text())
    assert config["optimizer"]["weight_decay"] == 1e-3
    assert config["epochs"] == 4
    assert json.loads((tmp_path / "best/metrics.json").read_text())["trial_id"] == "0001"
    assert checkpoint.load_model(tmp_path / "best").training is False


def test_search_yaml_describes_the_study(plan, tmp_path):
    command = ["python", "-m", "tuner.search", "space=weight_decay"]
    results_folder.write_search_yaml(
        tmp_path, description.describe_study(plan, [Level(4)], 0, command)
    )
    study = yaml.safe_load((tmp_path / "search.yaml").read_text())
    assert study["searched"] == {"optimizer.weight_decay": "loguniform(1e-05, 0.01)"}
    assert study["fixed"]["threat"] == {"name": "linf", "eps": 0.3}
    assert study["versions"]["torch"]
    assert study["machine"]["cores"] >= 1


def test_a_file_is_never_seen_half_written(tmp_path):
    (tmp_path / "a").write_text("old")

    def fail(path):
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        safe_files.write_atomically(tmp_path / "a", fail)
    assert (tmp_path / "a").read_text() == "old"


def printed(show, **settings):
    console = SafeConsole(file=io.StringIO(), width=120, **settings)
    show(console)
    return console.file.getvalue()


def test_the_summary_names_winner_gap_savings_and_failures(progress, tmp_path):
    progress.records["e"].status = "stopped"
    text = printed(lambda c: print_summary(c, progress, tmp_path, interrupted=False))
    assert "Winner: trial 0000 (optimizer.weight_decay=0.01): robust 50.0 %" in text
    assert "robust overfitting gap 30.0 points" in text
    # 4 completed, 2 and 1 stopped, of 3 times 4; the diverged one does not count
    assert "Ran 9 epochs. Early stopping saved 41.7 %: without it, 12 epochs." in text
    assert "Counted: 7 epochs" in text
    assert "Trial 0002 failed: ValueError: no" in text
    assert str(tmp_path) in text
    assert "Interrupted" not in text


@pytest.mark.parametrize(
    ("ends", "reason", "interrupted", "status"),
    [
        (["failed", "diverged"], "", False, 0),
        (["failed", "failed"], "", False, 1),
        (["failed"], "", True, 130),
        (["completed"], "the head is lost", True, 1),
        (["completed"], "", True, 130),
        ([], "", False, 0),
    ],
)
def test_the_exit_status_shows_how_a_study_ended(tmp_path, ends, reason, interrupted, status):
    records = {str(n): make_trial(n, [], end) for n, end in enumerate(ends)}
    progress = StudyProgress(trials=2, levels=(Level(4),), concurrency=1, records=records)
    console = SafeConsole(file=io.StringIO(), width=200)
    command = ["python", "-m", "tuner.search", "optimizer.lr=uniform(1, 2)"]
    outcome = report_outcome(
        console, progress, LocalStore(tmp_path), reason, "", interrupted, command
    )
    assert (outcome.status, outcome.folder, outcome.reason) == (status, tmp_path, reason)
    text = console.file.getvalue()
    expected = f"'optimizer.lr=uniform(1, 2)' name={tmp_path.name} resume=auto\n"
    assert text.endswith(expected) == (bool(reason) or interrupted)


def test_a_package_that_is_not_installed_has_no_version(monkeypatch, plan):
    """A checkout on PYTHONPATH has none."""

    def version(name):
        if name == "attuner":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr("importlib.metadata.version", version)
    versions = description.describe_study(plan, (), 0, [])["versions"]
    assert (versions["attuner"], versions["torch"]) == (None, "1.0")


def test_a_change_of_the_code_is_noticed(plan, monkeypatch):
    before = description.describe_study(plan, (), 0, [])
    assert not list(description.describe_code_changes(before, plan))
    assert not list(description.describe_code_changes({}, plan))
    older = before | {"code": before["code"] | {"trainables": "another"}, "git_commit": "abc"}
    (text,) = description.describe_code_changes(older, plan)
    assert "the code has changed since the study last ran: trainables (commit abc, now" in text


def test_the_hash_of_a_custom_file_is_that_of_its_content(plan, tmp_path):
    file = tmp_path / "net.py"
    file.write_text("a")
    (variant,) = plan.variants
    custom = replace(variant, fixed={**variant.fixed, "model": {"name": str(file)}})
    own = replace(plan, variants=(custom,))
    first = description.hash_code(own)[str(file)]
    file.write_text("b")
    assert description.hash_code(own)[str(file)] != first


def two_levels(*trials):
    """Return a study of runs of 2 and 7 epochs, with so many epochs of each trial."""
    progress = StudyProgress(trials=len(trials), levels=(Level(2), Level(7)), concurrency=2)
    for number, (epochs, status) in enumerate(trials):
        progress.records[f"{number:04d}"] = make_trial(number, [0.2] * epochs, status)
    return progress


def test_savings_are_those_of_readme():
    """Eight trials of 2 epochs and four of 2 + 7, where twelve of 7 are 84: 1 - 52 / 84."""
    progress = two_levels(*[(2, "stopped")] * 8, *[(9, "completed")] * 4)
    saved = "Ran 52 epochs. Early stopping saved 38.1 %: without it, 84 epochs."
    assert format_savings(progress, interrupted=False) == saved
    assert saved in (Path(__file__).parents[3] / "README.md").read_text()
    progress.records["0009s1"] = replace(make_trial(9, [0.2] * 7), trial_id="0009s1")
    assert "Ran 59 epochs" in format_savings(progress, interrupted=False)
    assert "saved 38.1 %: without it, 84 epochs." in format_savings(progress, interrupted=False)


def test_short_runs_that_stop_nothing_cost_more():
    """2 + 7 epochs instead of 7."""
    text = format_savings(two_levels((9, "completed")), interrupted=False)
    assert text.endswith("Short runs cost 28.6 % more: without early stopping, 7 epochs.")


def test_nothing_is_said_about_savings_after_an_interruption():
    progress = two_levels((2, "stopped"), (5, "stopped"))
    assert format_savings(progress, interrupted=True) == "Ran 7 epochs."
    progress.time_budget = 0.0
    assert format_savings(progress, interrupted=False) == "Ran 7 epochs."


def test_a_study_without_trials_has_a_summary(tmp_path):
    nothing = StudyProgress(trials=2, levels=(Level(4),), concurrency=1)
    text = printed(lambda c: print_summary(c, nothing, tmp_path, interrupted=True))
    assert "Interrupted" in text
    assert "no trial began" in text


def test_the_table_shows_running_trials_first_then_the_best(progress):
    text = printed(lambda c: c.print(trials_table(progress)))
    order = [word for word in text.split() if word in {f"000{i}" for i in range(5)}]
    assert order == ["0004", "0000", "0003", "0001", "0002"]
    assert "50.0" in text


def test_a_long_table_is_cut_to_the_window(progress):
    """A line of the best, one of counts, a blank one, headings, two rows, the count, the cursor."""
    text = printed(
        lambda c: c.print(LiveTable(progress, c).render()), force_terminal=True, height=8
    )
    assert "and 3 more: 1 diverged, 1 stopped, 1 failed" in text


def test_without_a_terminal_lines_are_printed(progress):
    def show(console):
        with show_progress(progress, console) as shown:
            assert isinstance(shown, LineLog)
            for _ in range(3):
                shown.on_trial_change(progress.records["e"])  # at most one every ten seconds
            shown.on_trial_change(progress.records["a"])

    first, estimate, second = printed(show).splitlines()
    assert "trial 0004 running" in first
    assert "study: about 0:00:08 left, finish at " in estimate
    assert "best 50.0 (epoch 2)" in second
    assert "4/6 ended" in second


def test_a_terminal_shows_a_live_table(progress):
    def show(console):
        with show_progress(progress, console) as shown:
            assert isinstance(shown, LiveTable)
            console.print(shown.render())

    text = printed(show, force_terminal=True, height=30)
    assert "4 of 6 trials ended" in text
    assert "best so far: trial 0000, robust 50.0 %, clean 90.0 %, epoch 2/4" in text


def test_markup_in_an_error_message_is_escaped(progress):
    progress.records["c"].error = "KeyError: '[/bold]'"
    assert "[/bold]" in format_line(progress, progress.records["c"])
    assert "[/bold]" in printed(
        lambda c: LineLog(progress, c).on_trial_change(progress.records["c"])
    )


@pytest.fixture
def two(progress):
    """Return a study of two objectives under a constraint that one trial of three satisfies."""
    progress.goal = Goal(("robust", "clean"), parse_constraint("clean>=0.8"))
    for key, clean in (("a", 0.7), ("b", 0.9), ("d", 0.6)):
        trial = progress.records[key]
        trial.constraint = progress.goal.constraint
        trial.reports = [replace(report, val_clean_accuracy=clean) for report in trial.reports]
    del progress.records["e"]
    return progress


def test_frames_mark_pareto_optimal_and_feasible_trials(two, plan, tmp_path):
    trials = results_folder.trials_frame(list(two.records.values()), plan.knob_columns, tmp_path)
    frame = results_folder.add_objective_columns(trials, two).set_index("trial_id")
    assert frame.feasible.to_dict() == {"0000": False, "0001": True, "0002": False, "0003": False}
    assert frame.pareto.to_dict() == {"0000": False, "0001": True, "0002": False, "0003": False}
    assert frame.pareto.dtype == frame.feasible.dtype == bool
    two.goal = Goal()
    assert list(results_folder.add_objective_columns(trials, two).columns) == list(trials.columns)


def test_the_table_and_the_summary_show_the_front(two, tmp_path):
    text = printed(lambda c: c.print(trials_table(two)))
    header, *rows = [line.split() for line in text.splitlines()]
    assert header[-5:] == ["its", "clean", "holds", "front", "optimizer.weight_decay"]
    assert rows[0][0] == "0001"  # the only one that satisfies the constraint leads
    assert rows[0][-4:-1] == ["90.0", "yes", "yes"]
    assert rows[1][-3:-1] == ["70.0", "no"]
    text = printed(lambda c: print_summary(c, two, tmp_path, interrupted=False))
    assert "Pareto front of robust and clean accuracy (1):" in text
    assert "  trial 0001 (optimizer.weight_decay=0.001): robust 20.0 %, clean 90.0 %." in text
    assert "No trial satisfies" not in text


def test_the_summary_warns_if_no_trial_satisfies_the_constraint(two, tmp_path):
    del two.records["b"]
    text = printed(lambda c: print_summary(c, two, tmp_path, interrupted=False))
    assert "Winner: trial 0000" in text
    assert "No trial satisfies clean>=0.8; the winner is the nearest, 10.0 points below." in text
    assert "Pareto front of robust and clean accuracy (0):" in text
