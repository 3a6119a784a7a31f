"""Loading trials and scheduler events from an event log."""

import pytest

from tests.oracles import make_report
from tests.tuner.storage.test_event_log import write_event_log
from trainables.errors import InputError
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import SchedulerEvent, load_events


@pytest.fixture
def folder(tmp_path):
    return write_event_log(tmp_path)


def test_trials_and_events_are_loaded(folder):
    records, events = load_events(folder)
    first, second = records.values()
    assert (first.trial_id, first.status, first.error) == ("0000", "failed", "ValueError: no")
    assert (first.knobs, first.seed) == ({"optimizer.lr": 0.1}, 7)
    assert first.groups == {"optimizer": {"name": "sgd"}}
    assert first.reports == [make_report(1, 0.3)]
    assert (second.status, second.reports) == ("running", [make_report(1, 0.4)])
    assert second.checkpoint == str(folder / "trials/1/0001/checkpoint_000000")
    assert events == [
        SchedulerEvent("began", "0000", first.knobs),
        SchedulerEvent("reported", "0000", first.knobs, make_report(1, 0.3)),
        SchedulerEvent("began", "0001", second.knobs),
        SchedulerEvent("reported", "0001", second.knobs, make_report(1, 0.4)),
    ]


def test_a_trial_that_takes_over_weights_has_other_knobs_from_then_on(folder):
    """Epochs before keep the knobs that they were trained with; its checkpoint is the copy."""
    event_log = EventLog(folder)
    record = Record("0001", {"optimizer.lr": 0.7}, 0, {"optimizer": {"lr": 0.7}})
    record.checkpoint = str(folder / "trials/1/of-0000-x")
    event_log.log_resume(record, "0000", was_paused=True)
    event_log.log_report("0001", make_report(2, 0.5))
    event_log.close()
    records, events = load_events(folder)
    before = records["0001"].reports
    assert before == [make_report(1, 0.3), make_report(2, 0.5)]
    assert records["0001"].checkpoint == record.checkpoint
    assert [event.knobs["optimizer.lr"] for event in events[-3:]] == [0.1, 0.7, 0.7]
    assert events[-2] == SchedulerEvent(
        "waited", "0001", {"optimizer.lr": 0.7}, source="0000", explores=True
    )


def test_an_epoch_trained_again_counts_once_with_its_last_report(folder):
    event_log = EventLog(folder)
    for epoch, value in ((2, 0.5), (3, 0.6), (2, 0.7)):
        event_log.log_report("0001", make_report(epoch, value))
    event_log.close()
    robust = [report.val_robust_accuracy for report in load_events(folder)[0]["0001"].reports]
    assert robust == [0.4, 0.7]


def test_a_corrupt_line_in_the_middle_is_an_error(folder):
    file = folder / EVENT_LOG_FILE
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], "{corrupt\n", *lines[1:]]))
    with pytest.raises(InputError, match="line 2 cannot be read"):
        load_events(folder)
