"""What a journal tells of a study."""

import pytest

from tests.oracles import make_report
from tests.tuner.storage.test_event_log import account
from trainables.errors import InputError
from tuner.layout import EVENT_LOG_FILE
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import SchedulerEvent, load_events


@pytest.fixture
def folder(tmp_path):
    return account(tmp_path)


def test_what_was_written_is_remembered(folder):
    records, events = load_events(folder)
    first, second = records.values()
    assert (first.trial_id, first.status, first.error) == ("0000", "failed", "ValueError: no")
    assert (first.knobs, first.seed) == ({"optimizer.lr": 0.1}, 7)
    assert first.groups == {"optimizer": {"name": "sgd"}}
    assert first.reports == [make_report(1, 0.3)]
    assert (second.status, second.reports) == ("running", [make_report(1, 0.4)])
    assert second.checkpoint == str(folder / "trials/1/0001/checkpoint_000000")
    assert events == [
        SchedulerEvent("began", "0000"),
        SchedulerEvent("reported", "0000", make_report(1, 0.3)),
        SchedulerEvent("began", "0001"),
        SchedulerEvent("reported", "0001", make_report(1, 0.4)),
    ]


def test_an_epoch_trained_again_counts_once_as_it_came_last(folder):
    journal = EventLog(folder)
    for epoch, value in ((2, 0.5), (3, 0.6), (2, 0.7)):
        journal.log_report("0001", make_report(epoch, value))
    journal.close()
    robust = [each.val_robust_accuracy for each in load_events(folder)[0]["0001"].reports]
    assert robust == [0.4, 0.7]


def test_a_broken_line_in_the_middle_is_told(folder):
    file = folder / EVENT_LOG_FILE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{broken\n", *lines[1:]]))
    with pytest.raises(InputError, match="line 2 cannot be read"):
        load_events(folder)
