"""The share of an epoch that is trained, by a file."""

import pytest

from tests.oracles import tiny_config
from trainables.training.epoch_progress import WRITE_SECONDS, ProgressReader, ProgressWriter
from trainables.training.trial import Trial


def test_a_trial_reports_the_share_of_its_epoch_after_every_step():
    trial, positions = Trial(tiny_config(), level=1), []
    trial.on_step = lambda *position: positions.append(position)
    list(trial.run_epochs())
    steps = [(1, pytest.approx(step / 3)) for step in range(1, 13)]  # 120 images in batches of 50
    assert positions == steps


def test_a_position_is_read_as_written(tmp_path):
    reader = ProgressReader(tmp_path)
    assert reader("0000") is None
    ProgressWriter(tmp_path / "0000")(2, 3.25)
    assert reader("0000") == (2, 3.25)
    (tmp_path / "0000").write_text("")  # it is being written
    assert reader("0000") == (2, 3.25)


def test_positions_are_written_now_and_then(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    writer, reader = ProgressWriter(tmp_path / "0000"), ProgressReader(tmp_path)
    writer(0, 0.1)
    now += WRITE_SECONDS / 2
    writer(0, 0.2)
    assert reader("0000") == (0, 0.1)
    now += WRITE_SECONDS / 2
    writer(0, 0.3)
    assert reader("0000") == (0, 0.3)


def test_a_machine_that_lacks_the_folder_trains_all_the_same(tmp_path):
    ProgressWriter(tmp_path / "elsewhere/0000")(0, 0.5)
    assert not (tmp_path / "elsewhere").exists()
