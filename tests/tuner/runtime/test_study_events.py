"""The state of a study, as events change it."""

from dataclasses import asdict
from types import SimpleNamespace

from tests.oracles import make_report
from tuner.runtime.study_events import StudyEvents
from tuner.state.trial import Record


def test_an_epoch_that_is_reported_again_counts_as_it_came_last():
    """One that takes over from another may begin at a checkpoint older than what that reported."""
    record = Record(
        "0000", {}, 0, {}, [make_report(1, 0.3), make_report(2, 0.5), make_report(3, 0.6)]
    )
    notified = []
    progress = SimpleNamespace(records={"0000": record})
    events = StudyEvents(progress, [], notified.append, None, None, None, print, None)
    trial = SimpleNamespace(config={"trial": "0000"})
    events.on_trial_result(trial, asdict(make_report(2, 0.4)))
    assert record.reports == [make_report(1, 0.3), make_report(2, 0.4)]
    assert notified == [record]
