"""Which checkpoints go first where the disk is limited, and what is remembered of them."""

import pytest

from tests.oracles import make_report
from trainables.hparams.knobs import read_knobs
from trainables.training.fidelity import Level
from tuner.config.settings import Settings
from tuner.monitoring.live_table import format_headline
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
        self.folder, self.said = folder, []
        self.event_log = EventLog(folder)
        self.progress = StudyProgress(
            trials=9, levels=(Level(4),), concurrency=1, disk_budget=budget
        )
        self.retention = CheckpointRetention(
            store or LocalStore(folder), self.progress, self.event_log, self.said.append
        )

    def trial(self, number, *values, status="completed", run=1):
        reports = [make_report(epoch, value) for epoch, value in enumerate(values, start=1)]
        record = Record(f"{number:04d}", {}, 0, {}, reports, "running")
        self.event_log.log_start(record)
        self.progress.records[record.trial_id] = record
        self.kept(record, len(values), run)
        record.status = status
        if status != "running":
            self.event_log.log_end(record)
        return record

    def kept(self, record, epoch, run=1):
        path = self.folder / f"trials/{run}/{record.trial_id}/checkpoint_{epoch:06d}"
        path.mkdir(parents=True)
        (path / "state.pt").write_bytes(bytes(SIZE - 40))
        (path / "metrics.json").write_bytes(bytes(40))
        record.checkpoint = str(path)
        self.event_log.log_checkpoint(record)

    def left(self):
        return sorted(path.parent.name for path in self.folder.glob("trials/*/*/checkpoint_*"))


@pytest.fixture
def study(tmp_path):
    studies = []

    def made(budget):
        studies.append(Study(tmp_path, budget))
        return studies[-1]

    yield made
    for each in studies:
        each.event_log.close()


def test_the_worst_ended_trials_go_first_by_their_best_epoch(study):
    """400 bytes hold four checkpoints. The best epochs are 0.5, 0.3, 0.4, 0.2 and 0.6."""
    here = study(400)
    for number, values in enumerate([(0.5, 0.1), (0.3, 0.3), (0.1, 0.4), (0.2,), (0.6, 0.0)]):
        here.trial(number, *values)
    here.retention.enforce_budget()
    assert here.left() == ["0000", "0001", "0002", "0004"]
    assert here.progress.disk_bytes == 400
    assert here.progress.records["0003"].checkpoint == ""
    assert here.said == []


def test_there_is_room_for_the_next_checkpoint_of_a_running_trial(study):
    """Four checkpoints are there; the running trial's fifth would not fit beside them."""
    here = study(400)
    for number, value in enumerate((0.5, 0.3, 0.4)):
        here.trial(number, value)
    here.trial(3, 0.1, status="running")
    here.retention.enforce_budget()
    assert here.left() == ["0000", "0002", "0003"]


def test_neither_the_leader_nor_a_running_trial_goes_and_that_is_said_once(study):
    here = study(250)
    here.trial(0, 0.9)
    for number in (1, 2):
        here.trial(number, 0.1, status="running")
    for _ in range(2):
        here.retention.enforce_budget()
    assert here.left() == ["0000", "0001", "0002"]
    (text,) = here.said
    assert text.startswith("disk_budget: the checkpoints of the leader and of trials that run take")
    assert "300 B, more than 250 B" in text


def test_of_equals_the_later_goes(study):
    here = study(200)
    for number, value in enumerate((0.9, 0.3, 0.3)):
        here.trial(number, value)
    here.retention.enforce_budget()
    assert here.left() == ["0000", "0001"]


def test_the_checkpoint_that_is_about_to_be_replaced_does_not_count(study):
    here = study(None)
    running = here.trial(0, 0.5, status="running")
    here.kept(running, 2)
    here.retention.enforce_budget()
    assert len(here.left()) == 2
    assert here.progress.disk_bytes == SIZE


def test_without_a_budget_nothing_goes_and_what_is_used_is_known(study):
    here = study(None)
    for number in range(3):
        here.trial(number, 0.1)
    here.retention.enforce_budget()
    assert here.progress.disk_bytes == 300
    assert "300 B on disk" in format_headline(here.progress).plain
    here.progress.disk_budget = 20e9
    assert "300 B of 20 GB on disk" in format_headline(here.progress).plain


def test_the_journal_says_whose_checkpoint_went(study, tmp_path):
    here = study(100)
    here.trial(0, 0.5)
    here.trial(1, 0.4)
    here.retention.enforce_budget()
    here.event_log.close()
    first, second = load_events(tmp_path)[0].values()
    assert first.checkpoint == here.progress.records["0000"].checkpoint
    assert (second.status, second.checkpoint) == ("completed", "")


def test_a_deletion_that_was_cut_off_is_finished_by_the_next_run(study, tmp_path):
    """The journal is written first, so that nobody trusts a folder that is half gone."""
    here = study(1000)
    here.trial(0, 0.5)
    here.event_log.log_checkpoint_deletion(here.trial(1, 0.4))
    here.event_log.close()
    again = study(1000)
    again.progress.records.update(load_events(tmp_path)[0])
    again.retention.enforce_budget()
    assert again.left() == ["0000"]


def test_a_trial_that_was_cut_off_and_waits_keeps_its_checkpoint(study):
    here = study(150)
    here.trial(0, 0.1, status="running")
    del here.progress.records["0000"]
    here.trial(1, 0.3)
    here.trial(2, 0.2)
    here.retention.enforce_budget()
    assert here.left() == ["0000", "0001"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500MB", 5e8), ("20GB", 2e10), ("1TB", 1e12), ("1.5 kB", 1500), ("2GiB", 2**31), (77, 77)],
)
def test_sizes(text, expected):
    assert read_knobs(Settings)["disk_budget"].validate(text) == expected


@pytest.mark.parametrize("text", ["GB", "20GX", "-1GB", "0", "1.2.3GB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="must"):
        read_knobs(Settings)["disk_budget"].validate(text)


@pytest.fixture
def away(tmp_path):
    """Return a study whose checkpoints lie at an address, of 400 bytes at most."""
    place = RemoteStore(tmp_path / "study", f"file://{tmp_path}/there")
    place.folder.mkdir()
    here = Study(place.folder, 400, place)
    yield here
    here.event_log.close()


def brought(study, record, epoch, run=1):
    """Leave a checkpoint of 100 bytes at the address, and there alone."""
    path = study.folder / f"trials/{run}/{record.trial_id}/checkpoint_{epoch:06d}"
    study.retention.store.upload_file(path / "state.pt", bytes(SIZE - 40))
    study.retention.store.upload_file(path / "metrics.json", bytes(40))
    record.checkpoint = str(path)


def test_at_an_address_the_worst_go_first_too(away, tmp_path):
    """400 bytes hold three checkpoints and the next of a trial that runs: two have to go.

    The best epochs are 0.5, 0.2, 0.4, 0.3 and 0.6.
    """
    for number, value in enumerate((0.5, 0.2, 0.4, 0.3, 0.6)):
        record = away.trial(number, value, status="running")
        brought(away, record, 1)
        away.retention.enforce_budget(record)
        record.status = "completed"
        away.retention.enforce_budget(record)
    left = sorted(path.parent.name for path in tmp_path.glob("there/study/trials/1/*/check*"))
    assert left == ["0000", "0002", "0004"]
    assert away.progress.disk_bytes == 300
    assert [away.progress.records[f"{n:04d}"].checkpoint for n in (1, 3)] == ["", ""]
    assert away.said == []


def test_at_an_address_a_checkpoint_is_counted_once_and_what_an_earlier_run_left_at_first(
    away, tmp_path, monkeypatch
):
    away.progress.disk_budget, looks = 900, []
    place, infos = away.retention.store, away.retention.store.file_infos
    monkeypatch.setattr(place, "file_infos", lambda *a, **k: looks.append(a) or infos(*a, **k))
    for number in range(3):
        brought(away, away.trial(number, 0.5), 1)
    again = CheckpointRetention(place, away.progress, away.event_log, away.said.append)
    assert len(looks) == 1  # for all of them
    assert away.progress.disk_bytes == 300
    again.enforce_budget()
    looks.clear()
    record = away.trial(3, 0.1, status="running")
    brought(away, record, 1)
    again.enforce_budget(record)
    assert looks == [(tmp_path / "study/trials/1/0003/checkpoint_000001",)]
    again.enforce_budget(record)
    assert len(looks) == 1


def test_at_an_address_nothing_is_counted_without_a_budget(tmp_path, monkeypatch):
    place = RemoteStore(tmp_path, f"file://{tmp_path}/there")
    monkeypatch.setattr(place, "file_infos", None)
    here = Study(tmp_path, None, place)
    here.retention.enforce_budget(here.trial(0, 0.5))
    here.event_log.close()
    assert here.progress.disk_bytes == 0
