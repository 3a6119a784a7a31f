"""The account of a study, and what is left of it whenever it is cut off."""

import fcntl
import threading

import pytest

from tests.oracles import report
from trainables.problems import InputError
from tuner.journal import FILE, Event, Journal, told
from tuner.lock import PAUSE, held
from tuner.progress import Record


def record(number, status="running", error=""):
    knobs = {"optimizer.lr": 0.1}
    return Record(number, knobs, 7, {"optimizer": {"name": "sgd"}}, status=status, error=error)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two trials: one ended, one under way."""
    journal = Journal(tmp_path)
    journal.began(record("0000"))
    journal.reported("0000", report(1, 0.3))
    journal.began(record("0001"))
    journal.reported("0001", report(1, 0.4))
    kept = record("0001")
    kept.checkpoint = str(tmp_path / "trials/1/0001/checkpoint_000000")
    journal.kept(kept)
    journal.ended(record("0000", "failed", "ValueError: no"))
    journal.close()
    return tmp_path


def test_what_was_written_is_remembered(folder):
    records, events = told(folder)
    first, second = records.values()
    assert (first.trial_id, first.status, first.error) == ("0000", "failed", "ValueError: no")
    assert (first.knobs, first.seed) == ({"optimizer.lr": 0.1}, 7)
    assert first.groups == {"optimizer": {"name": "sgd"}}
    assert first.reports == [report(1, 0.3)]
    assert (second.status, second.reports) == ("running", [report(1, 0.4)])
    assert second.checkpoint == str(folder / "trials/1/0001/checkpoint_000000")
    assert events == [
        Event("began", "0000"),
        Event("reported", "0000", report(1, 0.3)),
        Event("began", "0001"),
        Event("reported", "0001", report(1, 0.4)),
    ]


def test_an_epoch_trained_again_counts_once_as_it_came_last(folder):
    journal = Journal(folder)
    for epoch, value in ((2, 0.5), (3, 0.6), (2, 0.7)):
        journal.reported("0001", report(epoch, value))
    journal.close()
    robust = [each.val_robust_accuracy for each in told(folder)[0]["0001"].reports]
    assert robust == [0.4, 0.7]


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_was_being_written_is_forgotten(folder, cut):
    file = folder / FILE
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(whole[: -min(cut, len(lines[-1]) - 1)])
    assert told(folder)[0]["0000"].status == "running"
    journal = Journal(folder)
    journal.ended(record("0000", "completed"))
    journal.close()
    assert told(folder)[0]["0000"].status == "completed"


def test_a_broken_line_in_the_middle_is_told(folder):
    file = folder / FILE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{broken\n", *lines[1:]]))
    with pytest.raises(InputError, match="line 2 cannot be read"):
        told(folder)


def test_only_one_process_writes_at_a_time(folder):
    journal = Journal(folder)
    assert held(folder / FILE)
    with pytest.raises(InputError, match="another process"):
        Journal(folder)
    journal.close()
    assert not held(folder / FILE)
    Journal(folder).close()


def test_who_only_asks_keeps_no_search_from_starting(folder):
    with (folder / FILE).open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(2 * PAUSE, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        Journal(folder).close()
