"""The table of trials: whole in a pipe, cut to what fits in a window; paused trials."""

import io
import re

import pytest

from tests.oracles import make_report
from tests.tuner.simulated_study import run_study
from trainables.training.fidelity import Level
from tuner.cli.console import SafeConsole
from tuner.config.objectives import Goal
from tuner.monitoring.live_table import LiveTable
from tuner.monitoring.summary import print_summary
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

KNOBS = {
    "optimizer.weight_decay": 0.000123,
    "method": "/home/someone/projects/methods/a_long_name_of_a_method.py",
    "method.beta": 6.0,
    "schedule.milestones": "[0.5, 0.75, 0.875]",
    "attack.step_size": 0.00784,
    "attack": "pgd",
}


def make_progress(n_knobs, objectives):
    """Return a study with one completed and one running trial."""
    progress = StudyProgress(trials=2, levels=(Level(110),), concurrency=1)
    progress.goal = Goal(("robust", "clean") if objectives == 2 else ("robust",))
    knobs = dict(list(KNOBS.items())[:n_knobs])
    progress.records = {
        "0000": Record("0000", knobs, 0, {}, [make_report(110, 0.5125)], "completed"),
        "0001": Record("0001", knobs, 0, {}, [make_report(42, 0.4375)]),
    }
    return progress


def printed(width, show):
    """Return what is printed on a terminal of a width."""
    console = SafeConsole(
        file=io.StringIO(), width=width, height=40, force_terminal=True, color_system=None
    )
    show(console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 110])
@pytest.mark.parametrize("n_knobs", range(len(KNOBS) + 1))
@pytest.mark.parametrize("objectives", [1, 2])
def test_the_important_columns_are_whole(width, n_knobs, objectives, tmp_path):
    progress = make_progress(n_knobs, objectives)
    for show in (
        lambda c: c.print(LiveTable(progress, c).render()),
        lambda c: print_summary(c, progress, tmp_path, interrupted=False),
    ):
        text = printed(width, show)
        table, _, _ = text.partition("no space for")
        assert not re.search(r"…(\s|$)", table)  # only knobs are shortened, from the left
        for word in ("trial", "status", "epoch", "robust %", "0001", "completed", "42/110", "43.8"):
            assert word in text
    table = printed(width, lambda c: c.print(LiveTable(progress, c).render()))
    assert n_knobs == 0 or width < 80 or "0.000123" in table


@pytest.mark.parametrize("objectives", [1, 2])
def test_the_knob_that_distinguishes_the_most_trials_is_kept(objectives):
    progress = make_progress(len(KNOBS), objectives)
    progress.records["0000"].knobs = KNOBS | {"attack.step_size": 0.001}
    text = printed(50, lambda c: c.print(LiveTable(progress, c).render()))
    assert "0.00784" in text
    assert "0.000123" not in text
    assert "clean %" not in text.partition("no space for")[0]
    assert "step_size" in text.partition("no space for")[0]


def test_a_table_in_a_pipe_is_whole(tmp_path):
    console = SafeConsole(file=io.StringIO(), width=80, force_terminal=False)
    print_summary(console, make_progress(len(KNOBS), 1), tmp_path, interrupted=False)
    heading, *rows = console.file.getvalue().splitlines()[:3]
    columns = ["trial", "status", "epoch", "clean", "%", "robust", "%", "best", "%", "at"]
    assert heading.split() == [*columns, *KNOBS]
    assert all(str(KNOBS["method"]) in row for row in rows)


def test_a_trial_that_waits_at_a_rung_is_paused_until_the_study_is_over(tmp_path):
    """The status in files stays `stopped`: readers of earlier versions know no other."""
    _, out = run_study(tmp_path / "study", "trials=4", "epochs=8", "scheduler=halving")
    lines = [line for line in out.splitlines() if line.startswith("[")]
    assert any(" paused " in line for line in lines)
    assert not any(" stopped " in line for line in lines)
    counts = [re.search(r"(\d)/4 ended(?:, (\d) paused)?,", line) for line in lines]
    each = [(int(one[1]), int(one[2] or 0)) for one in counts if one]
    assert each[0] == (0, 1)  # the first trial waits at its rung
    assert each[-1] == (1, 3)  # which the end of the study stops
    summary = out[out.rindex(lines[-1]) + len(lines[-1]) :]
    assert "paused" not in summary
    assert " stopped" in summary
    assert '"stopped"' in (tmp_path / "study/journal.jsonl").read_text()
    assert "paused" not in (tmp_path / "study/journal.jsonl").read_text()


def test_a_running_trial_moves_within_an_epoch():
    progress = make_progress(0, 1)
    progress.records["0002"] = Record("0002", {}, 0, {})
    positions = {"0000": (0, 50.5), "0001": (0, 42.68), "0002": (0, 1.0)}
    progress.read_position = positions.get

    def rows():
        text = printed(80, lambda c: c.print(LiveTable(progress, c).render()))
        _, table = text.split("robust %", 1)
        return re.findall(r"(\S+/110) *([━╸]*)", table)

    # 0.68 of five columns, and an epoch that is being validated
    assert rows() == [("42/110", "━━━"), ("0/110", "━━━━━"), ("110/110", "")]
    positions["0001"] = (0, 42.0)  # of the epoch that it has reported
    assert rows() == [("42/110", ""), ("0/110", "━━━━━"), ("110/110", "")]
    positions.clear()
    assert rows() == [("42/110", ""), ("110/110", "")]
