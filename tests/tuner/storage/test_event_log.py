"""The account of a study, and what is left of it whenever it is cut off."""

import fcntl
import threading

import pytest

from tests.oracles import make_report
from trainables.errors import InputError
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import load_events
from tuner.storage.lock import RETRY_SECONDS, is_locked


def record(number, status="running", error=""):
    knobs = {"optimizer.lr": 0.1}
    return Record(number, knobs, 7, {"optimizer": {"name": "sgd"}}, status=status, error=error)


def account(folder):
    """Write down two trials, one ended and one under way; return the folder."""
    journal = EventLog(folder)
    journal.log_start(record("0000"))
    journal.log_report("0000", make_report(1, 0.3))
    journal.log_start(record("0001"))
    journal.log_report("0001", make_report(1, 0.4))
    kept = record("0001")
    kept.checkpoint = str(folder / "trials/1/0001/checkpoint_000000")
    journal.log_checkpoint(kept)
    journal.log_end(record("0000", "failed", "ValueError: no"))
    journal.close()
    return folder


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_was_being_written_is_forgotten(tmp_path, cut):
    folder = account(tmp_path)
    file = folder / EVENT_LOG_FILE
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(whole[: -min(cut, len(lines[-1]) - 1)])
    assert load_events(folder)[0]["0000"].status == "running"
    journal = EventLog(folder)
    journal.log_end(record("0000", "completed"))
    journal.close()
    assert load_events(folder)[0]["0000"].status == "completed"


def test_only_one_process_writes_at_a_time(tmp_path):
    folder = account(tmp_path)
    journal = EventLog(folder)
    assert is_locked(folder / EVENT_LOG_FILE)
    with pytest.raises(InputError, match="another process"):
        EventLog(folder)
    journal.close()
    assert not is_locked(folder / EVENT_LOG_FILE)
    EventLog(folder).close()


def test_who_only_asks_keeps_no_search_from_starting(tmp_path):
    folder = account(tmp_path)
    with (folder / EVENT_LOG_FILE).open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(2 * RETRY_SECONDS, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        EventLog(folder).close()
