"""The live table in a notebook, without a notebook: its outputs are collected."""

import io
import threading

import pytest
from rich.console import Group
from rich.text import Text

from tests.tuner.study_files import make_plan, make_record
from trainables.training.fidelity import Level
from tuner.cli.console import SafeConsole
from tuner.monitoring import notebook_table
from tuner.monitoring.display import show_progress
from tuner.state.study import StudyProgress


@pytest.fixture
def notebook(monkeypatch):
    """Make this process seem to be a kernel; return the outputs of the cell, and an event.

    The event is set at each redrawing.
    """
    outputs, redrawn = [], threading.Event()

    class Handle:
        def update(self, data, *, raw):
            outputs.append(data)
            redrawn.set()

    def display(data, *, raw, display_id):
        outputs.append(data)
        return Handle()

    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setattr(notebook_table, "REDRAW_SECONDS", 0.01)
    return outputs, redrawn


def test_an_output_is_html_and_text_with_nothing_that_acts():
    output = notebook_table.render_output(Group(Text("<b>\x1b[2J", style="bold"), Text("two")))
    assert output["text/plain"] == "<b>\\x1b[2J\ntwo\n"
    assert "<b>" not in output["text/html"]
    assert "font-weight: bold" in output["text/html"]


def test_a_study_in_a_notebook_is_redrawn_in_place_and_cleared_at_its_end(notebook):
    outputs, redrawn = notebook
    plan = make_plan()
    record = make_record(plan, 0, 0.5, status="running", optimizer__weight_decay=1e-3)
    progress = StudyProgress(9, (Level(3),), 1, records={})
    with show_progress(progress, SafeConsole(file=io.StringIO())) as shown:
        progress.records["0000"] = record
        shown.on_trial_change(record)
        redrawn.clear()
        assert redrawn.wait(60)
        redrawn.clear()
        assert redrawn.wait(60)  # the one before may have been drawn earlier
    assert "waiting for the first trial to start" in outputs[0]["text/plain"]
    assert "0000   running" in outputs[-2]["text/plain"]
    assert outputs[-1] == {"text/plain": ""}


def test_a_quiet_study_shows_nothing_in_a_notebook(notebook):
    outputs, _ = notebook
    with show_progress(StudyProgress(9, (Level(3),), 1), SafeConsole(quiet=True)):
        pass
    assert not outputs


def test_lines_in_a_notebook_are_text(notebook, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as the kernels of notebooks set it
    file = io.StringIO()
    SafeConsole(file=file).print("caution", style="bold")
    assert file.getvalue() == "caution\n"
