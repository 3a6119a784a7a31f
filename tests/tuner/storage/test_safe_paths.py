"""A results folder that came from elsewhere names nothing outside it, and no link leads out."""

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
from tuner.searchers.core.optuna_searcher import open_study
from tuner.searchers.core.optuna_storage import open_optuna_storage
from tuner.storage.event_reader import load_events

OWN = {"optimizer__weight_decay": 1e-3}
KEPT = "trials/1/0000/checkpoint_000000"


@pytest.fixture
def treasure(tmp_path):
    """Return a folder of the user's own, as a checkpoint would lie in another study."""
    found = tmp_path / "other/trials/1/0000/checkpoint_000000"
    found.mkdir(parents=True)
    (found / "state.pt").write_bytes(b"1" * 100)
    return found


@pytest.fixture
def study(tmp_path):
    """Return a study that was cut off."""
    plan = make_plan()
    records = [
        make_record(plan, 0, 0.3, status="running", **OWN),
        make_record(plan, 1, 0.3, 0.4, 0.5, **OWN),
    ]
    return write_results_folder(tmp_path / "study", plan, *records)


def says(folder, **line):
    with (folder / EVENT_LOG_FILE).open("a") as file:
        file.write(json.dumps({"event": "kept", "trial_id": "0000", **line}) + "\n")


def refused(capsys, command, *words):
    capsys.readouterr()
    assert command([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("1 problem:"), said
    return said


def resumed(capsys, folder, *more):
    words = [*ARGUMENTS, f"results={folder.parent}", f"name={folder.name}", "resume=auto", *more]
    return refused(capsys, search, *words)


@pytest.mark.parametrize("key", ["checkpoint", "spare"])
@pytest.mark.parametrize("path", ["{treasure}", "../other/trials", "trials/../../other", ".", "/"])
def test_an_account_does_not_name_what_is_not_of_its_study(key, path, study, treasure, capsys):
    says(study, **{"checkpoint": KEPT, key: path.format(treasure=treasure)})
    said = resumed(capsys, study, "disk_budget=1KB")
    assert (
        f"{study / EVENT_LOG_FILE}: line 8 cannot be read (trial 0000: {key} must lead below"
        in said
    )
    assert f"got {path.format(treasure=treasure)}" in said
    assert (treasure / "state.pt").exists()


@pytest.mark.parametrize("link", ["trials", "trials/1", "trials/1/0000", KEPT])
def test_a_link_in_a_study_that_goes_on_does_not_lead_out_of_it(
    link, study, treasure, tmp_path, capsys
):
    """Where links lead is what a budget of the disk would delete."""
    says(study, checkpoint=KEPT)
    (study / link).parent.mkdir(parents=True, exist_ok=True)
    (study / link).symlink_to(tmp_path / "other" / link)
    said = resumed(capsys, study, "disk_budget=1KB")
    assert f"{study / link}: is a link to {tmp_path / 'other' / link}" in said
    with pytest.raises(InputError, match=f"trial 0000: .* leads to {treasure}, outside"):
        load_events(study)
    assert (treasure / "state.pt").exists()


def test_a_study_that_was_moved_knows_its_checkpoints(study, tmp_path):
    """Paths are relative to the folder; so they were before, and links inside it may stay."""
    says(study, checkpoint=KEPT)
    (study / KEPT).mkdir(parents=True)
    (study / "newest").symlink_to("trials/1")
    moved = study.rename(tmp_path / "moved")
    (tmp_path / "linked").symlink_to(moved)
    for folder in (moved, tmp_path / "linked", shutil.copytree(moved, tmp_path / "copied")):
        assert load_events(folder)[0]["0000"].checkpoint == str(folder / KEPT)


@pytest.mark.parametrize(
    "number", ["../../other", "0000/..", "/", "", "0000 ", "\u0660" * 4, 7, None]
)
def test_a_trial_has_a_number(number, study, treasure, capsys):
    """It is in the names of folders that a tracker deletes and Ray makes."""
    lines = (study / EVENT_LOG_FILE).read_text().splitlines()
    strange = {**json.loads(lines[0]), "trial_id": number}
    (study / EVENT_LOG_FILE).write_text("\n".join([json.dumps(strange), *lines, ""]))
    assert "line 1 cannot be read (trial_id must be a number" in resumed(capsys, study)
    assert treasure.exists()


@pytest.mark.parametrize(
    ("line", "said"),
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
        ({"event": ["began"]}, "what event"),
        (["began"], "what event"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_line_that_no_study_has_written_is_told(line, said, study, capsys):
    lines = (study / EVENT_LOG_FILE).read_text().splitlines()
    if isinstance(line, dict):
        line = {"trial_id": "0000", **line}
        if line.get("report") == "{report}":
            line["report"] = {**json.loads(lines[1])["report"], "epoch": line.pop("epoch")}
    text = line if isinstance(line, str) else json.dumps(line)
    (study / EVENT_LOG_FILE).write_text("\n".join([*lines, text, ""]))
    told = resumed(capsys, study)
    assert "line 8 cannot be read (" in told
    assert said in told


def test_a_study_that_says_nothing_of_itself_is_not_taken_up(study, capsys):
    (study / "search.yaml").write_text("")
    assert "search.yaml does not describe a study.\n" in resumed(capsys, study)


def test_bytes_that_are_no_text_are_told(study, capsys):
    (study / EVENT_LOG_FILE).write_bytes(b"\xff\xfe\n")
    assert f"{study / EVENT_LOG_FILE}: cannot be read" in resumed(capsys, study)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"trial_id": "../../other"}, "trial_id must be a number such as 0007, got '../../other'"),
        ({"goes_on": "/"}, "trial_id must be a number such as 0007, got '/'"),
        ({"trial_id": 7}, "cannot be read (TypeError"),
    ],
)
def test_the_searcher_s_trials_have_numbers(attributes, said, study, capsys):
    """Ray makes folders of these names."""
    kept = open_study(open_optuna_storage(study), Goal())
    kept.enqueue_trial({}, user_attrs=attributes)
    assert f"{study / OPTUNA_FILE}" in (told := resumed(capsys, study))
    assert said in told


@pytest.mark.parametrize("text", ["{}\n", "[1]\n", '{"op_code": 99}\n', "\udcff\n"])
def test_a_searcher_s_study_that_is_broken_is_told(text, study, capsys):
    (study / OPTUNA_FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert f"{study / OPTUNA_FILE} cannot be read" in resumed(capsys, study)


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
def test_nothing_is_written_where_a_link_leads_out(command, link, folder, tmp_path, capsys):
    end = tmp_path / "mine"
    end.mkdir()
    (end / "lock").write_text("mine")
    if link == "evaluation":
        shutil.rmtree(folder / link)
    (folder / link).symlink_to(end)
    act, words = COMMANDS[command]
    assert f"{folder / link}: is a link to {end}" in refused(capsys, act, folder, *words)
    assert [each.read_text() for each in end.iterdir()] == ["mine"]


@pytest.mark.parametrize("file", ["best/config.yaml", "search.yaml"])
def test_links_that_lead_in_a_circle_are_told(file, folder, capsys):
    (folder / file).unlink()
    (folder / file).symlink_to(folder / file)
    assert (folder / file).name in refused(capsys, export, folder)


@pytest.mark.parametrize("command", [export, report, figures, diagnose, evaluate])
@pytest.mark.parametrize("place", ["~nobody-of-that-name/study", "circle"])
def test_a_folder_that_cannot_be_is_told(command, place, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    assert command([place]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("link", ["report.html", ".report.html"])
def test_a_page_is_not_written_through_a_link(link, folder, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (folder / link).symlink_to(tmp_path / "mine")
    assert report([str(folder)]) == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (folder / "report.html").is_symlink()


@pytest.mark.parametrize("path", ["../other", "{tmp_path}/other", "."])
@pytest.mark.parametrize("command", ["evaluate", "diagnose"])
def test_a_table_does_not_name_a_checkpoint_elsewhere(command, path, folder, tmp_path, capsys):
    file = folder / "trials.parquet"
    table = pd.read_parquet(file)
    shutil.copytree(folder / table["checkpoint"][0], tmp_path / "other")
    table.assign(checkpoint=path.format(tmp_path=tmp_path)).to_parquet(file)
    act, words = COMMANDS[command]
    said = refused(capsys, act, folder, *words, "rules=last_epoch")
    assert f"{file}: the checkpoint of trial 0000 must lead below the results folder" in said
