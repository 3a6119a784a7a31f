"""Untrusted results folders: neither a path nor a link in them leads outside."""

import json
import shutil

import pandas as pd
import pytest

from analysis.diagnose import main as diagnose
from analysis.figures.__main__ import main as figures
from analysis.report.__main__ import main as report
from tests.tuner.study_files import ARGUMENTS, make_plan, make_record, write_results_folder
from trainables.errors import InputError
from tuner.config.objectives import Goal
from tuner.evaluate import main as evaluate
from tuner.export import main as export
from tuner.layout import EVENT_LOG_FILE, OPTUNA_FILE
from tuner.search import main as search
from tuner.searchers.core.optuna_storage import open_optuna_storage, open_study
from tuner.storage.event_reader import load_events

OWN = {"optimizer__weight_decay": 1e-3}
KEPT = "trials/1/0000/checkpoint_000000"


@pytest.fixture
def outside_checkpoint(tmp_path):
    """Return a checkpoint of another study."""
    folder = tmp_path / "other/trials/1/0000/checkpoint_000000"
    folder.mkdir(parents=True)
    (folder / "state.pt").write_bytes(b"1" * 100)
    return folder


@pytest.fixture
def study(tmp_path):
    """Return the results folder of an interrupted study."""
    plan = make_plan()
    records = [
        make_record(plan, 0, 0.3, status="running", **OWN),
        make_record(plan, 1, 0.3, 0.4, 0.5, **OWN),
    ]
    return write_results_folder(tmp_path / "study", plan, *records)


def log_checkpoint(folder, **line):
    with (folder / EVENT_LOG_FILE).open("a") as file:
        file.write(json.dumps({"event": "kept", "trial_id": "0000", **line}) + "\n")


def error_of(capsys, command, *words):
    """Return the error message of a command, which must fail."""
    capsys.readouterr()
    assert command([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("1 problem:"), error
    return error


def resume_error(capsys, folder, *more):
    """Return the error message of a search that resumes the study of a folder."""
    words = [*ARGUMENTS, f"results={folder.parent}", f"name={folder.name}", "resume=auto", *more]
    return error_of(capsys, search, *words)


@pytest.mark.parametrize("key", ["checkpoint", "spare"])
@pytest.mark.parametrize(
    "path", ["{outside_checkpoint}", "../other/trials", "trials/../../other", ".", "/"]
)
def test_a_checkpoint_path_outside_the_folder_is_refused(
    key, path, study, outside_checkpoint, capsys
):
    log_checkpoint(
        study, **{"checkpoint": KEPT, key: path.format(outside_checkpoint=outside_checkpoint)}
    )
    error = resume_error(capsys, study, "disk_budget=1KB")
    assert (
        f"{study / EVENT_LOG_FILE}: line 8 cannot be read (trial 0000: {key} must lead below"
        in error
    )
    assert f"got {path.format(outside_checkpoint=outside_checkpoint)}" in error
    assert (outside_checkpoint / "state.pt").exists()


@pytest.mark.parametrize("link", ["trials", "trials/1", "trials/1/0000", KEPT])
def test_a_link_out_of_a_resumed_study_is_refused(
    link, study, outside_checkpoint, tmp_path, capsys
):
    """A disk budget would delete the targets of links."""
    log_checkpoint(study, checkpoint=KEPT)
    (study / link).parent.mkdir(parents=True, exist_ok=True)
    (study / link).symlink_to(tmp_path / "other" / link)
    error = resume_error(capsys, study, "disk_budget=1KB")
    assert f"{study / link}: is a link to {tmp_path / 'other' / link}" in error
    with pytest.raises(InputError, match=f"trial 0000: .* leads to {outside_checkpoint}, outside"):
        load_events(study)
    assert (outside_checkpoint / "state.pt").exists()


def test_a_moved_study_finds_its_checkpoints(study, tmp_path):
    """Paths are relative to the folder, and links inside it are allowed."""
    log_checkpoint(study, checkpoint=KEPT)
    (study / KEPT).mkdir(parents=True)
    (study / "newest").symlink_to("trials/1")
    moved = study.rename(tmp_path / "moved")
    (tmp_path / "linked").symlink_to(moved)
    for folder in (moved, tmp_path / "linked", shutil.copytree(moved, tmp_path / "copied")):
        assert load_events(folder)[0]["0000"].checkpoint == str(folder / KEPT)


@pytest.mark.parametrize(
    "number", ["../../other", "0000/..", "/", "", "0000 ", "\u0660" * 4, 7, None]
)
def test_an_invalid_trial_number_is_refused(number, study, outside_checkpoint, capsys):
    """It names folders that a tracker deletes and Ray creates."""
    lines = (study / EVENT_LOG_FILE).read_text().splitlines()
    strange = {**json.loads(lines[0]), "trial_id": number}
    (study / EVENT_LOG_FILE).write_text("\n".join([json.dumps(strange), *lines, ""]))
    assert "line 1 cannot be read (trial_id must be a number" in resume_error(capsys, study)
    assert outside_checkpoint.exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"event": "reported"}, "report Field required"),
        ({"event": "reported", "report": {"epoch": 1}}, "report.train_loss Field required"),
        ({"event": "reported", "report": 3}, "report must be"),
        ({"event": "reported", "report": "{report}", "epoch": 10**30}, "must count from 0 to"),
        ({"event": "reported", "report": "{report}", "epoch": "one"}, "report.epoch must be"),
        ({"event": "reported", "trial_id": "0009"}, "'0009', which has not begun"),
        ({"event": "went_on", "source": "0009"}, "'0009', which has not begun"),
        ({"event": "began", "groups": [], "knobs": {}, "seed": 0}, "groups must be"),
        ({"event": "began", "groups": {}, "knobs": {}, "seed": -1}, "seed must be"),
        ({"event": "kept", "checkpoint": 3}, "checkpoint must be"),
        ({"event": "ended", "status": "won", "error": ""}, "status must be"),
        ({"event": ["began"]}, "the name of an event"),
        (["began"], "the name of an event"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_an_invalid_event_is_refused(line, expected, study, capsys):
    lines = (study / EVENT_LOG_FILE).read_text().splitlines()
    if isinstance(line, dict):
        line = {"trial_id": "0000", **line}
        if line.get("report") == "{report}":
            line["report"] = {**json.loads(lines[1])["report"], "epoch": line.pop("epoch")}
    text = line if isinstance(line, str) else json.dumps(line)
    (study / EVENT_LOG_FILE).write_text("\n".join([*lines, text, ""]))
    error = resume_error(capsys, study)
    assert "line 8 cannot be read (" in error
    assert expected in error


def test_an_empty_search_yaml_is_refused(study, capsys):
    (study / "search.yaml").write_text("")
    assert "search.yaml does not describe a study.\n" in resume_error(capsys, study)


def test_an_event_log_that_is_no_text_is_refused(study, capsys):
    (study / EVENT_LOG_FILE).write_bytes(b"\xff\xfe\n")
    assert f"{study / EVENT_LOG_FILE}: cannot be read" in resume_error(capsys, study)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"trial_id": "../../other"}, "trial_id must be a number such as 0007, got '../../other'"),
        ({"goes_on": "/"}, "trial_id must be a number such as 0007, got '/'"),
        ({"trial_id": 7}, "cannot be read (TypeError"),
    ],
)
def test_invalid_trial_numbers_in_the_optuna_study_are_refused(attributes, expected, study, capsys):
    """Ray creates folders with these names."""
    optuna_study = open_study(open_optuna_storage(study), Goal())
    optuna_study.enqueue_trial({}, user_attrs=attributes)
    assert f"{study / OPTUNA_FILE}" in (error := resume_error(capsys, study))
    assert expected in error


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", '{"op_code": 99}\n', "\udcff\n"])
def test_a_corrupt_optuna_study_is_refused(text, study, capsys):
    (study / OPTUNA_FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert f"{study / OPTUNA_FILE} cannot be read" in resume_error(capsys, study)


COMMANDS = {
    "evaluate": (evaluate, ["suite=fgsm", "images=60"]),
    "diagnose": (diagnose, ["measure=fosc", "images=20"]),
    "export": (export, []),
    "figures": (figures, ["figure=weight_decay"]),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "link", ["evaluation", ".evaluation.parquet", "diagnostics", "figures", "best/x"]
)
def test_commands_do_not_write_through_links_out_of_the_folder(
    command, link, folder, tmp_path, capsys
):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "lock").write_text("mine")
    if link == "evaluation":
        shutil.rmtree(folder / link)
    (folder / link).symlink_to(target)
    main, words = COMMANDS[command]
    assert f"{folder / link}: is a link to {target}" in error_of(capsys, main, folder, *words)
    assert [file.read_text() for file in target.iterdir()] == ["mine"]


@pytest.mark.parametrize("file", ["best/config.yaml", "search.yaml"])
def test_circular_links_are_refused(file, folder, capsys):
    (folder / file).unlink()
    (folder / file).symlink_to(folder / file)
    assert (folder / file).name in error_of(capsys, export, folder)


@pytest.mark.parametrize("command", [export, report, figures, diagnose, evaluate])
@pytest.mark.parametrize("folder", ["~no-such-user/study", "circle"])
def test_a_missing_folder_is_refused(command, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    assert command([folder]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("link", ["report.html", ".report.html"])
def test_a_report_is_not_written_through_a_link(link, folder, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (folder / link).symlink_to(tmp_path / "mine")
    assert report([str(folder)]) == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (folder / "report.html").is_symlink()


@pytest.mark.parametrize("path", ["../other", "{tmp_path}/other", "."])
@pytest.mark.parametrize("command", ["evaluate", "diagnose"])
def test_a_checkpoint_outside_the_folder_in_trials_is_refused(
    command, path, folder, tmp_path, capsys
):
    file = folder / "trials.parquet"
    table = pd.read_parquet(file)
    shutil.copytree(folder / table["checkpoint"][0], tmp_path / "other")
    table.assign(checkpoint=path.format(tmp_path=tmp_path)).to_parquet(file)
    main, words = COMMANDS[command]
    error = error_of(capsys, main, folder, *words, "rules=last_epoch")
    assert f"{file}: the checkpoint of trial 0000 must lead below the results folder" in error
