"""A trial that runs out of memory goes on in smaller parts, and learns the same."""

import shutil
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from torch.nn import BatchNorm1d

from tests.oracles import tiny_config
from trainables.training import ray_trainable as trainable_module
from trainables.training.micro_batch import halve_micro_batch
from trainables.training.trial import TrainingOutOfMemoryError, Trial

CRAMPED = '''"""Runs out of memory where there are more images at a time than it has room for."""
import torch
from trainables.methods.pgd_at import inner as inner
from trainables.methods.pgd_at import outer as pgd_at
from trainables.ranges import Fraction, Natural
def outer(
    model, x, x_adv, y, *, criterion, progress=0.0, room: Natural = 10, since: Fraction = 0.0
):
    if len(x) > room and progress >= since:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
    return pgd_at(model, x, x_adv, y, criterion=criterion)
'''
TIMES = {"seconds", "exam_seconds"}


@pytest.fixture
def cramped(tmp_path):
    """Return a configuration whose training runs out of memory."""
    path = tmp_path / "cramped.py"
    path.write_text(CRAMPED)

    def config(**knobs):
        return tiny_config(method={"name": str(path), **knobs})

    return config


@pytest.fixture
def reported(tmp_path, monkeypatch):
    """Run a configuration as Ray does; return what it reports, the last report of an epoch last."""

    def ran(config):
        reports, kept = [], tmp_path / "kept"
        shutil.rmtree(kept, ignore_errors=True)

        def report(metrics, checkpoint):
            reports.append({k: v for k, v in metrics.items() if k not in TIMES})
            shutil.copytree(checkpoint.path, kept, dirs_exist_ok=True)

        def newest():
            return trainable_module.tune.Checkpoint(str(kept)) if kept.exists() else None

        tune = SimpleNamespace(
            report=report,
            get_checkpoint=newest,
            Checkpoint=trainable_module.tune.Checkpoint,
        )
        with monkeypatch.context() as patch:
            patch.setattr(trainable_module, "tune", tune)
            trainable_module.trainable(config | {"levels": [{"epochs": config["epochs"]}]})
        return reports

    return ran


def measured(report):
    return {k: v for k, v in asdict(report).items() if k not in TIMES}


def test_an_accident_changes_nothing_but_the_size_of_the_parts(cramped, reported):
    """Batches of 50 do not fit, nor 25; every number is that of parts of 12 from the start."""
    found = reported(cramped(room=15))
    expected = Trial(tiny_config(update={"name": "alternate", "micro_batch": 12}))
    assert found == [measured(report) for report in expected.run_epochs()]
    assert [report["micro_batch"] for report in found] == [12, 12, 12, 12]


def test_it_goes_on_from_its_last_checkpoint(cramped, reported):
    found = reported(cramped(room=25, since=0.5))
    trial = Trial(tiny_config())
    expected = [measured(trial.run_epoch()) for _ in range(2)]
    trial.micro_batch = 25
    expected += [measured(report) for report in trial.run_epochs()]
    assert found == expected
    assert [report["micro_batch"] for report in found] == [None, None, 25, 25]


def test_random_draws_are_those_of_a_trial_without_the_accident(cramped, reported):
    """Only rounding differs: float32's 1e-7, grown over twelve steps (2e-7 as measured)."""
    found = reported(cramped(room=25))
    whole = [measured(report) for report in Trial(tiny_config()).run_epochs()]
    for one, other in zip(found, whole, strict=True):
        assert one["train_loss"] == pytest.approx(other["train_loss"], rel=1e-5)
        assert one["gradient_passes"] == other["gradient_passes"]


def test_what_an_accident_has_taught_is_kept(cramped, reported, tmp_path):
    reported(cramped(room=15))
    again = Trial(cramped(room=15))
    trainable_module.checkpoint.restore(again, tmp_path / "kept")
    assert again.micro_batch == 12


def test_a_single_image_that_does_not_fit_is_the_end(cramped, reported):
    with pytest.raises(
        TrainingOutOfMemoryError, match=r"2 GiB\..*one at a time already; lower data.batch_"
    ):
        reported(cramped(room=0))


def test_an_examination_that_does_not_fit_is_not_tried_again(cramped, reported, monkeypatch):
    tried = []

    def examine(*_):
        tried.append(1)
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(Trial, "build_report", examine)
    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        reported(cramped(room=1000))
    assert tried == [1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"update": {"name": "awp"}}, "awp has no update.micro_batch"),
        ({"method": {"name": "grad_align"}}, "the loss of grad_align is one of a whole batch"),
        ({"model": {"name": "resnet18", "width": 4}}, "BatchNorm's statistics are those of"),
    ],
)
def test_parts_that_would_not_learn_the_same_are_refused(changes, why):
    with pytest.raises(TrainingOutOfMemoryError, match=why):
        halve_micro_batch(
            Trial(tiny_config(**changes)), TrainingOutOfMemoryError("CUDA out of memory.")
        )


def test_parts_larger_than_a_batch_are_whole_batches():
    """Of batches of 50, half is 25, whatever more would have been taken."""
    trial = Trial(tiny_config(update={"name": "alternate", "micro_batch": 200}))
    assert halve_micro_batch(trial, TrainingOutOfMemoryError("CUDA out of memory.")) == 25


def test_batch_norm_is_why():
    """The reason for the refusal: pairs are normalised to -1 and 1, whatever they are."""
    norm, x = BatchNorm1d(1), torch.tensor([[0.0], [1.0], [10.0], [11.0]])
    parts = torch.cat([norm(part) for part in x.split(2)]).detach()
    ends = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    torch.testing.assert_close(parts, ends, rtol=1e-4, atol=0)  # its eps of 1e-5 beside 1/4
    assert (norm(x)[:2] < -0.8).all()  # of the whole, both are low: (1 - 5.5) / 5.02 = -0.9
