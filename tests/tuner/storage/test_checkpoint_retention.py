"""Checkpoint retention: which checkpoints a disk budget deletes first, and what is logged."""

import pytest

from tests.oracles import make_report
from trainables.hparams.knobs import read_knobs
from trainables.training.fidelity import Level
from tuner.config.settings import Settings
from tuner.monitoring.headline import format_headline
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.checkpoint_retention import CheckpointRetention
from tuner.storage.event_log import EventLog
from tuner.storage.event_reader import load_events
from tuner.storage.results_store import LocalStore, RemoteStore

SIZE = 100


class Study:
    """A study whose trials leave checkpoints of 100 bytes."""

    def __init__(self, folder, budget, store=None):
        self.folder, self.warnings = folder, []
        self.event_log = EventLog(folder)
        self.progress = StudyProgress(
            trials=9, levels=(Level(4),), concurrency=1, disk_budget=budget
        )
        self.retention = CheckpointRetention(
            store or LocalStore(folder), self.progress, self.event_log, self.warnings.append
        )

    def add_trial(self, number, *values, status="completed", run=1):
        reports = [make_report(epoch, value) for epoch, value in enumerate(values, start=1)]
        record = Record(f"{number:04d}", {}, 0, {}, reports, "running")
        self.event_log.log_start(record)
        self.progress.records[record.trial_id] = record
        self.save_checkpoint(record, len(values), run)
        record.status = status
        if status != "running":
            self.event_log.log_end(record)
        return record

    def save_checkpoint(self, record, epoch, run=1):
        path = self.folder / f"trials/{run}/{record.trial_id}/checkpoint_{epoch:06d}"
        path.mkdir(parents=True)
        (path / "state.pt").write_bytes(bytes(SIZE - 40))
        (path / "metrics.json").write_bytes(bytes(40))
        record.checkpoint = str(path)
        self.event_log.log_checkpoint(record)

    def trials_with_checkpoint(self):
        return sorted(path.parent.name for path in self.folder.glob("trials/*/*/checkpoint_*"))


@pytest.fixture
def make_study(tmp_path):
    studies = []

    def build_study(budget):
        studies.append(Study(tmp_path, budget))
        return studies[-1]

    yield build_study
    for built in studies:
        built.event_log.close()


def test_checkpoints_of_the_worst_ended_trials_are_deleted_first(make_study):
    """400 bytes hold four checkpoints. The best epochs are 0.5, 0.3, 0.4, 0.2 and 0.6."""
    study = make_study(400)
    for number, values in enumerate([(0.5, 0.1), (0.3, 0.3), (0.1, 0.4), (0.2,), (0.6, 0.0)]):
        study.add_trial(number, *values)
    study.retention.enforce_budget()
    assert study.trials_with_checkpoint() == ["0000", "0001", "0002", "0004"]
    assert study.progress.disk_bytes == 400
    assert study.progress.records["0003"].checkpoint == ""
    assert study.warnings == []


def test_space_is_kept_for_the_next_checkpoint_of_a_running_trial(make_study):
    """Four checkpoints exist; the next one of the running trial would not fit beside them."""
    study = make_study(400)
    for number, value in enumerate((0.5, 0.3, 0.4)):
        study.add_trial(number, value)
    study.add_trial(3, 0.1, status="running")
    study.retention.enforce_budget()
    assert study.trials_with_checkpoint() == ["0000", "0002", "0003"]


def test_the_best_and_running_trials_keep_their_checkpoints_with_one_warning(make_study):
    study = make_study(250)
    study.add_trial(0, 0.9)
    for number in (1, 2):
        study.add_trial(number, 0.1, status="running")
    for _ in range(2):
        study.retention.enforce_budget()
    assert study.trials_with_checkpoint() == ["0000", "0001", "0002"]
    (text,) = study.warnings
    assert text.startswith(
        "disk_budget: the checkpoints of the best trial and of running trials take"
    )
    assert "300 B, more than 250 B" in text


def test_of_equal_trials_the_later_loses_its_checkpoint(make_study):
    study = make_study(200)
    for number, value in enumerate((0.9, 0.3, 0.3)):
        study.add_trial(number, value)
    study.retention.enforce_budget()
    assert study.trials_with_checkpoint() == ["0000", "0001"]


def test_a_checkpoint_that_is_being_replaced_does_not_count(make_study):
    study = make_study(None)
    running = study.add_trial(0, 0.5, status="running")
    study.save_checkpoint(running, 2)
    study.retention.enforce_budget()
    assert len(study.trials_with_checkpoint()) == 2
    assert study.progress.disk_bytes == SIZE


def test_without_a_budget_nothing_is_deleted_and_usage_is_shown(make_study):
    study = make_study(None)
    for number in range(3):
        study.add_trial(number, 0.1)
    study.retention.enforce_budget()
    assert study.progress.disk_bytes == 300
    assert "300 B on disk" in format_headline(study.progress, 200).plain
    study.progress.disk_budget = 20e9
    assert "300 B of 20 GB on disk" in format_headline(study.progress, 200).plain


def test_the_event_log_has_the_deletion(make_study, tmp_path):
    study = make_study(100)
    study.add_trial(0, 0.5)
    study.add_trial(1, 0.4)
    study.retention.enforce_budget()
    study.event_log.close()
    first, second = load_events(tmp_path)[0].values()
    assert first.checkpoint == study.progress.records["0000"].checkpoint
    assert (second.status, second.checkpoint) == ("completed", "")


def test_an_interrupted_deletion_is_finished_by_the_next_run(make_study, tmp_path):
    """The event log is written first, so that a partly deleted folder is never loaded."""
    study = make_study(1000)
    study.add_trial(0, 0.5)
    study.event_log.log_checkpoint_deletion(study.add_trial(1, 0.4))
    study.event_log.close()
    again = make_study(1000)
    again.progress.records.update(load_events(tmp_path)[0])
    again.retention.enforce_budget()
    assert again.trials_with_checkpoint() == ["0000"]


def test_an_interrupted_trial_that_is_not_yet_resumed_keeps_its_checkpoint(make_study):
    study = make_study(150)
    study.add_trial(0, 0.1, status="running")
    del study.progress.records["0000"]
    study.add_trial(1, 0.3)
    study.add_trial(2, 0.2)
    study.retention.enforce_budget()
    assert study.trials_with_checkpoint() == ["0000", "0001"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500MB", 5e8), ("20GB", 2e10), ("1TB", 1e12), ("1.5 kB", 1500), ("2GiB", 2**31), (77, 77)],
)
def test_disk_budget_is_parsed(text, expected):
    assert read_knobs(Settings)["disk_budget"].validate(text) == expected


@pytest.mark.parametrize("text", ["GB", "20GX", "-1GB", "0", "1.2.3GB"])
def test_an_invalid_disk_budget_is_refused(text):
    with pytest.raises(ValueError, match="must"):
        read_knobs(Settings)["disk_budget"].validate(text)


@pytest.fixture
def remote_study(tmp_path):
    """Return a study with checkpoints at an address and a budget of 400 bytes."""
    store = RemoteStore(tmp_path / "study", f"file://{tmp_path}/there")
    store.folder.mkdir()
    study = Study(store.folder, 400, store)
    yield study
    study.event_log.close()


def upload_checkpoint(study, record, epoch, run=1):
    """Write a checkpoint of 100 bytes to the address only."""
    path = study.folder / f"trials/{run}/{record.trial_id}/checkpoint_{epoch:06d}"
    study.retention.store.upload_file(path / "state.pt", bytes(SIZE - 40))
    study.retention.store.upload_file(path / "metrics.json", bytes(40))
    record.checkpoint = str(path)


def test_at_an_address_the_worst_are_deleted_first_too(remote_study, tmp_path):
    """400 bytes hold three checkpoints and the next one of a running trial: two are deleted.

    The best epochs are 0.5, 0.2, 0.4, 0.3 and 0.6.
    """
    for number, value in enumerate((0.5, 0.2, 0.4, 0.3, 0.6)):
        record = remote_study.add_trial(number, value, status="running")
        upload_checkpoint(remote_study, record, 1)
        remote_study.retention.enforce_budget(record)
        record.status = "completed"
        remote_study.retention.enforce_budget(record)
    kept = sorted(path.parent.name for path in tmp_path.glob("there/study/trials/1/*/check*"))
    assert kept == ["0000", "0002", "0004"]
    assert remote_study.progress.disk_bytes == 300
    assert [remote_study.progress.records[f"{n:04d}"].checkpoint for n in (1, 3)] == ["", ""]
    assert remote_study.warnings == []


def test_at_an_address_each_checkpoint_is_measured_once(remote_study, tmp_path, monkeypatch):
    remote_study.progress.disk_budget, listings = 900, []
    store, infos = remote_study.retention.store, remote_study.retention.store.file_infos
    monkeypatch.setattr(store, "file_infos", lambda *a, **k: listings.append(a) or infos(*a, **k))
    for number in range(3):
        upload_checkpoint(remote_study, remote_study.add_trial(number, 0.5), 1)
    again = CheckpointRetention(
        store, remote_study.progress, remote_study.event_log, remote_study.warnings.append
    )
    assert len(listings) == 1  # for all trials
    assert remote_study.progress.disk_bytes == 300
    again.enforce_budget()
    listings.clear()
    record = remote_study.add_trial(3, 0.1, status="running")
    upload_checkpoint(remote_study, record, 1)
    again.enforce_budget(record)
    assert listings == [(tmp_path / "study/trials/1/0003/checkpoint_000001",)]
    again.enforce_budget(record)
    assert len(listings) == 1


def test_at_an_address_nothing_is_measured_without_a_budget(tmp_path, monkeypatch):
    store = RemoteStore(tmp_path, f"file://{tmp_path}/there")
    monkeypatch.setattr(store, "file_infos", None)
    study = Study(tmp_path, None, store)
    study.retention.enforce_budget(study.add_trial(0, 0.5))
    study.event_log.close()
    assert study.progress.disk_bytes == 0
