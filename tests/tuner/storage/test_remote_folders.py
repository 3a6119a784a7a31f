"""Commands on results folders at addresses."""

import os
import shutil
from contextlib import redirect_stdout
from io import StringIO

import pandas as pd
import pytest
import torch
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

import analysis
from analysis import diagnose
from analysis.diagnostics import _table
from analysis.figures import __main__ as figures
from analysis.report import __main__ as report
from analysis.tables import __main__ as tables
from tests.oracles import tiny_config
from tests.tuner.study_files import make_plan
from tests.tuner.test_search import HALVING, SMALL, search
from trainables.errors import InputError
from trainables.training import checkpoint
from trainables.training.checkpoint import load_model
from trainables.training.fidelity import Level
from trainables.training.trial import Trial
from tuner import evaluate, export, train
from tuner.config import description
from tuner.evaluation import table
from tuner.evaluation.checkpoints import find_checkpoints
from tuner.layout import EVENT_LOG_FILE
from tuner.replay.recordings import load_archive
from tuner.runtime.resume.warm_start import load_warm_start
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog
from tuner.storage.naming import check_results_folder
from tuner.storage.remote_copy import WorkingCopy
from tuner.storage.remote_folders import fetch_results_folder
from tuner.storage.results_store import RemoteStore

CHEAP = ["images=20", "suite=fgsm"]


@pytest.fixture(scope="module")
def finished_study(tmp_path_factory):
    """Return the results folder of a finished search of two trials."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    folder.mkdir()
    plan, levels = make_plan("epochs=2", "trials=2"), (Level(2),)
    progress, event_log = StudyProgress(2, levels, 1), EventLog(folder)
    for number, decay in (("0000", 1e-3), ("0001", 1e-4)):
        trial = Trial(tiny_config(epochs=2, optimizer__weight_decay=decay))
        reports = list(trial.run_epochs())
        saved = folder / "trials/1" / number / "checkpoint_000001"
        saved.mkdir(parents=True)
        checkpoint.save(trial, saved)
        groups = {k: v for k, v in trial.config.items() if isinstance(v, dict)}
        record = Record(number, {"optimizer.weight_decay": decay}, 0, groups, reports)
        event_log.log_start(record)
        for trial_report in reports:
            event_log.log_report(number, trial_report)
        record.checkpoint, record.status = str(saved), "completed"
        event_log.log_checkpoint(record)
        event_log.log_end(record)
        progress.records[number] = record
    event_log.close()
    results_folder.write_search_yaml(folder, description.describe_study(plan, levels, 0, []))
    results_folder.write_results(folder, plan, progress)
    return folder


@pytest.fixture
def remote_folder(finished_study, tmp_path, monkeypatch):
    """Return a copy of the folder that the commands get by its address."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return shutil.copytree(finished_study, tmp_path / "there/study")


@pytest.fixture
def address(remote_folder):
    return f"file://{remote_folder}"


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_copy_is_fetched_without_checkpoints_and_refreshed(remote_folder, address):
    (remote_folder / ".address").write_text("s3://another")
    copy = fetch_results_folder(address)
    assert copy == remote_folder.parents[1] / "here/results/study"
    assert (copy / ".address").read_text() == address
    fetched = {
        "best/config.yaml", "best/metrics.json", "best/model.safetensors", "epochs.parquet",
        "journal.jsonl", "search.yaml", "trials.parquet",
    }  # fmt: skip
    assert names(copy) == fetched | {".address"}
    (copy / "search.yaml").write_text("newer here")
    old = (remote_folder / "search.yaml").stat().st_mtime_ns
    changed = old + 10**9
    (remote_folder / "best/config.yaml").write_text("newer there")
    os.utime(remote_folder / "best/config.yaml", ns=(changed, changed))
    assert fetch_results_folder(address) == copy
    assert (copy / "search.yaml").read_text() == "newer here"
    assert (copy / "best/config.yaml").read_text() == "newer there"
    assert (copy / "best/config.yaml").stat().st_mtime_ns == changed


def test_a_longer_local_event_log_is_kept_and_a_running_search_fetches_nothing(
    remote_folder, address
):
    copy = fetch_results_folder(address)
    text = (copy / EVENT_LOG_FILE).read_text()
    (copy / EVENT_LOG_FILE).write_text(text + text)
    later = (copy / EVENT_LOG_FILE).stat().st_mtime_ns + 10**9
    for name in (EVENT_LOG_FILE, "search.yaml"):
        os.utime(remote_folder / name, ns=(later, later))
    fetch_results_folder(address)
    assert (copy / EVENT_LOG_FILE).read_text() == text + text
    assert (copy / "search.yaml").stat().st_mtime_ns == later
    (remote_folder / EVENT_LOG_FILE).write_text(3 * text)
    os.utime(remote_folder / "search.yaml", ns=(later + 1, later + 1))
    running = EventLog(copy)
    fetch_results_folder(address)
    running.close()
    assert (copy / EVENT_LOG_FILE).read_text() == text + text
    assert (copy / "search.yaml").stat().st_mtime_ns == later
    fetch_results_folder(address)
    assert (copy / EVENT_LOG_FILE).read_text() == 3 * text


def test_other_files_in_the_place_of_a_copy_are_kept(remote_folder, address, tmp_path):
    mine = tmp_path / "here/results/study"
    mine.mkdir(parents=True)
    (mine / "search.yaml").write_text("of another study")
    with pytest.raises(InputError, match="other files; move them away"):
        fetch_results_folder(address)
    with pytest.raises(InputError, match="other files; move them away"):
        RemoteStore(mine, address.removesuffix("/study")).fetch_for_resume()
    assert names(mine) == {"search.yaml"}
    shutil.rmtree(mine)
    fetch_results_folder(address)
    shutil.copytree(remote_folder, remote_folder.parents[1] / "other/study")
    with pytest.raises(InputError, match="other files; move them away"):
        fetch_results_folder(address.replace("/there/", "/other/"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("moon://bucket/study", "moon://bucket/study cannot be used (Protocol not known: moon)"),
        ("file:///nowhere/study", "holds no search.yaml; name the address of a results folder"),
        ("file://{remote_folder}", "there: holds no search.yaml"),
        ("s3://key:secret@bucket/study", "bucket/study: an address must not hold keys"),
    ],
)
def test_an_address_without_a_results_folder_is_refused(remote_folder, capsys, word, message):
    assert evaluate.main([word.format(remote_folder=remote_folder.parent), *CHEAP]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "secret" not in err
    assert not (remote_folder.parents[1] / "here/results").exists()


def test_an_evaluation_is_uploaded_and_not_repeated(remote_folder, address, tmp_path):
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    rows = pd.read_parquet(remote_folder / table.FILE)
    assert sorted(rows.trial_id) == ["0000", "0001"]
    cached = {f"evaluation/{key}.safetensors" for key in rows.key}
    assert cached <= names(remote_folder)
    assert not {name for name in names(remote_folder) if "lock" in name or name.startswith(".")}
    shutil.rmtree(tmp_path / "here/results")  # as on another machine
    before, status = names(remote_folder), (remote_folder / table.FILE).stat()
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    assert names(remote_folder) == before
    assert (remote_folder / table.FILE).stat() == status
    assert evaluate.main([address, "images=20", "suite=pgd_2"]) == 0
    assert list(pd.read_parquet(remote_folder / table.FILE).attack) == ["fgsm", "fgsm", "pgd_2"]


def test_rows_whose_upload_failed_are_uploaded_by_the_next_command(
    remote_folder, address, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        patch.setattr("tuner.storage.uploader.FINAL_RETRY_SECONDS", 0.0)
        patch.setattr(WorkingCopy, "upload_file", fail_upload)
        assert evaluate.main([address, *CHEAP]) == 0
    assert "study lacks the newest files of" in capsys.readouterr().out
    assert not (remote_folder / table.FILE).exists()
    assert evaluate.main([address, *CHEAP]) == 0
    assert len(pd.read_parquet(remote_folder / table.FILE)) == 1


def fail_upload(self, path, content):
    raise OSError("away")


def test_an_export_stays_local(remote_folder, address, tmp_path):
    before = names(remote_folder)
    assert export.main([address]) == 0
    copy = tmp_path / "here/results/study"
    assert (copy / "export/model.safetensors").is_file()
    assert report.main([address]) == 0
    assert names(remote_folder) == before | {"report.html"}


def test_a_winner_is_retrained(remote_folder, address, capsys):
    assert train.main([f"config={address}/best/config.yaml", "dry_run=true", "cpu=1"]) == 0
    assert train.main([f"config={address}/best/none.yaml"]) == 2
    assert "none.yaml cannot be used" in capsys.readouterr().err


def test_frames_tables_and_figures_accept_an_address(remote_folder, address):
    frames = analysis.load(address)
    pd.testing.assert_frame_equal(frames.trials, analysis.load(remote_folder).trials)
    assert list(frames.studies) == ["study"]
    with redirect_stdout(StringIO()) as out:
        tables.main([address])
    assert "the working copy is" in out.getvalue()
    assert figures.main([address, "figure=overfitting", "format=svg"]) == 0
    assert "figures/overfitting.svg" in names(remote_folder)


def test_a_diagnosis_is_uploaded(remote_folder, address):
    assert diagnose.main([address, "images=20", "measure=fosc"]) == 0
    assert set(pd.read_parquet(remote_folder / _table.TABLE_FILE).measure) == {"fosc"}


def test_a_network_is_loaded_from_its_address(remote_folder, address):
    x = torch.rand(2, 1, 28, 28)
    for name in ("best", "best/model.safetensors", "trials/1/0000/checkpoint_000001"):
        loaded, expected = load_model(f"{address}/{name}"), load_model(remote_folder / name)
        assert torch.equal(loaded(x), expected(x))
    last = "trials/1/0000/checkpoint_000001"
    assert torch.equal(
        load_model(f"{address}/{last}", last=True)(x),
        load_model(remote_folder / last, last=True)(x),
    )
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        load_model(f"{address}/worst")


def test_warm_start_and_replay_accept_an_address(remote_folder, address, tmp_path):
    plan = make_plan(f"warm_start={address}", "epochs=2", "data.limit=120")
    with pytest.raises(InputError, match=r"warm_start: .* has no trial that fits"):
        load_warm_start(plan, tmp_path / "mine")
    with pytest.raises(InputError, match="warm_start: moon://x/y cannot be used"):
        load_warm_start(make_plan("warm_start=moon://x/y"), tmp_path / "mine")
    assert [run.name for run in load_archive(address).runs] == ["0000", "0001"]
    with pytest.raises(InputError, match="replay: moon://x/y cannot be used"):
        load_archive("moon://x/y")


def test_checkpoints_missing_at_the_address_are_an_error(remote_folder, address):
    folder = fetch_results_folder(address)
    shutil.rmtree(remote_folder / "trials/1/0001")
    with pytest.raises(InputError, match=r"0001/checkpoint_000001 holds no model.safetensors"):
        find_checkpoints(folder, top=2, rules=("best_validation_robust",), seeds=False)


def test_no_remote_name_leads_out_of_the_copy(remote_folder, tmp_path):
    store = MemoryFileSystem()
    folder = "/evil/study"
    for path in remote_folder.rglob("*"):
        if path.is_file():
            store.pipe(f"{folder}/{path.relative_to(remote_folder)}", path.read_bytes())
    for name in ("best/../../../planted", "trials/1/0000/checkpoint_000001/../../../planted"):
        planted = MemoryFile(store, f"{folder}/{name}", b"planted")
        store.store[f"{folder}/{name}"] = planted
    copy = fetch_results_folder("memory://evil/study")
    assert len(find_checkpoints(copy, top=2, rules=("best_validation_robust",), seeds=False)) == 2
    load_model("memory://evil/study/trials/1/0000/checkpoint_000001")
    assert (copy / "trials.parquet").is_file()
    assert not list(tmp_path.rglob("planted"))


@pytest.mark.slow
def test_a_search_on_s3_is_evaluated_from_another_machine(tmp_path, machine, bucket, monkeypatch):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    words = ["space=weight_decay", *SMALL[:-1], *HALVING, "trials=2", "epochs=2"]
    assert search(bucket, *words).returncode == 0
    assert not list(check_results_folder(RemoteStore(tmp_path / "one/results/new", bucket)))
    monkeypatch.chdir(tmp_path / "other")
    address = bucket.replace("/studies?", "/studies/study?")
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    copy = tmp_path / "other/results/study"
    store = RemoteStore(copy, bucket)
    with store.filesystem.open_input_file(store.remote_path(copy / table.FILE)) as file:
        rows = pd.read_parquet(file)
    assert sorted(rows.trial_id) == ["0000", "0001"]
    written = []
    monkeypatch.setattr(
        WorkingCopy, "upload_file", lambda self, path, content: written.append(path.name)
    )
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    assert set(written) == {f"{key}.safetensors" for key in rows.key}  # unchanged
    monkeypatch.chdir(tmp_path)
    frames = analysis.load(address)
    assert sorted(frames.evaluation.trial_id) == ["0000", "0001"]
    assert set(frames.trials.status) <= {"completed", "stopped"}
    assert not (tmp_path / "results/study/trials").exists()
