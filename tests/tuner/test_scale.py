"""What a study costs an event does not grow with its trials as fast as they do.

Python's own calls are counted, which no other process disturbs. Linear growth would be a factor of
4 from 1,000 to 4,000 trials, and none is 1; 1.5 allows for logarithms (1.2) and for lists that
are doubled.
"""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.oracles import make_report
from tuner.monitoring.line_log import LineLog
from tuner.schedulers import asha, halving
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume
from tuner.state.study import StudyProgress
from tuner.state.trial import Record, ReportTotals
from tuner.storage.checkpoint_retention import CheckpointRetention
from tuner.storage.results_store import LocalStore

EPOCHS = 4
LIMIT = 1.5


def build_fidelity(trials):
    return FidelityPlan(epochs=EPOCHS, trials=trials)


def calls(function):
    """Return how often anything was called, functions written in C included."""
    count = 0

    def counting(frame, event, argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counting)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def ended(number, value):
    return Record(f"{number:05d}", {}, 0, {}, [make_report(1, value)], "stopped", checkpoint="")


class Study:
    """A study of many trials that have ended and ten that run."""

    def __init__(self, folder, trials):
        self.progress = StudyProgress(
            2 * trials, (asha.build(fidelity_plan=build_fidelity(trials))).levels, 10
        )
        for number in range(trials):
            self.progress.records[f"{number:05d}"] = ended(number, 0.1 + number / 1e6)
        for number in range(trials, trials + 10):
            self.progress.records[f"{number:05d}"] = ended(number, 0.2)
            self.progress.records[f"{number:05d}"].status = "running"
        with open("/dev/null", "w") as nowhere:
            self.lines = LineLog(self.progress, Console(file=nowhere, width=200))
            event_log = SimpleNamespace(retry=lambda what, act: act())
            self.disk = CheckpointRetention(
                LocalStore(folder.parent), self.progress, event_log, print
            )
            self.event(trials)  # the first looks at everything
            self.calls = calls(lambda: self.event(trials + 1))

    def event(self, number):
        """Let a running trial report and end."""
        record = self.progress.records[f"{number:05d}"]
        record.reports.append(make_report(2, 0.3))
        self.disk.enforce_budget(record)
        record.status = "stopped"
        self.disk.enforce_budget(record)
        self.lines.on_trial_change(record)


def test_what_disk_and_display_cost_an_event(tmp_path):
    few, many = (Study(tmp_path, trials).calls for trials in (1_000, 4_000))
    assert many < LIMIT * few


@pytest.mark.parametrize("scheduler", [asha, halving])
def test_what_a_rule_costs_an_event(scheduler):
    """All but one have reached the first rung; then the last one does, and a paused one resumes."""

    def cost(trials):
        rule = scheduler.build(fidelity_plan=build_fidelity(trials), **rungs[scheduler])
        for number in range(trials):
            rule.on_start(f"{number:05d}")
        for number in range(trials - 1):
            rule.on_report(f"{number:05d}", make_report(1, number / trials), {})
            rule.on_end(f"x{number:05d}") if number % 7 == 0 else None

        def event():
            rule.on_report(f"{trials - 1:05d}", make_report(1, 0.5), {})
            for _ in range(10):
                if step := rule.next_to_resume(is_idle=True):
                    rule.on_resume(step)

        return calls(event)

    rungs = {asha: {"grace": 0.25}, halving: {"rungs": (0.25,)}}
    assert cost(4_000) < LIMIT * cost(1_000)


def test_a_tally_looks_at_what_is_new():
    tally, reports = ReportTotals(), [make_report(epoch, 0.1) for epoch in range(1, 4_001)]
    tally.count_reports(reports, None)
    reports.append(make_report(4_001, 0.2))
    few = calls(lambda: tally.count_reports(reports, None))
    assert few < 20  # two scores, and what they are made of
    assert tally.best is reports[-1]


def test_a_tally_begins_anew_where_the_past_has_changed():
    """Three seconds-long epochs; the last two are forgotten, one is reported again and is worse."""
    reports = [make_report(epoch, value) for epoch, value in ((1, 0.3), (2, 0.5), (3, 0.4))]
    tally = ReportTotals().count_reports(reports, None)
    assert tally.best is reports[1]
    reports[1:] = [make_report(2, 0.2)]
    again = tally.count_reports(reports, None)
    assert (again.best, again.seconds) == (reports[0], sum(each.seconds for each in reports))
    reports.append(make_report(3, 0.3))  # of equals the first is kept
    assert again.count_reports(reports, None).best is reports[0]


def test_an_account_follows_trials_that_end_and_go_on():
    progress = StudyProgress(9, (SimpleNamespace(epochs=4),), 2)
    records = [ended(number, 0.1) for number in range(3)]
    for record in records:
        record.status = "running"
        progress.records[record.trial_id] = record
    assert progress.running_trials == records
    records[1].status = "stopped"
    assert (progress.n_ended, progress.running_trials) == (1, [records[0], records[2]])
    assert progress.totals.epochs == 1
    progress.totals.mark_resumed(records[1])
    records[1].status = "running"
    records[1].reports.append(make_report(2, 0.1))
    assert progress.running_trials == records
    assert progress.totals.epochs == 0
    records[1].status = "completed"
    assert progress.trial_seconds == pytest.approx(
        sum(each.seconds for record in records for each in record.reports)
    )


def test_who_waits_at_a_rung_is_found_as_by_sorting_all():
    """Compare with sorting all: the best of those at the rung, without the resumed ones."""
    rule = halving.build(
        fidelity_plan=FidelityPlan(epochs=EPOCHS, trials=40), rungs=(0.25,), keep=(0.25,)
    )
    values = {f"{n:02d}": (n * 37 % 11) / 10 for n in range(40)}
    gone = []
    for trial, value in values.items():
        rule.on_start(trial)
        rule.on_report(trial, make_report(1, value), {})
        come = [t for t in values if t <= trial]
        best = sorted(come, key=lambda t: (-values[t], t))[:10]
        expected = next((t for t in best if t not in gone), None)
        step = rule.next_to_resume(is_idle=True)
        assert step == (Resume(expected, expected) if expected else None)
        if step and len(come) % 3 == 0:
            rule.on_resume(step)
            gone.append(step.trial)
    assert len(gone) >= 10


@pytest.mark.slow
def test_a_large_study_can_be_simulated(shared):
    """Of 20 trials of 8 epochs: short runs of 2 epochs for all, and long ones of 8 for 5."""
    words = ["-m", "benchmarks.scale", str(shared / "at_learning_curves.csv.gz")]
    done = subprocess.run(
        [sys.executable, *words, "20", "halving", "0"], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["decisions"] == 20 + 20 * 2 + 5 * 8
    assert 0 < found["ms_a_decision"] <= found["ms_a_decision_with_the_disk"]
