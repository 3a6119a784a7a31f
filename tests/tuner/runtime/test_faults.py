"""What may go wrong around a study: nothing that was finished is lost, nothing counted twice."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from itertools import cycle
from types import SimpleNamespace

import pandas as pd
import pytest
from ray.exceptions import GetTimeoutError
from ray.tune.stopper import TimeoutStopper

from tests.oracles import make_report
from tests.tuner.study_files import make_plan
from tests.tuner.test_search import SMALL, comparable, frames, search
from trainables.io.retry import Retry, RetryTimeout
from trainables.training import checkpoint
from tuner.config.objectives import Goal
from tuner.layout import EVENT_LOG_FILE
from tuner.runtime.persistence import error_of
from tuner.runtime.ray_adapters import TimeLimitStopper
from tuner.runtime.resume.interrupted_studies import choose_study
from tuner.search import main
from tuner.searchers.core.optuna_storage import (
    enqueue_trial,
    load_optuna_study,
    open_optuna_storage,
    open_study,
)
from tuner.storage import safe_files
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import read_events
from tuner.storage.naming import choose_results_folder

# Ray leaves its files open

WORDS = ["space=weight_decay", *SMALL, "scheduler=none", "concurrency=1"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, machine):
    """Return a folder with a study that was not interrupted."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert search(folder, *WORDS, "trials=3", name="uninterrupted").returncode == 0
    return folder


def assert_same_results(uninterrupted, tmp_path, name="cut"):
    """Assert that a study has the results of the uninterrupted one."""
    for one, other in zip(
        comparable(uninterrupted, "uninterrupted"), comparable(tmp_path, name), strict=True
    ):
        pd.testing.assert_frame_equal(one, other)
    reports = [line for line in read_events(tmp_path / name) if line["event"] == "ended"]
    assert sorted(line["trial_id"] for line in reports) == ["0000", "0001", "0002"]


@pytest.fixture
def disk(tmp_path):
    """Return a separate file system of 32 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount, and there is none")
    if done.returncode:
        pytest.skip(f"needs to mount a small disk: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk, free):
    """Write a file that leaves so many bytes; return it."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - free))
    return filler


class FreeingTerminal(StringIO):
    """A terminal whose reader frees the disk on the first warning that it is full."""

    def __init__(self, filler):
        super().__init__()
        self.filler = filler

    def write(self, text):
        if "trying again" in text:
            self.filler.unlink(missing_ok=True)
        return super().write(text)


def record_pauses(monkeypatch):
    """Replace the clock of `Retry`; return the list of its pauses."""
    pauses = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr("trainables.io.retry.time", clock)
    return pauses


def test_what_is_refused_is_tried_again_after_longer_and_longer_pauses(monkeypatch):
    pauses, messages, left = (
        record_pauses(monkeypatch),
        [],
        [OSError(28, "as the system has it")] * 9,
    )

    def act():
        if left:
            raise left.pop()
        return "done"

    assert Retry(messages.append, timeout=60.0)("the frames", act) == "done"
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0])  # 0.1 * 2**n
    assert messages == ["cannot write the frames (No space left on device)"]


def test_in_the_end_it_is_given_up_and_then_all_is_tried_once(monkeypatch):
    pauses, messages = record_pauses(monkeypatch), []
    patiently = Retry(messages.append, timeout=1.0)

    def refuse():
        raise PermissionError(13, "no")

    with pytest.raises(RetryTimeout, match=r"cannot write it \(Permission denied\)"):
        patiently("it", refuse)
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8])  # 1.5 s, the first sum above 1
    with pytest.raises(RetryTimeout):
        patiently("it", refuse)
    assert len(pauses) == 4


def test_a_time_out_of_rays_is_none_of_the_storages():
    def full():
        raise OSError(28, "No space left on device")

    def late():
        raise GetTimeoutError("a worker said nothing")

    assert error_of(full) == "[Errno 28] No space left on device"
    assert issubclass(GetTimeoutError, OSError)
    with pytest.raises(GetTimeoutError):
        error_of(late)


def test_a_line_that_did_not_fit_is_written_once_there_is_room(disk):
    """Half of it did: tmpfs gives out pages of 4 kB, and none is left."""
    filler = fill(disk, 65536)
    messages = []

    def free_space(text):
        messages.append(text)
        filler.unlink()

    journal = EventLog(disk, Retry(free_space, timeout=9.0))
    number = 0
    while not messages:
        journal.log_report(f"{number:04d}", make_report(1, 0.5))
        number += 1
    journal.close()
    assert messages == [f"cannot write {disk / EVENT_LOG_FILE} (No space left on device)"]
    assert [line["trial_id"] for line in read_events(disk)] == [f"{n:04d}" for n in range(number)]


def test_without_room_a_line_is_whole_or_not_there(disk):
    fill(disk, 8192)
    journal = EventLog(disk, Retry(str, timeout=0.0))
    written = 0

    def write():
        nonlocal written
        while True:
            journal.log_report(f"{written:04d}", make_report(1, 0.5))
            written += 1

    with pytest.raises(RetryTimeout):
        write()
    journal.close()
    EventLog(disk).close()
    assert len(list(read_events(disk))) == written > 9


def test_the_searchers_study_waits_for_space_too(disk):
    filler = fill(disk, 65536)
    messages = []

    def free_space(text):
        messages.append(text)
        filler.unlink()

    study = open_study(open_optuna_storage(disk, retry=Retry(free_space, timeout=9.0)), Goal())
    asked = 0
    while not messages:
        enqueue_trial(study, {"x": 0.5}, f"{asked:04d}")
        asked += 1
    assert [trial.number for trial in load_optuna_study(disk).trials] == list(range(asked))
    assert not (disk / "optuna.log.lock").is_symlink()


def test_frames_are_whole_or_the_ones_before(disk):
    target = disk / "trials.parquet"
    target.write_text("before")
    fill(disk, 8192)
    with pytest.raises(OSError, match="No space left"):
        safe_files.write_atomically(target, lambda path: path.write_bytes(bytes(100_000)))
    assert target.read_text() == "before"
    assert {path.name for path in disk.iterdir()} == {"trials.parquet", "filler"}


@pytest.mark.slow
def test_a_search_waits_for_space_on_a_full_disk(uninterrupted, disk):
    """Two checkpoints of 2.7 MB fit; a warning reports that the third did not."""
    out = FreeingTerminal(fill(disk, 7_000_000))
    with redirect_stdout(out):
        assert main([*WORDS, "trials=3", f"results={disk}", "name=cut"]) == 0
    assert "cannot write its checkpoint" in out.getvalue()
    assert out.getvalue().count("trying again") == 1
    assert_same_results(uninterrupted, disk)


@pytest.mark.slow
def test_a_full_disk_ends_a_search_that_goes_on_when_there_is_room(
    uninterrupted, disk, monkeypatch
):
    monkeypatch.setattr("tuner.runtime.checked_study.WRITE_TIMEOUT", 0.5)
    filler = fill(disk, 7_000_000)
    done = search(disk, *WORDS, "trials=3", name="cut")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "Stopped early: trial 000" in done.stdout
    assert "write its checkpoint (No space left on device). Free space" in done.stdout
    before = [line for line in read_events(disk / "cut") if line["event"] == "kept"]
    assert before
    filler.unlink()
    assert search(disk, *WORDS, "trials=3", "resume=auto", name="cut").returncode == 0
    assert_same_results(uninterrupted, disk)


def test_the_time_of_a_study_is_not_that_of_the_clock(monkeypatch):
    ours, rays = TimeLimitStopper(time.monotonic(), 3600.0), TimeoutStopper(3600.0)
    assert not ours.stop_all()
    assert not rays.stop_all()
    later = time.time() + 7200
    monkeypatch.setattr("time.time", lambda: later)
    assert rays.stop_all()  # the reason why there is ours
    assert not ours.stop_all()
    assert TimeLimitStopper(time.monotonic() - 3601, 3600.0).stop_all()


@pytest.mark.slow
def test_a_clock_that_jumps_changes_nothing(uninterrupted, tmp_path, monkeypatch):
    real, jumps = time.time, cycle([0.0, 7200.0, -7200.0])
    monkeypatch.setattr("time.time", lambda: real() + next(jumps))
    done = search(tmp_path, *WORDS, "trials=3", "time_budget=1h", name="cut")
    monkeypatch.undo()
    assert done.returncode == 0, done.stderr
    assert_same_results(uninterrupted, tmp_path)
    assert frames(tmp_path, "cut")[0].seconds.between(0, 600).all()


def test_the_newest_folder_has_the_last_name_after_the_clock_was_set_back(tmp_path):
    plan = make_plan(f"results={tmp_path}", "resume=auto")
    for stamp in ("20260101-000000", "29990101-235959", "29990101-5"):
        (tmp_path / f"weight_decay-pgd_at-{stamp}").mkdir()
        (tmp_path / f"weight_decay-pgd_at-{stamp}" / EVENT_LOG_FILE).touch()
    assert choose_results_folder(plan).name == "weight_decay-pgd_at-29990102-000000"
    assert choose_study(plan).folder.name == "weight_decay-pgd_at-29990101-235959"


SLEEPY = '''"""Sleeps for ever, as often as its knob says: a file counts."""
import time
from pathlib import Path

import torch
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as pgd_at
from trainables.hparams.ranges import Natural


def outer(model, x, x_adv, y, *, criterion, memory, naps: Natural = 0):
    memory["updates"] = memory.get("updates", torch.zeros(())) + 1
    if memory["updates"] == AWAKE + 1:
        made = len(list(Path(__file__).parent.glob(f"nap-{naps}-*")))
        if made < naps:
            Path(__file__).with_name(f"nap-{naps}-{made}").touch()
            time.sleep(10_000)
    return pgd_at(model, x, x_adv, y, criterion=criterion)
'''


def sleepy(tmp_path, epochs=1):
    """Return a method that hangs after so many epochs; in batches of 30 one has four updates."""
    file = tmp_path / "sleepy.py"
    file.write_text(SLEEPY.replace("AWAKE", str(4 * epochs)))
    return [f"method={file}", "data.batch_size=30", *SMALL, "scheduler=none"]


@pytest.mark.slow
@pytest.mark.parametrize(("lives", "status", "epochs"), [(3, "completed", 3), (1, "failed", 1)])
def test_a_trial_that_hangs_is_ended(tmp_path, machine, monkeypatch, lives, status, epochs):
    """It resumes from its first epoch, or has failed if its processes have died too often."""
    monkeypatch.setattr("tuner.runtime.trial_queue.MAX_PROCESS_DEATHS", lives)
    words = [*sleepy(tmp_path), "method.naps=grid(1,0)", "concurrency=2", "report_limit=8s"]
    done = search(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    trials, by_epoch = frames(tmp_path)
    assert list(trials.status) == [status, "completed"]
    reason = "reported nothing for 0:00:08 (report_limit)"
    assert list(trials.error) == [reason if status == "failed" else "", ""]
    assert list(by_epoch.groupby("trial_id").epoch.agg(list)) == [[1, 2, 3][:epochs], [1, 2, 3]]
    assert f"caution: trial 0000 {reason}; its process is ended." in done.stdout


class Breaking(StringIO):
    """A terminal beside which checkpoints are cut in half while their trial is ended."""

    def __init__(self, trials, number):
        super().__init__()
        self.trials, self.number = trials, number

    def write(self, text):
        if "its process is ended" in text:
            for folder in sorted(self.trials.glob("1/0000/checkpoint_*"))[-self.number :]:
                file = folder / checkpoint.STATE_FILE
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        return super().write(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "reported", "message"),
    [
        (
            1,
            [1, 2, 2, 3],
            "its checkpoint is corrupt; it resumes from the previous one, of epoch 1",
        ),
        (
            2,
            [1, 2, 1, 2, 3],
            "its checkpoint is corrupt and there is no previous one; it starts again",
        ),
    ],
)
def test_a_checkpoint_cut_in_half_is_said_and_made_good(
    tmp_path, machine, broken, reported, message
):
    words = [*sleepy(tmp_path, epochs=2), "method.naps=grid(1)", "report_limit=8s"]
    out = Breaking(tmp_path / "study/trials", broken)
    with redirect_stdout(out):
        assert main([*words, f"results={tmp_path}", "name=study"]) == 0
    assert f"caution: trial 0000: {message}." in out.getvalue()
    happened = list(read_events(tmp_path / "study"))
    (lost,) = [line["text"] for line in happened if line["event"] == "lost"]
    assert lost == message
    found = [line["report"] for line in happened if line["event"] == "reported"]
    assert [each["epoch"] for each in found] == reported
    again = {epoch: {e["train_loss"] for e in found if e["epoch"] == epoch} for epoch in (1, 2, 3)}
    assert [len(losses) for losses in again.values()] == [1, 1, 1]  # the same to the last bit
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["completed"]
    assert list(epochs.epoch) == [1, 2, 3]
    left = list((tmp_path / "study/trials").glob("*/*/checkpoint_*"))
    assert left == [tmp_path / "study" / trials.checkpoint[0]]


@pytest.mark.slow
def test_at_an_address_a_checkpoint_cut_in_half_is_made_good_too(tmp_path, machine, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*sleepy(tmp_path, epochs=2), "method.naps=grid(1)", "report_limit=8s"]
    there = tmp_path / "there/study"
    with redirect_stdout(Breaking(there / "trials", 1)) as out:
        assert main([*words, f"results=file://{tmp_path}/there", "name=study"]) == 0
    message = "its checkpoint is corrupt; it resumes from the previous one, of epoch 1"
    assert f"caution: trial 0000: {message}." in out.getvalue()
    found = [line["report"]["epoch"] for line in read_events(there) if line["event"] == "reported"]
    assert found == [1, 2, 2, 3]
    (path,) = pd.read_parquet(there / "trials.parquet").checkpoint
    assert list((there / "trials").glob("*/*/checkpoint_*")) == [there / path]


@pytest.mark.slow
def test_ctrl_c_twice_ends_at_once_and_the_study_goes_on(tmp_path, machine):
    """Ray gives the trial that hangs 5 s to end: until then the first is not done with."""
    words = [*sleepy(tmp_path), "method.naps=grid(1,0)", "concurrency=1"]
    command = [sys.executable, "-m", "tuner.search", *words, f"results={tmp_path}", "name=study"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 100
    while not (tmp_path / "nap-1-0").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    while process.poll() is None:
        assert time.monotonic() < until
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        time.sleep(0.5)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "Interrupted after" not in out
    assert "Traceback" not in out + err
    assert (tmp_path / "study" / EVENT_LOG_FILE).read_bytes().endswith(b"\n")
    again = search(tmp_path, *words, "resume=auto")
    assert again.returncode == 0, again.stderr
    trials, epochs = frames(tmp_path)
    assert list(trials.status) == ["completed", "completed"]
    assert list(epochs.epoch) == [1, 2, 3, 1, 2, 3]
