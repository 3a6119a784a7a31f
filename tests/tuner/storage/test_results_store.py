"""Results stores at addresses: a folder, a file system of fsspec, and an S3 server."""

import errno
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from pyarrow.fs import FileSelector, FSSpecHandler, PyFileSystem
from ray import tune

from tests.tuner.study_files import make_report
from tests.tuner.test_search import HALVING, SMALL, search
from trainables.errors import InputError
from trainables.hparams.ranges import valid_location
from trainables.io.remote_files import open_filesystem
from trainables.io.retry import Retry
from tuner.runtime.trial_queue import TrialQueue
from tuner.schedulers.core.scheduler import Resume
from tuner.state.trial import Record
from tuner.storage import uploader
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import RemoteStore
from tuner.storage.uploader import Uploader

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path):
    """Return the store of an empty results folder and its address."""
    folder = tmp_path / "here" / "study"
    folder.mkdir(parents=True)
    return RemoteStore(folder, f"file://{tmp_path}/there")


def uploaded_names(store):
    """Return the names of files at the address, relative to the results folder."""
    root = store.remote_path(store.folder)
    infos = store.filesystem.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return {info.path[len(root) + 1 :] for info in infos if info.is_file}


def write_checkpoint(store, number="0000"):
    """Write a checkpoint to the address, as Ray does; return Ray's object for it."""
    path = store.folder / "trials/1" / number / "checkpoint_000000"
    store.filesystem.create_dir(store.remote_path(path))
    with store.filesystem.open_output_stream(store.remote_path(path / "state.pt")) as stream:
        stream.write(b"state")
    return tune.Checkpoint(store.remote_path(path), store.filesystem)


def test_a_checkpoint_has_a_local_path_and_an_address(store):
    saved = store.checkpoint_path(write_checkpoint(store))
    assert saved == str(store.folder / "trials/1/0000/checkpoint_000000")
    with tune.Checkpoint(store.to_address(saved)).as_directory() as folder:
        assert (store.folder.parents[1] / "there/study/trials/1").is_dir()
        assert folder == store.remote_path(saved)
    store.fetch_checkpoint(saved)
    assert (store.folder / "trials/1/0000/checkpoint_000000/state.pt").read_bytes() == b"state"
    copy = store.copy_checkpoint(saved, store.folder / "trials/1", "0000")
    names = {name.split("/")[2][:7] for name in uploaded_names(store)}
    assert names == {"0000", "of-0000"}
    assert store.to_local_path(store.to_address(saved)) == saved
    store.delete_checkpoint(store.to_local_path(copy))
    assert uploaded_names(store) == {"trials/1/0000/checkpoint_000000/state.pt"}
    assert store.count_runs() == 1


def test_all_files_but_rays_are_uploaded_and_changed_files_again(store, monkeypatch):
    monkeypatch.setattr(uploader, "POLL_SECONDS", 0.01)
    for name in ("journal.jsonl", "best/config.yaml", "trials/1/tuner.pkl", ".best/x", "a.lock"):
        (store.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (store.folder / name).write_text("old")
    store.create_folder()
    running_uploader = Uploader(store, pytest.fail)
    (store.folder / "journal.jsonl").write_text("newer")
    running_uploader.close()
    assert uploaded_names(store) == {"journal.jsonl", "best/config.yaml"}
    with store.filesystem.open_input_stream(
        store.remote_path(store.folder / "journal.jsonl")
    ) as stream:
        assert stream.read() == b"newer"


def test_failed_uploads_are_repeated_and_a_warning_names_what_is_missing(
    store, tmp_path, monkeypatch
):
    monkeypatch.setattr(uploader, "POLL_SECONDS", 0.01)
    (store.folder / "journal.jsonl").write_text("one")
    blocker = tmp_path / "there"
    blocker.write_text("a file, so that no folder can be made")
    messages = []
    running_uploader = Uploader(store, messages.append)
    running_uploader.stop_event.set()
    running_uploader.thread.join()
    assert isinstance(running_uploader.upload_changes(), OSError)
    blocker.unlink()
    running_uploader.close()
    assert (uploaded_names(store), messages) == ({"journal.jsonl"}, [])
    blocker.rename(tmp_path / "away")
    (store.folder / "journal.jsonl").write_text("another")
    monkeypatch.setattr(uploader, "FINAL_RETRY_SECONDS", 0.0)
    running_uploader.close()
    assert len(messages) == 1
    assert "lacks the newest" in messages[0]


def test_another_machine_fetches_what_resuming_needs(store, tmp_path):
    event_log = EventLog(store.folder)
    for number in ("0000", "0001"):
        record = Record(number, {}, 0, {})
        event_log.log_start(record)
        event_log.log_report(number, make_report(1, 0.5))
        record.checkpoint = store.checkpoint_path(write_checkpoint(store, number))
        event_log.log_checkpoint(record)
    record.status = "completed"
    event_log.log_end(record)
    event_log.close()
    Uploader(store, pytest.fail).close()
    other = RemoteStore(tmp_path / "elsewhere/study", f"file://{tmp_path}/there")
    other.fetch_for_resume()
    text = (store.folder / "journal.jsonl").read_text()
    assert (other.folder / "journal.jsonl").read_text() == text
    # ended trials need no checkpoint
    fetched = sorted(
        str(path.relative_to(other.folder)) for path in other.folder.glob("trials/1/*")
    )
    assert fetched == ["trials/1/0000"]
    (other.folder / "journal.jsonl").write_text(text + text)  # the local event log is longer
    other.fetch_for_resume()
    assert (other.folder / "journal.jsonl").read_text() == text + text


def test_an_unknown_protocol_is_refused(tmp_path):
    with pytest.raises(InputError, match="results: moon://bucket/study cannot be used"):
        RemoteStore(tmp_path / "study", "moon://bucket").create_folder()
    with pytest.raises(ValueError, match="must not hold keys"):
        valid_location("s3://key:secret@bucket/path")


@pytest.mark.slow
def test_a_study_on_s3_is_resumed_from_another_machine(tmp_path, machine, bucket, monkeypatch):
    for folder, trials in (("one", 2), ("other", 3)):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        words = ["space=weight_decay", *SMALL[:-1], *HALVING, f"trials={trials}", "epochs=2"]
        done = search(bucket, *words, "resume=auto")
        assert done.returncode == 0, done.stderr
        store = RemoteStore(tmp_path / folder / "results/study", bucket)
        names = uploaded_names(store)
        assert {name.split("/")[0] for name in names} == {
            "best", "epochs.parquet", "journal.jsonl", "optuna.log", "search.yaml", "tensorboard",
            "trials", "trials.parquet",
        }  # fmt: skip
        with store.filesystem.open_input_file(
            store.remote_path(store.folder / "trials.parquet")
        ) as file:
            frame = pd.read_parquet(file)
        assert list(frame.trial_id) == [f"{number:04}" for number in range(trials)]
        assert all(f"{path}/state.pt" in names for path in frame.checkpoint)
        if folder == "one":
            first = frame
    assert "2 trials already finished" in done.stdout
    again = frame.set_index("trial_id").loc[first.trial_id]
    assert (again.epochs.values >= first.epochs.values).all()
    epochs = pd.read_parquet(store.folder / "epochs.parquet")
    assert not epochs.duplicated(["trial_id", "level", "epoch"]).any()


def test_fsspec_opens_what_pyarrow_cannot(tmp_path):
    store = RemoteStore(tmp_path / "study", "memory://attic/studies")
    assert store.remote_path(tmp_path / "study/search.yaml") == "/attic/studies/study/search.yaml"
    store.upload_file(tmp_path / "study/search.yaml", b"study")
    store.upload_file(tmp_path / "study/trials/1/0000/checkpoint_000000/state.pt", b"state")
    assert store.list_paths(store.folder) == [store.folder / "search.yaml", store.folder / "trials"]
    store.fetch_checkpoint(str(tmp_path / "study/trials/1/0000/checkpoint_000000"))
    state = tmp_path / "study/trials/1/0000/checkpoint_000000/state.pt"
    assert state.read_bytes() == b"state"
    storage = store.ray_storage(tmp_path / "study/trials")
    assert storage == {
        "storage_path": "/attic/studies/study/trials", "storage_filesystem": store.filesystem
    }  # fmt: skip


@pytest.mark.slow
def test_a_study_runs_where_only_fsspec_can_write(tmp_path):
    """A separate process runs it; its workers find the file system by its entry point."""
    paths = [str(ROOT), str(ROOT / "tests/attic")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    words = ["space=weight_decay", *SMALL[:-1], *HALVING, "trials=2", "epochs=2", "name=study"]
    command = [sys.executable, "-m", "tuner.search", *words, f"results=attic://{tmp_path}/there"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    study = tmp_path / "there/study"
    frame = pd.read_parquet(study / "trials.parquet")
    assert sorted(frame.trial_id) == ["0000", "0001"]
    assert set(frame.status) <= {"completed", "stopped"}
    assert all((study / path / "state.pt").is_file() for path in frame.checkpoint)
    assert list((study / "trials").glob("*/*-1")), "no trial resumed from its checkpoint"


def test_a_checkpoint_is_fetched_again_after_the_address_failed(store, tmp_path, monkeypatch):
    """The file system fails twice: once in `info`, once in `open`."""
    monkeypatch.setattr("trainables.io.retry.FIRST_PAUSE", 0.01)
    saved = store.checkpoint_path(write_checkpoint(store))
    failures = {"info", "open"}

    class FlakyFileSystem(LocalFileSystem):
        isdir = AbstractFileSystem.isdir  # reports an error as "no folder"

        def info(self, path, **more):
            self.fail_once("info")
            return super().info(path, **more)

        def _open(self, path, **more):
            self.fail_once("open")
            return super()._open(path, **more)

        def fail_once(self, call):
            if call in failures:
                failures.remove(call)
                raise OSError(errno.EHOSTUNREACH, "message of the system")

    flaky = PyFileSystem(FSSpecHandler(FlakyFileSystem()))
    monkeypatch.setattr(
        "tuner.storage.remote_copy.open_filesystem", lambda uri: (flaky, open_filesystem(uri)[1])
    )
    other, messages = RemoteStore(tmp_path / "elsewhere/study", f"file://{tmp_path}/there"), []
    path = other.to_local_path(store.to_address(saved))
    Retry(messages.append)("a copy of a checkpoint", partial(other.fetch_trial_checkpoints, path))
    assert (Path(path) / "state.pt").read_bytes() == b"state"
    assert messages == ["cannot write a copy of a checkpoint (No route to host)"]
    assert not failures


def test_the_previous_checkpoint_is_fetched_from_the_earlier_folder(tmp_path):
    """A resumed trial has its newest checkpoint in a new folder, the previous one in the old."""
    fetched = []
    trial_queue = TrialQueue.__new__(TrialQueue)
    record = Record("0000", {}, 0, {}, checkpoint="trials/1/0000-1/checkpoint_000000")
    record.previous_checkpoint = "trials/1/0000/checkpoint_000001"
    trial_queue.records, trial_queue.levels = {"0000": record}, {"0000": 0}
    trial_queue.fetch = fetched.append
    trial_queue.resume_state = SimpleNamespace(rewind_to_checkpoint=lambda record, was_paused: None)
    trial_queue.find_checkpoint = lambda record, own: "address"
    trial_queue.resume_config(Resume("0000", "0000"), was_paused=False)
    assert sorted(fetched) == sorted([record.checkpoint, record.previous_checkpoint])
