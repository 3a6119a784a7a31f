"""A results folder with a twin at an address: a folder's, and a real S3 server's."""

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
def twin(tmp_path):
    """Return a results folder with a journal, and its twin."""
    folder = tmp_path / "here" / "study"
    folder.mkdir(parents=True)
    return RemoteStore(folder, f"file://{tmp_path}/there")


def written(place):
    """Return the names of files at the address, relative to the results folder."""
    root = place.remote_path(place.folder)
    found = place.filesystem.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    return {each.path[len(root) + 1 :] for each in found if each.is_file}


def checkpoint(place, number="0000"):
    """Leave a checkpoint at the address as Ray does; return what it says of it."""
    path = place.folder / "trials/1" / number / "checkpoint_000000"
    place.filesystem.create_dir(place.remote_path(path))
    with place.filesystem.open_output_stream(place.remote_path(path / "state.pt")) as stream:
        stream.write(b"state")
    return tune.Checkpoint(place.remote_path(path), place.filesystem)


def test_what_a_trial_leaves_is_found_here_and_there(twin):
    kept = twin.checkpoint_path(checkpoint(twin))
    assert kept == str(twin.folder / "trials/1/0000/checkpoint_000000")
    with tune.Checkpoint(twin.to_address(kept)).as_directory() as folder:
        assert (twin.folder.parents[1] / "there/study/trials/1").is_dir()
        assert folder == twin.remote_path(kept)
    twin.fetch_checkpoint(kept)
    assert (twin.folder / "trials/1/0000/checkpoint_000000/state.pt").read_bytes() == b"state"
    copy = twin.copy_checkpoint(kept, twin.folder / "trials/1", "0000")
    names = {name.split("/")[2][:7] for name in written(twin)}
    assert names == {"0000", "of-0000"}
    assert twin.to_local_path(twin.to_address(kept)) == kept
    twin.delete_checkpoint(twin.to_local_path(copy))
    assert written(twin) == {"trials/1/0000/checkpoint_000000/state.pt"}
    assert twin.count_runs() == 1


def test_all_but_rays_own_files_is_brought_there_and_what_changed_again(twin, monkeypatch):
    monkeypatch.setattr(uploader, "POLL_SECONDS", 0.01)
    for name in ("journal.jsonl", "best/config.yaml", "trials/1/tuner.pkl", ".best/x", "a.lock"):
        (twin.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (twin.folder / name).write_text("old")
    twin.create_folder()
    following = Uploader(twin, pytest.fail)
    (twin.folder / "journal.jsonl").write_text("newer")
    following.close()
    assert written(twin) == {"journal.jsonl", "best/config.yaml"}
    with twin.filesystem.open_input_stream(
        twin.remote_path(twin.folder / "journal.jsonl")
    ) as stream:
        assert stream.read() == b"newer"


def test_storage_that_refuses_is_tried_again_and_what_is_lacking_in_the_end_is_said(
    twin, tmp_path, monkeypatch
):
    monkeypatch.setattr(uploader, "POLL_SECONDS", 0.01)
    (twin.folder / "journal.jsonl").write_text("one")
    in_the_way = tmp_path / "there"
    in_the_way.write_text("a file, so that no folder can be made")
    said = []
    following = Uploader(twin, said.append)
    following.stop_event.set()
    following.thread.join()
    assert isinstance(following.upload_changes(), OSError)
    in_the_way.unlink()
    following.close()
    assert (written(twin), said) == ({"journal.jsonl"}, [])
    in_the_way.rename(tmp_path / "away")
    (twin.folder / "journal.jsonl").write_text("another")
    monkeypatch.setattr(uploader, "FINAL_RETRY_SECONDS", 0.0)
    following.close()
    assert len(said) == 1
    assert "lacks the newest" in said[0]


def test_another_machine_fetches_what_a_study_needs_to_go_on(twin, tmp_path):
    journal = EventLog(twin.folder)
    for number in ("0000", "0001"):
        record = Record(number, {}, 0, {})
        journal.log_start(record)
        journal.log_report(number, make_report(1, 0.5))
        record.checkpoint = twin.checkpoint_path(checkpoint(twin, number))
        journal.log_checkpoint(record)
    record.status = "completed"
    journal.log_end(record)
    journal.close()
    Uploader(twin, pytest.fail).close()
    other = RemoteStore(tmp_path / "elsewhere/study", f"file://{tmp_path}/there")
    other.fetch_for_resume()
    text = (twin.folder / "journal.jsonl").read_text()
    assert (other.folder / "journal.jsonl").read_text() == text
    # of trials that have ended nothing is needed
    found = sorted(str(path.relative_to(other.folder)) for path in other.folder.glob("trials/1/*"))
    assert found == ["trials/1/0000"]
    (other.folder / "journal.jsonl").write_text(text + text)  # this machine knows more
    other.fetch_for_resume()
    assert (other.folder / "journal.jsonl").read_text() == text + text


def test_an_address_that_nobody_knows_is_told(tmp_path):
    with pytest.raises(InputError, match="results: moon://bucket/study cannot be used"):
        RemoteStore(tmp_path / "study", "moon://bucket").create_folder()
    with pytest.raises(ValueError, match="must not hold keys"):
        valid_location("s3://key:secret@bucket/path")


@pytest.mark.slow
def test_a_study_on_s3_goes_on_from_another_machine(tmp_path, machine, bucket, monkeypatch):
    for folder, trials in (("one", 2), ("other", 3)):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        words = ["space=weight_decay", *SMALL[:-1], *HALVING, f"trials={trials}", "epochs=2"]
        done = search(bucket, *words, "resume=auto")
        assert done.returncode == 0, done.stderr
        place = RemoteStore(tmp_path / folder / "results/study", bucket)
        names = written(place)
        assert {name.split("/")[0] for name in names} == {
            "best", "epochs.parquet", "journal.jsonl", "optuna.log", "search.yaml", "tensorboard",
            "trials", "trials.parquet",
        }  # fmt: skip
        with place.filesystem.open_input_file(
            place.remote_path(place.folder / "trials.parquet")
        ) as file:
            frame = pd.read_parquet(file)
        assert list(frame.trial_id) == [f"{number:04}" for number in range(trials)]
        assert all(f"{path}/state.pt" in names for path in frame.checkpoint)
        if folder == "one":
            first = frame
    assert "2 trials have ended" in done.stdout
    again = frame.set_index("trial_id").loc[first.trial_id]
    assert (again.epochs.values >= first.epochs.values).all()
    epochs = pd.read_parquet(place.folder / "epochs.parquet")
    assert not epochs.duplicated(["trial_id", "level", "epoch"]).any()


def test_what_pyarrow_does_not_know_is_left_to_fsspec(tmp_path):
    place = RemoteStore(tmp_path / "study", "memory://attic/studies")
    assert place.remote_path(tmp_path / "study/search.yaml") == "/attic/studies/study/search.yaml"
    place.upload_file(tmp_path / "study/search.yaml", b"said")
    place.upload_file(tmp_path / "study/trials/1/0000/checkpoint_000000/state.pt", b"state")
    assert place.list_paths(place.folder) == [place.folder / "search.yaml", place.folder / "trials"]
    place.fetch_checkpoint(str(tmp_path / "study/trials/1/0000/checkpoint_000000"))
    state = tmp_path / "study/trials/1/0000/checkpoint_000000/state.pt"
    assert state.read_bytes() == b"state"
    about = place.ray_storage(tmp_path / "study/trials")
    assert about == {
        "storage_path": "/attic/studies/study/trials", "storage_filesystem": place.filesystem
    }  # fmt: skip


@pytest.mark.slow
def test_a_study_runs_where_only_fsspec_can_write(tmp_path):
    """In processes of its own, whose workers find the file system by its entry point."""
    paths = [str(ROOT), str(ROOT / "tests/attic")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    words = ["space=weight_decay", *SMALL[:-1], *HALVING, "trials=2", "epochs=2", "name=study"]
    command = [sys.executable, "-m", "tuner.search", *words, f"results=attic://{tmp_path}/there"]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    there = tmp_path / "there/study"
    frame = pd.read_parquet(there / "trials.parquet")
    assert sorted(frame.trial_id) == ["0000", "0001"]
    assert set(frame.status) <= {"completed", "stopped"}
    assert all((there / path / "state.pt").is_file() for path in frame.checkpoint)
    assert list((there / "trials").glob("*/*-1")), "none went on from its checkpoint"


def test_a_checkpoint_is_waited_for_while_the_address_is_away(twin, tmp_path, monkeypatch):
    """The file system refuses twice: once to look for it, once to give it."""
    monkeypatch.setattr("trainables.io.retry.FIRST_PAUSE", 0.01)
    kept = twin.checkpoint_path(checkpoint(twin))
    left = {"info", "open"}

    class Away(LocalFileSystem):
        isdir = AbstractFileSystem.isdir  # which takes what is refused for no folder

        def info(self, path, **more):
            self.may("info")
            return super().info(path, **more)

        def _open(self, path, **more):
            self.may("open")
            return super()._open(path, **more)

        def may(self, what):
            if what in left:
                left.remove(what)
                raise OSError(errno.EHOSTUNREACH, "as the system has it")

    away = PyFileSystem(FSSpecHandler(Away()))
    monkeypatch.setattr(
        "tuner.storage.remote_copy.open_filesystem", lambda uri: (away, open_filesystem(uri)[1])
    )
    other, said = RemoteStore(tmp_path / "elsewhere/study", f"file://{tmp_path}/there"), []
    path = other.to_local_path(twin.to_address(kept))
    Retry(said.append)("a copy of a checkpoint", partial(other.fetch_trial_checkpoints, path))
    assert (Path(path) / "state.pt").read_bytes() == b"state"
    assert said == ["cannot write a copy of a checkpoint (No route to host)"]
    assert not left


def test_a_spare_checkpoint_is_brought_from_where_the_trial_came(tmp_path):
    """A trial that went on has its newest in a folder of its own, and the one before elsewhere."""
    asked = []
    agenda = TrialQueue.__new__(TrialQueue)
    record = Record("0000", {}, 0, {}, checkpoint="trials/1/0000-1/checkpoint_000000")
    record.previous_checkpoint = "trials/1/0000/checkpoint_000001"
    agenda.records, agenda.levels, agenda.fetch = {"0000": record}, {"0000": 0}, asked.append
    agenda.resume_state = SimpleNamespace(rewind_to_checkpoint=lambda record, was_paused: None)
    agenda.find_checkpoint = lambda record, own: "address"
    agenda.resume_config(Resume("0000", "0000"), was_paused=False)
    assert sorted(asked) == sorted([record.checkpoint, record.previous_checkpoint])
