"""What a study that is taken up knows: its trials, their checkpoints and its rungs."""

import shutil

import optuna
import pytest

from tests.oracles import make_report, tiny_config
from trainables.errors import InputError
from trainables.training import checkpoint
from trainables.training.fidelity import Level
from trainables.training.trial import Trial
from tuner.layout import EVENT_LOG_FILE, TRIALS_FILE
from tuner.runtime.resume.state import rebuild_resume_state, rewind
from tuner.schedulers import asha, halving, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume
from tuner.searchers.core.optuna_searcher import STUDY_NAME, enqueue_trial
from tuner.searchers.core.optuna_storage import load_optuna_study, open_optuna_storage
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog

STATE = optuna.trial.TrialState


def record(number, *values, status="running"):
    reports = [make_report(epoch, value) for epoch, value in enumerate(values, start=1)]
    return Record(number, {}, 0, {}, reports, status)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return the folder of a trial with the checkpoints of its first and second epoch."""
    folder = tmp_path_factory.mktemp("0000")
    trial = Trial(tiny_config())
    for number in range(2):
        trial.run_epoch()
        place = folder / f"checkpoint_{number:06d}"
        place.mkdir()
        checkpoint.save(trial, place)
    return folder


def cut_off(kept, *values):
    found = record("0000", *values)
    found.checkpoint = str(kept / "checkpoint_000001")
    return found


def test_a_trial_goes_on_from_its_newest_checkpoint(kept):
    found = rewind(cut_off(kept, 0.1, 0.2))
    assert (len(found.reports), found.checkpoint) == (2, str(kept / "checkpoint_000001"))


def test_what_was_reported_after_it_is_forgotten(kept):
    assert len(rewind(cut_off(kept, 0.1, 0.2, 0.3)).reports) == 2


def test_a_checkpoint_of_an_epoch_that_nobody_heard_of_is_passed_over(kept):
    found = rewind(cut_off(kept, 0.1))
    assert (len(found.reports), found.checkpoint) == (1, str(kept / "checkpoint_000000"))


@pytest.mark.parametrize(
    "name", [checkpoint.STATE_FILE, checkpoint.WEIGHTS_FILE, checkpoint.METRICS_FILE]
)
def test_of_a_checkpoint_cut_in_half_the_one_before_is_used(kept, tmp_path, name):
    folder = tmp_path / "0000"
    shutil.copytree(kept, folder)
    file = folder / "checkpoint_000001" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    found = rewind(cut_off(folder, 0.1, 0.2))
    assert (len(found.reports), found.checkpoint) == (1, str(folder / "checkpoint_000000"))


def test_a_trial_without_a_checkpoint_begins_anew():
    found = rewind(record("0000", 0.1, 0.2))
    assert (found.reports, found.checkpoint) == ([], "")


COURSE = FidelityPlan(epochs=4, trials=4)


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
    journal = EventLog(tmp_path)
    found = cut_off(folder, 0.1)
    journal.log_start(found)
    for each in (*found.reports, make_report(2, 0.2, **last)):
        journal.log_report("0000", each)
    journal.log_checkpoint(found)
    journal.close()
    study = optuna.create_study(
        study_name=STUDY_NAME, storage=open_optuna_storage(tmp_path), direction="maximize"
    )
    enqueue_trial(study, {}, "0000")
    study.ask()
    rule = none.build(course=FidelityPlan(epochs=epochs, trials=1))
    memory = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert memory.records["0000"].status == status
    assert memory.to_resume == ["0000"] * (status == "running")
    assert [each.trial_id for each in memory.ended_unlogged] == ["0000"] * (status != "running")


def written(folder, *events):
    """Write the account of a study: a record begins, a pair is a report, a status ends it."""
    journal = EventLog(folder)
    study = optuna.create_study(
        study_name=STUDY_NAME, storage=open_optuna_storage(folder), direction="maximize"
    )
    begun = {}
    for number, what, *more in events:
        if what == "began":
            begun[number] = record(number)
            journal.log_start(begun[number])
            enqueue_trial(study, {}, number)
            study.ask()
        elif what in {"waited", "resumed"}:
            journal.log_resume(begun[number], number, was_paused=what == "waited")
        elif isinstance(what, str):
            begun[number].status = what
            journal.log_end(begun[number])
        else:
            journal.log_report(number, make_report(what, more[0]))
    journal.close()


@pytest.fixture
def found(monkeypatch):
    """Let every checkpoint be found, as if the newest epoch had left one."""
    monkeypatch.setattr("tuner.runtime.resume.state.rewind", lambda record: record)


@pytest.mark.usefixtures("found")
def test_rungs_are_as_if_nothing_had_happened(tmp_path):
    """The first two have come to the rung of epoch 1: the third is below and stops."""
    written(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0001", "began"), ("0001", 1, 0.6)],
        *[("0000", "failed"), ("0001", 2, 0.7)],
    )
    rule = asha.build(course=COURSE, grace=0.25, reduction_factor=2)
    memory = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert memory.to_resume == ["0001"]
    assert {n: r.status for n, r in memory.records.items()} == {
        "0000": "failed",
        "0001": "running",
    }
    rule.on_start("0002")
    assert rule.on_report("0002", make_report(1, 0.4), {}) == "stop"
    assert rule.on_report("0001", make_report(3, 0.1), {}) == "continue"  # its rung is behind it


@pytest.mark.usefixtures("found")
def test_what_was_decided_and_not_written_down_is_decided_again(tmp_path):
    """Killed between an epoch and the end that the rule made it: it is not run any further."""
    written(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0001", "began"), ("0001", 1, 0.4)],
    )
    rule = asha.build(course=COURSE, grace=0.25, reduction_factor=2)
    memory = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert (memory.records["0001"].status, memory.to_resume) == ("stopped", ["0000"])


@pytest.mark.usefixtures("found")
def test_who_waits_still_waits_and_who_went_on_goes_on(tmp_path):
    written(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0000", "stopped")],
        *[("0001", "began"), ("0001", 1, 0.6), ("0001", "stopped")],
        *[("0002", "began"), ("0002", 1, 0.1), ("0002", "stopped")],
        *[("0003", "began"), ("0003", 1, 0.1), ("0003", "stopped")],
        *[("0001", "waited"), ("0001", 2, 0.7)],
    )
    rule = halving.build(course=COURSE, keep=(0.5,))
    memory = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert memory.to_resume == ["0001"]
    assert rule.next_to_resume(is_idle=False).trial == "0000"
    assert memory.decisions == {
        "0000": "pause",
        "0001": "continue",
        "0002": "pause",
        "0003": "pause",
    }


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("scheduler", "left", "status"),
    [(none, ["0000"], "running"), (halving, [], "stopped")],
)
def test_a_study_given_more_epochs_goes_on_with_whole_runs(tmp_path, scheduler, left, status):
    written(tmp_path, ("0000", "began"), ("0000", 1, 0.5), ("0000", 2, 0.5), ("0000", "completed"))
    course = FidelityPlan(epochs=4, trials=1, earlier_levels=(Level(2),))
    settings = {"rungs": (0.9,)} if scheduler is halving else {}
    rule = scheduler.build(course=course, **settings)
    memory = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert (memory.to_resume, memory.records["0000"].status) == (left, status)
    assert scheduler is none or rule.next_to_resume(is_idle=False) == Resume("0000", "0000")


@pytest.mark.usefixtures("found")
def test_epochs_that_will_be_reported_again_are_not_told(tmp_path, monkeypatch):
    def without(record):
        record.reports = record.reports[:0]
        return record

    monkeypatch.setattr("tuner.runtime.resume.state.rewind", without)
    written(tmp_path, ("0000", "began"), ("0000", 1, 0.9))
    rule = asha.build(course=COURSE, grace=0.25, reduction_factor=2)
    assert rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path)).to_resume == [
        "0000"
    ]
    rule.on_start("0001")
    assert rule.on_report("0001", make_report(1, 0.1), {}) == "continue"  # the first at its rung


@pytest.mark.parametrize(
    ("state", "value", "status"),
    [
        (STATE.COMPLETE, 0.4, "completed"),
        (STATE.PRUNED, None, "completed"),
        (STATE.FAIL, None, "failed"),
    ],
)
def test_what_the_searcher_had_heard_is_believed(tmp_path, state, value, status):
    written(tmp_path, ("0000", "began"), ("0000", 1, 0.4))
    optuna.load_study(study_name=STUDY_NAME, storage=open_optuna_storage(tmp_path)).tell(
        0, value, state
    )
    rule = none.build(course=FidelityPlan(epochs=1, trials=1))
    assert (
        rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
        .records["0000"]
        .status
        == status
    )


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(("resumed", "status"), [(False, "failed"), (True, "running")])
def test_what_optuna_has_of_an_earlier_run_does_not_end_a_resumed_trial(tmp_path, resumed, status):
    """Optuna's outcome is that of the run before the trial was resumed."""
    again = [("0000", "failed"), ("0000", "resumed"), ("0000", 2, 0.5)]
    written(tmp_path, ("0000", "began"), ("0000", 1, 0.4), *(again if resumed else []))
    optuna.load_study(study_name=STUDY_NAME, storage=open_optuna_storage(tmp_path)).tell(
        0, None, STATE.FAIL
    )
    rule = none.build(course=FidelityPlan(epochs=4, trials=1))
    state = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert state.records["0000"].status == status
    assert state.to_resume == ["0000"] * resumed


def test_trials_that_only_the_frames_know_are_not_written_over(folder):
    """Whoever loses the account of a study keeps the results that there are."""
    (folder / EVENT_LOG_FILE).write_text("")
    rule = none.build(course=COURSE)
    with pytest.raises(InputError, match=r"trials.parquet has 1 trials and journal.jsonl has none"):
        rebuild_resume_state(folder, rule)
    (folder / TRIALS_FILE).write_bytes(bytes(100))
    assert rebuild_resume_state(folder, rule).records == {}
