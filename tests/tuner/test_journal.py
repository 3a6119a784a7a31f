"""The account of a study, and what is left of it whenever it is cut off."""

import fcntl
import threading

import pytest

from tests.oracles import report
from trainables.problems import InputError
from tuner.history import told
from tuner.journal import FILE, Journal
from tuner.lock import PAUSE, held
from tuner.record import Record


def record(number, status="running", error=""):
    knobs = {"optimizer.lr": 0.1}
    return Record(number, knobs, 7, {"optimizer": {"name": "sgd"}}, status=status, error=error)


def account(folder):
    """Write down two trials, one ended and one under way; return the folder."""
    journal = Journal(folder)
    journal.began(record("0000"))
    journal.reported("0000", report(1, 0.3))
    journal.began(record("0001"))
    journal.reported("0001", report(1, 0.4))
    kept = record("0001")
    kept.checkpoint = str(folder / "trials/1/0001/checkpoint_000000")
    journal.kept(kept)
    journal.ended(record("0000", "failed", "ValueError: no"))
    journal.close()
    return folder


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_was_being_written_is_forgotten(tmp_path, cut):
    folder = account(tmp_path)
    file = folder / FILE
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(whole[: -min(cut, len(lines[-1]) - 1)])
    assert told(folder)[0]["0000"].status == "running"
    journal = Journal(folder)
    journal.ended(record("0000", "completed"))
    journal.close()
    assert told(folder)[0]["0000"].status == "completed"


def test_only_one_process_writes_at_a_time(tmp_path):
    folder = account(tmp_path)
    journal = Journal(folder)
    assert held(folder / FILE)
    with pytest.raises(InputError, match="another process"):
        Journal(folder)
    journal.close()
    assert not held(folder / FILE)
    Journal(folder).close()


def test_who_only_asks_keeps_no_search_from_starting(tmp_path):
    folder = account(tmp_path)
    with (folder / FILE).open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(2 * PAUSE, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        Journal(folder).close()
