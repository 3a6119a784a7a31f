"""Which results folder a study resumes, and the command that resumes it."""

import io
import os
import shlex
import shutil
from contextlib import closing

import pytest

from tests.tuner.simulated_study import Curves, run_study
from tests.tuner.study_files import ARGUMENTS, make_plan, make_record, write_results_folder
from trainables.io.retry import Retry
from trainables.training.fidelity import Level
from tuner.config import description
from tuner.layout import EVENT_LOG_FILE
from tuner.runtime.preparation import load_earlier_study
from tuner.runtime.resume.interrupted_studies import choose_study
from tuner.search import main
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog
from tuner.storage.naming import format_resume_command
from tuner.storage.remote_copy import ADDRESS_FILE
from tuner.storage.results_store import LocalStore
from tuner.storage.search_yaml import read_search_yaml


def write_study(folder, written_at, *words):
    """Write the results folder of a study whose event log was last written at a time."""
    write_results_folder(folder, make_plan(*words))
    os.utime(folder / EVENT_LOG_FILE, (written_at, written_at))


def test_the_program_is_run_by_uv_where_it_was(monkeypatch, tmp_path):
    command = ["attuner", "search", "space=weight_decay"]
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    alone = format_resume_command(command, tmp_path / "study")
    assert alone == "attuner search space=weight_decay name=study resume=auto"
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert format_resume_command(command, tmp_path / "study") == f"uv run {alone}"


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_study_is_found_whatever_its_name(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    results = f"results={there}" if kind == "local" else f"results=file://{there}"
    write_study(there / "mine", 2e9)
    write_study(there / "older", 1e9)
    write_study(there / "other-method", 3e9, "method=trades")
    write_study(there / "other-space", 3e9, "space=optimizer")
    (there / "torn").mkdir()
    (there / "torn" / EVENT_LOG_FILE).touch()
    (there / "torn/search.yaml").write_text("space: [")
    choice = choose_study(make_plan(results, "resume=auto"))
    assert choice.folder.name == "mine"
    assert [folder.name for folder in choice.interrupted] == ["older"]
    assert not choose_study(make_plan(results)).folder.exists()
    trades = make_plan(results, "resume=auto", "method=trades")
    assert choose_study(trades).folder.name == "other-method"
    assert choose_study(trades).interrupted == ()


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_study_that_the_plan_cannot_resume_is_passed_over(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    results = f"results={there}" if kind == "local" else f"results=file://{there}"
    write_study(there / "rungs", 3e9, "scheduler.grace=1/3")
    write_study(there / "longer", 2e9, "epochs=7")
    write_study(there / "fits", 1e9)
    write_study(there / "fits-too", 5e8, "trials=5")
    choice = choose_study(make_plan(results, "resume=auto"))
    assert choice.folder.name == "fits"
    assert [folder.name for folder in choice.interrupted] == ["fits-too"]
    assert [folder.name for folder in choice.different] == ["rungs", "longer"]
    # none fits: the newest is chosen, so that its differences are reported
    choice = choose_study(make_plan(results, "resume=auto", "scheduler.reduction_factor=2"))
    assert choice.folder.name == "rungs"
    names = [folder.name for folder in choice.different]
    assert (choice.interrupted, names) == ((), ["longer", "fits", "fits-too"])


def test_a_working_copy_is_resumed_at_its_address_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    write_study(tmp_path / "results/copy", 2e9)
    (tmp_path / "results/copy" / ADDRESS_FILE).write_text(f"file://{tmp_path}/there/copy")
    assert choose_study(make_plan("resume=auto")).folder.name != "copy"
    at = make_plan(f"results=file://{tmp_path}/there", "resume=auto")
    assert choose_study(at).folder.name == "copy"


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_finished_study_is_not_resumed(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    results = f"results={there}" if kind == "local" else f"results=file://{there}"
    write_study(there / "newest", 3e9)
    mark_finished(there / "newest")
    assert not choose_study(make_plan(results, "resume=auto")).folder.exists()
    write_study(there / "older", 2e9)
    choice = choose_study(make_plan(results, "resume=auto"))
    assert (choice.folder.name, [each.name for each in choice.finished]) == ("older", ["newest"])
    if kind == "remote":  # finished on another machine since
        shutil.copytree(there / "older", tmp_path / "results/older")
        (tmp_path / "results/older" / ADDRESS_FILE).write_text(f"file://{there}/older")
        mark_finished(there / "older")
        assert choose_study(make_plan(results, "resume=auto")).folder.name not in {
            "older",
            "newest",
        }


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_study_that_runs_in_another_process_is_not_resumed(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    results = f"results={there}" if kind == "local" else f"results=file://{there}"
    write_study(there / "running", 3e9)
    write_study(there / "older", 2e9)
    local = there if kind == "local" else tmp_path / "results"
    if kind == "remote":
        shutil.copytree(there / "running", local / "running")
        (local / "running" / ADDRESS_FILE).write_text(f"file://{there}/running")
    with closing(EventLog(local / "running")):
        choice = choose_study(make_plan(results, "resume=auto"))
        assert choice.folder.name == "older"
        assert (choice.interrupted, choice.running) == ((), (local / "running",))
        plan = make_plan(results, "resume=auto", "name=running")
        store = LocalStore(choose_study(plan).folder)
        problems, earlier = load_earlier_study(store, plan, Retry(print, 0.0))
        assert problems == [
            f"resume: {local / 'running'} is running in another process; wait until it ends or "
            "end it, or choose another name=NAME."
        ]
        assert earlier.plan is None
        mark_finished(there / "older")
        assert not choose_study(make_plan(results, "resume=auto")).folder.exists()
    assert choose_study(make_plan(results, "resume=auto")).folder.name == "running"


def mark_finished(folder):
    """Note in a results folder that its study has finished."""
    text = (folder / "search.yaml").read_text()
    (folder / "search.yaml").write_text(text.replace("finished: false", "finished: true"))


def test_whether_a_study_of_an_earlier_version_has_finished_is_read_from_its_log(tmp_path):
    plan = make_plan("trials=2")
    ended, running = (make_record(plan, 1, 0.3, status=each) for each in ("stopped", "running"))
    for name, records in (
        ("whole", [make_record(plan, 0, 0.2), ended]),
        ("one", [make_record(plan, 0, 0.2)]),
        ("cut", [make_record(plan, 0, 0.2), running]),
    ):
        write_results_folder(tmp_path / name, plan, *records)
        content = read_search_yaml(tmp_path / name / "search.yaml")
        del content["finished"]
        results_folder.write_search_yaml(tmp_path / name, content)
    choice = choose_study(make_plan("trials=2", f"results={tmp_path}", "resume=auto"))
    assert [each.name for each in choice.finished] == ["whole"]
    assert {each.name for each in (choice.folder, *choice.interrupted)} == {"one", "cut"}


def test_a_study_writes_down_when_it_has_finished(tmp_path):
    def is_finished():
        return read_search_yaml(tmp_path / "study/search.yaml")["finished"]

    words = ["trials=4", "epochs=4", "scheduler=none"]
    run_study(tmp_path / "study", *words, "time_budget=3m")
    assert not is_finished()
    run_study(tmp_path / "study", *words)
    assert is_finished()
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path / "study", "trials=5", *words[1:], curves=Interrupted())
    assert not is_finished()


def test_the_command_to_resume_pastes_into_a_shell(tmp_path):
    typed = ["python", "-m", "tuner.search", "optimizer.lr=uniform(1e-3, 1e-2)", "resume=never"]
    expected = [*typed[:-1], "name=mine", "resume=auto"]
    assert shlex.split(format_resume_command(typed, tmp_path / "mine")) == expected
    assert shlex.split(format_resume_command([*typed, "name=mine"], tmp_path / "mine")) == expected
    spaced = format_resume_command(typed, tmp_path / "my space-pgd_at-20260101-000000")
    assert shlex.split(spaced) == [*typed[:-1], "resume=auto"]
    described = description.describe_study(make_plan(), [Level(1)], 0, typed)
    assert shlex.split(described["command"]) == typed


def test_the_command_in_search_yaml_is_one_line(tmp_path):
    typed = ["python", "-m", "tuner.search", *(f"group.knob{number}=0.1" for number in range(20))]
    described = description.describe_study(make_plan(), [Level(1)], 0, typed)
    results_folder.write_search_yaml(tmp_path, described)
    assert (tmp_path / "search.yaml").read_text().splitlines()[0] == f"command: {' '.join(typed)}"


def test_a_search_says_first_which_study_it_runs(tmp_path, capsys, monkeypatch):
    """The check of data ends the command here."""

    def stop(plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.runtime.checked_study.check_data_and_networks", stop)
    write_study(tmp_path / "mine", 1e9)
    words = [*ARGUMENTS, f"results={tmp_path}"]
    assert main([*words, "resume=auto"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[-1]] == [
        f"Resuming mine: results in {tmp_path / 'mine'}",
        "Checking data and networks ...",
    ]
    assert main([*words, "name=new", "resume=auto"]) == 130
    assert capsys.readouterr().out.startswith(f"New study new: results in {tmp_path / 'new'}\n")

    write_study(tmp_path / "older", 5e8)
    assert main([*words, "resume=auto"]) == 130
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"Resuming mine: results in {tmp_path / 'mine'}",
        "Interrupted too: older; to resume another study, type its name=NAME.",
    ]
    write_study(tmp_path / "random", 2e9, "searcher=random")
    assert main([*words, "resume=auto"]) == 130
    assert capsys.readouterr().out.splitlines()[:3] == [
        f"Resuming mine: results in {tmp_path / 'mine'}",
        "Interrupted too: older; to resume another study, type its name=NAME.",
        "Not resumed, since this command differs from theirs: random.",
    ]
    shutil.rmtree(tmp_path / "random")
    with closing(EventLog(tmp_path / "mine")):
        assert main([*words, "resume=auto"]) == 130
        assert capsys.readouterr().out.splitlines()[:2] == [
            f"Resuming older: results in {tmp_path / 'older'}",
            "Not resumed, since another process is running it: mine.",
        ]
    mark_finished(tmp_path / "mine")
    mark_finished(tmp_path / "older")
    assert main([*words, "resume=auto"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("New study weight_decay-pgd_at-")
    assert lines[1] == (
        "No study of this space and method was interrupted; to extend mine, type name=mine."
    )
    assert main([*words, "resume=auto", "method=trades"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "No study of this space and method was interrupted."


class Interrupted(Curves):
    """Trials whose second epoch is interrupted."""

    def train_epoch(self, config, level, epoch, skill):
        if epoch > 1:
            raise KeyboardInterrupt
        return super().train_epoch(config, level, epoch, skill)


def test_an_interrupted_study_prints_how_to_resume(tmp_path):
    output = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        run_study(tmp_path / "study", "trials=2", "epochs=2", curves=Interrupted(), output=output)
    assert output.getvalue().splitlines()[-1] == "To resume: name=study resume=auto"


def test_a_study_out_of_time_prints_how_to_resume(tmp_path):
    _, out = run_study(tmp_path / "study", "trials=4", "epochs=4", "time_budget=3m")
    assert out.splitlines()[-1] == "To resume: name=study resume=auto"
    _, out = run_study(tmp_path / "whole", "trials=2", "epochs=2", "scheduler=none")
    assert "To resume" not in out
