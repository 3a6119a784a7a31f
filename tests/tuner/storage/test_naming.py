"""Which results folder a study resumes, and the command that resumes it."""

import io
import os
import shlex

import pytest

from tests.tuner.simulated_study import Curves, run_study
from tests.tuner.study_files import ARGUMENTS, make_plan, write_results_folder
from trainables.training.fidelity import Level
from tuner.config import description
from tuner.layout import EVENT_LOG_FILE
from tuner.search import main
from tuner.storage.naming import find_folder_to_resume, format_resume_command
from tuner.storage.remote_copy import ADDRESS_FILE


def write_study(folder, written_at, *words):
    """Write the results folder of a study whose event log was last written at a time."""
    write_results_folder(folder, make_plan(*words))
    os.utime(folder / EVENT_LOG_FILE, (written_at, written_at))


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
    assert find_folder_to_resume(make_plan(results, "resume=auto")).name == "mine"
    assert find_folder_to_resume(make_plan(results)) is None
    trades = make_plan(results, "resume=auto", "method=trades")
    assert find_folder_to_resume(trades).name == "other-method"


def test_a_working_copy_is_resumed_at_its_address_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    write_study(tmp_path / "results/copy", 2e9)
    (tmp_path / "results/copy" / ADDRESS_FILE).write_text(f"file://{tmp_path}/there/copy")
    assert find_folder_to_resume(make_plan("resume=auto")) is None
    at = make_plan(f"results=file://{tmp_path}/there", "resume=auto")
    assert find_folder_to_resume(at).name == "copy"


def test_the_command_to_resume_pastes_into_a_shell(tmp_path):
    typed = ["python", "-m", "tuner.search", "optimizer.lr=uniform(1e-3, 1e-2)", "resume=never"]
    expected = [*typed[:-1], "name=mine", "resume=auto"]
    assert shlex.split(format_resume_command(typed, tmp_path / "mine")) == expected
    assert shlex.split(format_resume_command([*typed, "name=mine"], tmp_path / "mine")) == expected
    spaced = format_resume_command(typed, tmp_path / "my space-pgd_at-20260101-000000")
    assert shlex.split(spaced) == [*typed[:-1], "resume=auto"]
    described = description.describe_study(make_plan(), [Level(1)], 0, typed)
    assert shlex.split(described["command"]) == typed


def test_a_search_says_first_which_study_it_runs(tmp_path, capsys, monkeypatch):
    """The check of data ends the command here."""

    def stop(plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.runtime.execute.check_data_and_networks", stop)
    write_study(tmp_path / "mine", 1e9)
    words = [*ARGUMENTS, f"results={tmp_path}"]
    assert main([*words, "resume=auto"]) == 130
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"Resuming mine: results in {tmp_path / 'mine'}",
        "Checking data and networks ...",
    ]
    assert main([*words, "name=new", "resume=auto"]) == 130
    assert capsys.readouterr().out.startswith(f"New study new: results in {tmp_path / 'new'}\n")


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
