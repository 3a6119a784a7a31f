"""The state of a resumed study: its trials, their checkpoints and its rungs."""

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
from tuner.searchers.core.optuna_storage import (
    DEFAULT_STUDY_NAME,
    enqueue_trial,
    load_optuna_study,
    open_optuna_storage,
)
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
        checkpoint_folder = folder / f"checkpoint_{number:06d}"
        checkpoint_folder.mkdir()
        checkpoint.save(trial, checkpoint_folder)
    return folder


def cut_off(kept, *values):
    trial = record("0000", *values)
    trial.checkpoint = str(kept / "checkpoint_000001")
    return trial


def test_a_trial_resumes_from_its_newest_checkpoint(kept):
    trial = rewind(cut_off(kept, 0.1, 0.2))
    assert (len(trial.reports), trial.checkpoint) == (
        2,
        str(kept / "checkpoint_000001"),
    )


def test_what_was_reported_after_it_is_forgotten(kept):
    assert len(rewind(cut_off(kept, 0.1, 0.2, 0.3)).reports) == 2


def test_a_checkpoint_of_an_epoch_that_was_never_reported_is_passed_over(kept):
    trial = rewind(cut_off(kept, 0.1))
    assert (len(trial.reports), trial.checkpoint) == (
        1,
        str(kept / "checkpoint_000000"),
    )


@pytest.mark.parametrize(
    "name", [checkpoint.STATE_FILE, checkpoint.WEIGHTS_FILE, checkpoint.METRICS_FILE]
)
def test_of_a_checkpoint_cut_in_half_the_one_before_is_used(kept, tmp_path, name):
    folder = tmp_path / "0000"
    shutil.copytree(kept, folder)
    file = folder / "checkpoint_000001" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    trial = rewind(cut_off(folder, 0.1, 0.2))
    assert (len(trial.reports), trial.checkpoint) == (
        1,
        str(folder / "checkpoint_000000"),
    )


def test_a_trial_without_a_checkpoint_begins_anew():
    trial = rewind(record("0000", 0.1, 0.2))
    assert (trial.reports, trial.checkpoint) == ([], "")


FIDELITY_PLAN = FidelityPlan(epochs=4, trials=4)


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
    event_log = EventLog(tmp_path)
    trial = cut_off(folder, 0.1)
    event_log.log_start(trial)
    for each in (*trial.reports, make_report(2, 0.2, **last)):
        event_log.log_report("0000", each)
    event_log.log_checkpoint(trial)
    event_log.close()
    study = optuna.create_study(
        study_name=DEFAULT_STUDY_NAME, storage=open_optuna_storage(tmp_path), direction="maximize"
    )
    enqueue_trial(study, {}, "0000")
    study.ask()
    scheduler = none.build(fidelity_plan=FidelityPlan(epochs=epochs, trials=1))
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert state.records["0000"].status == status
    assert state.to_resume == ["0000"] * (status == "running")
    assert [each.trial_id for each in state.ended_unlogged] == ["0000"] * (status != "running")


def write_event_log(folder, *events):
    """Write the event log of a study: a record begins, a pair is a report, a status ends it."""
    event_log = EventLog(folder)
    study = optuna.create_study(
        study_name=DEFAULT_STUDY_NAME, storage=open_optuna_storage(folder), direction="maximize"
    )
    started = {}
    for number, what, *more in events:
        if what == "began":
            started[number] = record(number)
            event_log.log_start(started[number])
            enqueue_trial(study, {}, number)
            study.ask()
        elif what in {"waited", "resumed"}:
            event_log.log_resume(started[number], number, was_paused=what == "waited")
        elif isinstance(what, str):
            started[number].status = what
            event_log.log_end(started[number])
        else:
            event_log.log_report(number, make_report(what, more[0]))
    event_log.close()


@pytest.fixture
def _valid_checkpoints(monkeypatch):
    """Treat every checkpoint as valid, as if the newest epoch had left one."""
    monkeypatch.setattr("tuner.runtime.resume.state.rewind", lambda record: record)


@pytest.mark.usefixtures("_valid_checkpoints")
def test_rungs_are_as_if_nothing_had_happened(tmp_path):
    """The first two have reached the rung of epoch 1: the third is below and stops."""
    write_event_log(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0001", "began"), ("0001", 1, 0.6)],
        *[("0000", "failed"), ("0001", 2, 0.7)],
    )
    scheduler = asha.build(
        fidelity_plan=FIDELITY_PLAN, variant="stopping", grace=0.25, reduction_factor=2
    )
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert state.to_resume == ["0001"]
    assert {n: r.status for n, r in state.records.items()} == {
        "0000": "failed",
        "0001": "running",
    }
    scheduler.on_start("0002")
    assert scheduler.on_report("0002", make_report(1, 0.4), {}) == "stop"
    assert (
        scheduler.on_report("0001", make_report(3, 0.1), {}) == "continue"
    )  # its rung is behind it


@pytest.mark.usefixtures("_valid_checkpoints")
def test_what_was_decided_and_not_written_down_is_decided_again(tmp_path):
    """Killed between an epoch and the end that the scheduler decided: it is not run any further."""
    write_event_log(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0001", "began"), ("0001", 1, 0.4)],
    )
    scheduler = asha.build(
        fidelity_plan=FIDELITY_PLAN, variant="stopping", grace=0.25, reduction_factor=2
    )
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert (state.records["0001"].status, state.to_resume) == ("stopped", ["0000"])


@pytest.mark.usefixtures("_valid_checkpoints")
def test_paused_trials_stay_paused_and_resumed_ones_resume(tmp_path):
    write_event_log(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.5), ("0000", "stopped")],
        *[("0001", "began"), ("0001", 1, 0.6), ("0001", "stopped")],
        *[("0002", "began"), ("0002", 1, 0.1), ("0002", "stopped")],
        *[("0003", "began"), ("0003", 1, 0.1), ("0003", "stopped")],
        *[("0001", "waited"), ("0001", 2, 0.7)],
    )
    scheduler = halving.build(fidelity_plan=FIDELITY_PLAN, rungs=(0.25,), keep=(0.5,))
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert state.to_resume == ["0001"]
    assert scheduler.next_to_resume(is_idle=False).trial == "0000"
    assert state.decisions == {
        "0000": "pause",
        "0001": "continue",
        "0002": "pause",
        "0003": "pause",
    }


@pytest.mark.usefixtures("_valid_checkpoints")
@pytest.mark.parametrize(("end", "resumes"), [("stopped", "0000"), ("failed", None)])
def test_a_trial_that_failed_at_its_rung_is_not_paused(tmp_path, end, resumes):
    """Of two trials the best resumes, unless it failed before the checkpoint of its rung."""
    write_event_log(
        tmp_path,
        *[("0000", "began"), ("0000", 1, 0.6), ("0000", end)],
        *[("0001", "began"), ("0001", 1, 0.5), ("0001", "stopped")],
    )
    scheduler = asha.build(fidelity_plan=FIDELITY_PLAN, rungs=(0.25, 0.5), reduction_factor=3)
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert state.decisions == {"0000": "pause", "0001": "pause"}
    assert (state.is_paused("0000"), state.is_paused("0001")) == (end == "stopped", True)
    resume = scheduler.next_to_resume(is_idle=False)
    assert (resume and resume.trial) == resumes


@pytest.mark.usefixtures("_valid_checkpoints")
@pytest.mark.parametrize(
    ("module", "to_resume", "status"),
    [(none, ["0000"], "running"), (halving, [], "stopped")],
)
def test_a_study_given_more_epochs_resumes_with_complete_runs(tmp_path, module, to_resume, status):
    write_event_log(
        tmp_path, ("0000", "began"), ("0000", 1, 0.5), ("0000", 2, 0.5), ("0000", "completed")
    )
    fidelity_plan = FidelityPlan(epochs=4, trials=1, earlier_levels=(Level(2),))
    settings = {"rungs": (0.9,)} if module is halving else {}
    scheduler = module.build(fidelity_plan=fidelity_plan, **settings)
    state = rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
    assert (state.to_resume, state.records["0000"].status) == (to_resume, status)
    assert module is none or scheduler.next_to_resume(is_idle=False) == Resume("0000", "0000")


@pytest.mark.usefixtures("_valid_checkpoints")
def test_epochs_that_will_be_reported_again_are_not_replayed(tmp_path, monkeypatch):
    def without(record):
        record.reports = record.reports[:0]
        return record

    monkeypatch.setattr("tuner.runtime.resume.state.rewind", without)
    write_event_log(tmp_path, ("0000", "began"), ("0000", 1, 0.9))
    scheduler = asha.build(
        fidelity_plan=FIDELITY_PLAN, variant="stopping", grace=0.25, reduction_factor=2
    )
    assert rebuild_resume_state(
        tmp_path, scheduler, study=load_optuna_study(tmp_path)
    ).to_resume == ["0000"]
    scheduler.on_start("0001")
    assert (
        scheduler.on_report("0001", make_report(1, 0.1), {}) == "continue"
    )  # the first at its rung


@pytest.mark.parametrize(
    ("outcome", "value", "status"),
    [
        (STATE.COMPLETE, 0.4, "completed"),
        (STATE.PRUNED, None, "completed"),
        (STATE.FAIL, None, "failed"),
    ],
)
def test_outcomes_in_the_optuna_study_are_applied(tmp_path, outcome, value, status):
    write_event_log(tmp_path, ("0000", "began"), ("0000", 1, 0.4))
    optuna.load_study(study_name=None, storage=open_optuna_storage(tmp_path)).tell(
        0, value, outcome
    )
    scheduler = none.build(fidelity_plan=FidelityPlan(epochs=1, trials=1))
    assert (
        rebuild_resume_state(tmp_path, scheduler, study=load_optuna_study(tmp_path))
        .records["0000"]
        .status
        == status
    )


@pytest.mark.usefixtures("_valid_checkpoints")
@pytest.mark.parametrize(("resumed", "status"), [(False, "failed"), (True, "running")])
def test_what_optuna_has_of_an_earlier_run_does_not_end_a_resumed_trial(tmp_path, resumed, status):
    """Optuna's outcome is that of the run before the trial was resumed."""
    again = [("0000", "failed"), ("0000", "resumed"), ("0000", 2, 0.5)]
    write_event_log(tmp_path, ("0000", "began"), ("0000", 1, 0.4), *(again if resumed else []))
    optuna.load_study(study_name=None, storage=open_optuna_storage(tmp_path)).tell(
        0, None, STATE.FAIL
    )
    rule = none.build(fidelity_plan=FidelityPlan(epochs=4, trials=1))
    state = rebuild_resume_state(tmp_path, rule, study=load_optuna_study(tmp_path))
    assert state.records["0000"].status == status
    assert state.to_resume == ["0000"] * resumed


def test_trials_that_only_the_frames_know_are_not_written_over(folder):
    """If the event log is lost, the existing results are kept."""
    (folder / EVENT_LOG_FILE).write_text("")
    scheduler = none.build(fidelity_plan=FIDELITY_PLAN)
    with pytest.raises(InputError, match=r"trials.parquet has 1 trials and journal.jsonl has none"):
        rebuild_resume_state(folder, scheduler)
    (folder / TRIALS_FILE).write_bytes(bytes(100))
    assert rebuild_resume_state(folder, scheduler).records == {}
