"""Results folders at addresses, read and written by the commands that take a folder."""

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
from tuner.storage.remote_copy import WorkingCopy, fetch_results_folder
from tuner.storage.results_store import RemoteStore

CHEAP = ["images=20", "suite=fgsm"]


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return a results folder as a search of two trials leaves it."""
    folder = tmp_path_factory.mktemp("left") / "study"
    folder.mkdir()
    plan, levels = make_plan("epochs=2", "trials=2"), (Level(2),)
    progress, journal = StudyProgress(2, levels, 1), EventLog(folder)
    for number, decay in (("0000", 1e-3), ("0001", 1e-4)):
        trial = Trial(tiny_config(epochs=2, optimizer__weight_decay=decay))
        reports = list(trial.run_epochs())
        kept = folder / "trials/1" / number / "checkpoint_000001"
        kept.mkdir(parents=True)
        checkpoint.save(trial, kept)
        groups = {k: v for k, v in trial.config.items() if isinstance(v, dict)}
        record = Record(number, {"optimizer.weight_decay": decay}, 0, groups, reports)
        journal.log_start(record)
        for each in reports:
            journal.log_report(number, each)
        record.checkpoint, record.status = str(kept), "completed"
        journal.log_checkpoint(record)
        journal.log_end(record)
        progress.records[number] = record
    journal.close()
    results_folder.write_search_yaml(folder, description.describe_study(plan, levels, 0, []))
    results_folder.write_results(folder, plan, progress)
    return folder


@pytest.fixture
def there(left, tmp_path, monkeypatch):
    """Return where the folder lies that the commands know by its address alone."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return shutil.copytree(left, tmp_path / "there/study")


@pytest.fixture
def address(there):
    return f"file://{there}"


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_copy_is_fetched_without_checkpoints_and_again_where_it_has_changed(there, address):
    (there / ".address").write_text("s3://another")
    copy = fetch_results_folder(address)
    assert copy == there.parents[1] / "here/results/study"
    assert (copy / ".address").read_text() == address
    fetched = {
        "best/config.yaml", "best/metrics.json", "best/model.safetensors", "epochs.parquet",
        "journal.jsonl", "search.yaml", "trials.parquet",
    }  # fmt: skip
    assert names(copy) == fetched | {".address"}
    (copy / "search.yaml").write_text("newer here")
    old = (there / "search.yaml").stat().st_mtime_ns
    changed = old + 10**9
    (there / "best/config.yaml").write_text("newer there")
    os.utime(there / "best/config.yaml", ns=(changed, changed))
    assert fetch_results_folder(address) == copy
    assert (copy / "search.yaml").read_text() == "newer here"
    assert (copy / "best/config.yaml").read_text() == "newer there"
    assert (copy / "best/config.yaml").stat().st_mtime_ns == changed


def test_a_journal_that_knows_more_is_kept_and_nothing_is_fetched_where_a_search_runs(
    there, address
):
    copy = fetch_results_folder(address)
    known = (copy / EVENT_LOG_FILE).read_text()
    (copy / EVENT_LOG_FILE).write_text(known + known)
    late = (copy / EVENT_LOG_FILE).stat().st_mtime_ns + 10**9
    for name in (EVENT_LOG_FILE, "search.yaml"):
        os.utime(there / name, ns=(late, late))
    fetch_results_folder(address)
    assert (copy / EVENT_LOG_FILE).read_text() == known + known
    assert (copy / "search.yaml").stat().st_mtime_ns == late
    (there / EVENT_LOG_FILE).write_text(3 * known)
    os.utime(there / "search.yaml", ns=(late + 1, late + 1))
    running = EventLog(copy)
    fetch_results_folder(address)
    running.close()
    assert (copy / EVENT_LOG_FILE).read_text() == known + known
    assert (copy / "search.yaml").stat().st_mtime_ns == late
    fetch_results_folder(address)
    assert (copy / EVENT_LOG_FILE).read_text() == 3 * known


def test_what_else_lies_where_a_copy_would_is_left_alone(there, address, tmp_path):
    mine = tmp_path / "here/results/study"
    mine.mkdir(parents=True)
    (mine / "search.yaml").write_text("of another study")
    with pytest.raises(InputError, match="something else does; move it away"):
        fetch_results_folder(address)
    with pytest.raises(InputError, match="something else does; move it away"):
        RemoteStore(mine, address.removesuffix("/study")).fetch_for_resume()
    assert names(mine) == {"search.yaml"}
    shutil.rmtree(mine)
    fetch_results_folder(address)
    shutil.copytree(there, there.parents[1] / "other/study")
    with pytest.raises(InputError, match="something else does; move it away"):
        fetch_results_folder(address.replace("/there/", "/other/"))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("moon://bucket/study", "moon://bucket/study cannot be used (Protocol not known: moon)"),
        ("file:///nowhere/study", "holds no search.yaml; name the address of a results folder"),
        ("file://{there}", "there: holds no search.yaml"),
        ("s3://key:secret@bucket/study", "bucket/study: an address must not hold keys"),
    ],
)
def test_an_address_of_nothing_is_told(there, capsys, word, said):
    assert evaluate.main([word.format(there=there.parent), *CHEAP]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "secret" not in err
    assert not (there.parents[1] / "here/results").exists()


def test_an_evaluation_is_brought_to_the_address_and_not_made_twice(there, address, tmp_path):
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    rows = pd.read_parquet(there / table.FILE)
    assert sorted(rows.trial_id) == ["0000", "0001"]
    kept = {f"evaluation/{key}.safetensors" for key in rows.key}
    assert kept <= names(there)
    assert not {name for name in names(there) if "lock" in name or name.startswith(".")}
    shutil.rmtree(tmp_path / "here/results")  # as on another machine
    before, written = names(there), (there / table.FILE).stat()
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    assert names(there) == before
    assert (there / table.FILE).stat() == written
    assert evaluate.main([address, "images=20", "suite=pgd_2"]) == 0
    assert list(pd.read_parquet(there / table.FILE).attack) == ["fgsm", "fgsm", "pgd_2"]


def test_rows_that_could_not_be_brought_are_brought_by_the_next_command(
    there, address, monkeypatch, capsys
):
    with monkeypatch.context() as broken:
        broken.setattr("tuner.storage.uploader.FINAL_RETRY_SECONDS", 0.0)
        broken.setattr(WorkingCopy, "upload_file", refuse)
        assert evaluate.main([address, *CHEAP]) == 0
    assert "study lacks the newest of" in capsys.readouterr().out
    assert not (there / table.FILE).exists()
    assert evaluate.main([address, *CHEAP]) == 0
    assert len(pd.read_parquet(there / table.FILE)) == 1


def refuse(self, path, content):
    raise OSError("away")


def test_an_export_stays_here(there, address, tmp_path):
    before = names(there)
    assert export.main([address]) == 0
    copy = tmp_path / "here/results/study"
    assert (copy / "export/model.safetensors").is_file()
    assert report.main([address]) == 0
    assert names(there) == before | {"report.html"}


def test_a_winner_is_trained_again(there, address, capsys):
    assert train.main([f"config={address}/best/config.yaml", "dry_run=true", "cpu=1"]) == 0
    assert train.main([f"config={address}/best/none.yaml"]) == 2
    assert "none.yaml cannot be used" in capsys.readouterr().err


def test_frames_tables_and_figures_are_of_the_address(there, address):
    frames = analysis.load(address)
    pd.testing.assert_frame_equal(frames.trials, analysis.load(there).trials)
    assert list(frames.studies) == ["study"]
    with redirect_stdout(StringIO()) as out:
        tables.main([address])
    assert "the working copy is" in out.getvalue()
    assert figures.main([address, "figure=overfitting", "format=svg"]) == 0
    assert "figures/overfitting.svg" in names(there)


def test_a_diagnosis_is_brought_to_the_address(there, address):
    assert diagnose.main([address, "images=20", "measure=fosc"]) == 0
    assert set(pd.read_parquet(there / _table.TABLE_FILE).measure) == {"fosc"}


def test_a_network_is_loaded_from_its_address(there, address):
    x = torch.rand(2, 1, 28, 28)
    for name in ("best", "best/model.safetensors", "trials/1/0000/checkpoint_000001"):
        found, expected = load_model(f"{address}/{name}"), load_model(there / name)
        assert torch.equal(found(x), expected(x))
    last = "trials/1/0000/checkpoint_000001"
    assert torch.equal(
        load_model(f"{address}/{last}", last=True)(x), load_model(there / last, last=True)(x)
    )
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        load_model(f"{address}/worst")


def test_a_searcher_learns_from_an_address_and_a_replay_reads_one(there, address, tmp_path):
    plan = make_plan(f"warm_start={address}", "epochs=2", "data.limit=120")
    with pytest.raises(InputError, match=r"warm_start: .* has no trial that fits"):
        load_warm_start(plan, tmp_path / "mine")
    with pytest.raises(InputError, match="warm_start: moon://x/y cannot be used"):
        load_warm_start(make_plan("warm_start=moon://x/y"), tmp_path / "mine")
    assert [run.name for run in load_archive(address).runs] == ["0000", "0001"]
    with pytest.raises(InputError, match="replay: moon://x/y cannot be used"):
        load_archive("moon://x/y")


def test_checkpoints_that_the_address_has_lost_are_told(there, address):
    folder = fetch_results_folder(address)
    shutil.rmtree(there / "trials/1/0001")
    with pytest.raises(InputError, match=r"0001/checkpoint_000001 holds no model.safetensors"):
        find_checkpoints(folder, top=2, rules=("best_validation_robust",), seeds=False)


def test_no_name_leads_out_of_the_copy(there, tmp_path):
    store = MemoryFileSystem()
    folder = "/evil/study"
    for path in there.rglob("*"):
        if path.is_file():
            store.pipe(f"{folder}/{path.relative_to(there)}", path.read_bytes())
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
    place = RemoteStore(copy, bucket)
    with place.filesystem.open_input_file(place.remote_path(copy / table.FILE)) as file:
        rows = pd.read_parquet(file)
    assert sorted(rows.trial_id) == ["0000", "0001"]
    written = []
    monkeypatch.setattr(
        WorkingCopy, "upload_file", lambda self, path, content: written.append(path.name)
    )
    assert evaluate.main([address, *CHEAP, "top=2"]) == 0
    assert set(written) == {f"{key}.safetensors" for key in rows.key}  # as they were
    monkeypatch.chdir(tmp_path)
    frames = analysis.load(address)
    assert sorted(frames.evaluation.trial_id) == ["0000", "0001"]
    assert set(frames.trials.status) <= {"completed", "stopped"}
    assert not (tmp_path / "results/study/trials").exists()
