"""The output of `log=json`: every line is an object of the documented form, errors too."""

import io
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from rich.table import Table

from tests.tuner.simulated_study import Curves, run_study
from tuner.cli.console import JsonConsole
from tuner.monitoring.json_log import EndEvent, StudyEvent, TrialEvent
from tuner.search import main

EVENTS = {
    "study": [field.name for field in fields(StudyEvent)],
    "trial": [field.name for field in fields(TrialEvent)],
    "end": [field.name for field in fields(EndEvent)],
    "message": ["level", "text"],
    "table": ["columns", "rows"],
    "error": ["problems"],
}
PAGE = Path(__file__).parents[3] / "docs/log.md"


def read_events(text):
    """Return the events of an output; fail if a line is no object of the documented form."""
    events = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    for event in events:
        assert list(event) == ["event", "time", *EVENTS[event["event"]]]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}[+-]\d\d:\d\d", event["time"])
    return events


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Run a study of four trials, of which one diverges and three are stopped at the rung."""
    folder = tmp_path_factory.mktemp("results") / "study"
    words = ["trials=4", "epochs=8", "scheduler=halving", "log=json"]
    output = io.StringIO()
    curves = Curves(diverging=frozenset({"0001"}))
    status, _ = run_study(folder, *words, curves=curves, output=JsonConsole(output))
    return status, read_events(output.getvalue())


def test_trials_are_reported_from_start_to_end(simulated):
    _, events = simulated
    trials = [event for event in events if event["event"] == "trial"]
    first = trials[0]
    assert (first["trial"], first["status"], first["epoch"]) == ("0000", "running", None)
    assert list(first["knobs"]) == ["optimizer.weight_decay"]
    second = next(event for event in trials if event["epoch"] == 1)
    assert (second["run"], second["best_epoch"], second["ended"], second["planned"]) == (0, 1, 0, 4)
    assert second["robust"] == second["best_robust"]
    assert second["clean"] == pytest.approx(1 - second["robust"] / 2)  # of the simulation
    assert second["seconds_left"] > 0
    diverged = [event for event in trials if event["trial"] == "0001"][-1]
    assert (diverged["status"], diverged["robust"], diverged["epoch"]) == ("diverged", 0.0, 2)
    assert {event["status"] for event in trials} >= {"running", "paused", "completed"}
    assert trials[-1]["ended"] + trials[-1]["paused"] == 4


def test_the_end_names_the_winner(simulated):
    status, events = simulated
    end = events[-1]
    assert end["event"] == "end"
    assert (end["outcome"], end["exit_status"], end["reason"]) == ("done", status, "")
    assert end["statuses"] == {"completed": 1, "diverged": 1, "stopped": 2}
    reports = [event for event in events if event["event"] == "trial" and event["epoch"]]
    best = max(reports, key=lambda event: event["best_robust"])
    assert (end["winner"], end["robust"]) == (best["trial"], best["best_robust"])
    assert end["resume_command"] is None
    assert 0 < end["share_saved"] < 1


def test_errors_and_messages_are_events(capsys, monkeypatch, tmp_path):
    assert main(["space=weigt_decay", "log=json", "trials=0"]) == 2
    (error,) = read_events(capsys.readouterr().out)
    assert len(error["problems"]) == 2
    assert "weight_decay" in " ".join(error["problems"])

    def stop(plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.runtime.checked_study.check_data_and_networks", stop)
    words = ["space=weight_decay", "log=json", f"results={tmp_path}", "name=new"]
    assert main(words) == 130
    message, study, checking = read_events(capsys.readouterr().out)
    assert message["text"] == f"New study new: results in {tmp_path / 'new'}"
    assert (study["name"], study["trials"], study["is_resumed"]) == ("new", 12, False)
    assert (study["searched"], study["device"]) == (["optimizer.weight_decay"], "cpu")
    assert checking["level"] == "info"


def test_text_and_tables_are_events():
    output = io.StringIO()
    console = JsonConsole(output)
    console.print("caution: disk full\x1b[2J", soft_wrap=True)
    console.print()
    table = Table("trial", "robust %")
    table.add_row("0000", "50.0")
    console.print(table)
    console.print("see s3://user:secret@host/path")
    warning, rows, info = read_events(output.getvalue())
    assert (warning["level"], warning["text"]) == ("warning", "disk full\x1b[2J")
    assert "\x1b" not in output.getvalue()
    assert (rows["columns"], rows["rows"]) == (["trial", "robust %"], [["0000", "50.0"]])
    assert "secret" not in info["text"]


def test_the_documentation_names_every_field():
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    documented = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        names = re.findall(r"^\| `(\w+)`", text, flags=re.M)
        documented |= {event: names for event in re.findall(r"`(\w+)`", heading) if names}
    assert documented == EVENTS


def test_credentials_are_removed_and_the_line_stays_json(capsys):
    JsonConsole().print('cannot open "s3://b/x?secret_key=abc" now')
    (event,) = read_events(capsys.readouterr().out)
    assert event["text"].endswith(" now")
    assert "abc" not in event["text"]


def test_a_quiet_console_prints_no_events(capsys):
    JsonConsole(quiet=True).print("text")
    assert not capsys.readouterr().out
