"""What a study that is taken up knows: its trials, their checkpoints and its rungs."""

import shutil
from types import SimpleNamespace

import optuna
import pytest

from tests.oracles import report, tiny
from trainables import checkpoint
from trainables.trial import Trial
from tuner.journal import Journal
from tuner.progress import Record
from tuner.recall import Recalling, kept_in, remember, rewound
from tuner.schedulers import asha
from tuner.searcher import NAME

STATE = optuna.trial.TrialState


def record(number, *values, status="running"):
    reports = [report(epoch, value) for epoch, value in enumerate(values, start=1)]
    return Record(number, {}, 0, {}, reports, status)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return the folder of a trial with the checkpoints of its first and second epoch."""
    folder = tmp_path_factory.mktemp("0000")
    trial = Trial(tiny())
    for number in range(2):
        trial.advance()
        place = folder / f"checkpoint_{number:06d}"
        place.mkdir()
        checkpoint.save(trial, place)
    return folder


def cut_off(kept, *values):
    found = record("0000", *values)
    found.checkpoint = str(kept / "checkpoint_000001")
    return found


def test_a_trial_goes_on_from_its_newest_checkpoint(kept):
    found = rewound(cut_off(kept, 0.1, 0.2))
    assert (len(found.reports), found.checkpoint) == (2, str(kept / "checkpoint_000001"))


def test_what_was_reported_after_it_is_forgotten(kept):
    assert len(rewound(cut_off(kept, 0.1, 0.2, 0.3)).reports) == 2


def test_a_checkpoint_of_an_epoch_that_nobody_heard_of_is_passed_over(kept):
    found = rewound(cut_off(kept, 0.1))
    assert (len(found.reports), found.checkpoint) == (1, str(kept / "checkpoint_000000"))


@pytest.mark.parametrize("name", [checkpoint.STATE, checkpoint.WEIGHTS, checkpoint.METRICS])
def test_of_a_checkpoint_cut_in_half_the_one_before_is_used(kept, tmp_path, name):
    folder = tmp_path / "0000"
    shutil.copytree(kept, folder)
    file = folder / "checkpoint_000001" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found = rewound(cut_off(folder, 0.1, 0.2))
    assert (len(found.reports), found.checkpoint) == (1, str(folder / "checkpoint_000000"))


def test_a_trial_without_a_checkpoint_begins_anew():
    found = rewound(record("0000", 0.1, 0.2))
    assert (found.reports, found.checkpoint) == ([], "")


@pytest.mark.parametrize(
    ("last", "epochs", "status"),
    [
        ({"collapsed_at": 4}, 4, "stopped"),
        ({"diverged": True}, 4, "diverged"),
        ({}, 2, "completed"),
        ({}, 3, "running"),
    ],
)
def test_a_trial_that_died_with_nothing_left_to_report_is_over(
    kept, tmp_path, last, epochs, status
):
    folder = tmp_path / "0000"
    shutil.copytree(kept, folder)
    journal = Journal(tmp_path)
    found = cut_off(folder, 0.1)
    journal.began(found)
    for each in (*found.reports, report(2, 0.2, **last)):
        journal.reported("0000", each)
    journal.kept(found)
    journal.close()
    study = optuna.create_study(study_name=NAME, storage=kept_in(tmp_path), direction="maximize")
    study.ask()
    assert remember(tmp_path, epochs)["0000"].status == status


def ran(scheduler, number, *values):
    """Return what is decided of each epoch of a trial."""
    trial = SimpleNamespace(trial_id=f"ray-{number}", config={"trial": number})
    scheduler.on_trial_add(None, trial)
    past = scheduler.past.get(number)
    begun = len(past.reports) if past else 0
    return [
        scheduler.on_trial_result(None, trial, vars(report(epoch, value)))
        for epoch, value in enumerate(values, start=1)
        if epoch > begun
    ]


def fresh(past):
    return Recalling(asha.build(epochs=4, grace=0.25, reduction_factor=2), past, lambda *_: None)


def test_rungs_are_as_if_nothing_had_happened():
    runs = [("0000", 0.5, 0.6, 0.7, 0.8), ("0001", 0.6, 0.7, 0.8, 0.9), ("0002", 0.4)]
    whole = fresh({})
    decisions = [ran(whole, *run) for run in runs]
    assert decisions[2] == ["STOP"]
    past = {number: record(number, *values, status="stopped") for number, *values in runs[:2]}
    assert ran(fresh(past), *runs[2]) == ["STOP"]
    assert ran(fresh({}), *runs[2]) == ["CONTINUE"]


def test_a_trial_that_goes_on_is_at_its_rung_already():
    """With one value in the first rung, a second trial below it is stopped there, once."""
    past = {"0000": record("0000", 0.9, 0.9)}
    scheduler = fresh(past)
    assert ran(scheduler, "0000", 0.9, 0.9, 0.9) == ["CONTINUE"]
    assert ran(scheduler, "0001", 0.1) == ["STOP"]


def test_epochs_are_noted_before_they_are_decided_on():
    noted = []
    scheduler = Recalling(asha.build(epochs=4), {}, lambda number, _: noted.append(number))
    ran(scheduler, "0007", 0.5)
    assert noted == ["0007"]


@pytest.mark.parametrize(
    ("state", "value", "status"),
    [
        (STATE.COMPLETE, 0.4, "completed"),
        (STATE.PRUNED, None, "completed"),
        (STATE.FAIL, None, "failed"),
    ],
)
def test_what_the_searcher_had_heard_is_believed(tmp_path, state, value, status):
    journal = Journal(tmp_path)
    journal.began(record("0000"))
    journal.reported("0000", report(1, 0.4))
    journal.close()
    study = optuna.create_study(study_name=NAME, storage=kept_in(tmp_path), direction="maximize")
    study.tell(study.ask(), value, state)
    assert remember(tmp_path, epochs=1)["0000"].status == status
