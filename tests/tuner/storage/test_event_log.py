"""The event log of a study, complete and cut off at any byte."""

import fcntl
import threading

import pytest

from tests.oracles import make_report
from trainables.errors import InputError
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import load_events
from tuner.storage.safe_files import RETRY_SECONDS, is_locked


def make_trial(number, status="running", error=""):
    knobs = {"optimizer.lr": 0.1}
    return Record(number, knobs, 7, {"optimizer": {"name": "sgd"}}, status=status, error=error)


def write_event_log(folder):
    """Log two trials, one ended and one running; return the folder."""
    event_log = EventLog(folder)
    event_log.log_start(make_trial("0000"))
    event_log.log_report("0000", make_report(1, 0.3))
    event_log.log_start(make_trial("0001"))
    event_log.log_report("0001", make_report(1, 0.4))
    saved = make_trial("0001")
    saved.checkpoint = str(folder / "trials/1/0001/checkpoint_000000")
    event_log.log_checkpoint(saved)
    event_log.log_end(make_trial("0000", "failed", "ValueError: no"))
    event_log.close()
    return folder


@pytest.mark.parametrize("n_cut", [1, 20, 100])
def test_an_unfinished_line_is_dropped(tmp_path, n_cut):
    folder = write_event_log(tmp_path)
    file = folder / EVENT_LOG_FILE
    content = file.read_bytes()
    lines = content.splitlines(keepends=True)
    file.write_bytes(content[: -min(n_cut, len(lines[-1]) - 1)])
    assert load_events(folder)[0]["0000"].status == "running"
    event_log = EventLog(folder)
    event_log.log_end(make_trial("0000", "completed"))
    event_log.close()
    assert load_events(folder)[0]["0000"].status == "completed"


def test_a_second_process_cannot_write(tmp_path):
    folder = write_event_log(tmp_path)
    event_log = EventLog(folder)
    assert is_locked(folder / EVENT_LOG_FILE)
    with pytest.raises(InputError, match="another process"):
        EventLog(folder)
    with (folder / EVENT_LOG_FILE).open("ab") as file:
        file.write(b'{"event": "rep')  # it is writing this line
    size = (folder / EVENT_LOG_FILE).stat().st_size
    with pytest.raises(InputError, match="another process"):
        EventLog(folder)
    assert (folder / EVENT_LOG_FILE).stat().st_size == size
    event_log.close()
    assert not is_locked(folder / EVENT_LOG_FILE)
    EventLog(folder).close()


def test_a_short_lock_check_does_not_block_a_search(tmp_path):
    folder = write_event_log(tmp_path)
    with (folder / EVENT_LOG_FILE).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        threading.Timer(2 * RETRY_SECONDS, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        EventLog(folder).close()
