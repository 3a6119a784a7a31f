"""A trial: seeds, divergence and the best epoch."""

import math
from dataclasses import asdict

import pytest
import torch

from tests.oracles import TINY_CONFIG, make_accuracies, replace_component, tiny_config
from trainables.accuracy import Accuracies
from trainables.errors import InputError
from trainables.training import checkpoint
from trainables.training.checkpoint import load_model
from trainables.training.trial import Trial

TIMES = ("seconds", "exam_seconds")


def metrics_of(report):
    return {k: v for k, v in asdict(report).items() if k not in TIMES}


def test_the_seed_decides_everything():
    runs = [
        [metrics_of(r) for r in Trial(tiny_config(seed=seed)).run_epochs()] for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_reused_process_changes_nothing():
    """A trial draws the same numbers whatever ran before in its process."""
    fresh = metrics_of(Trial(TINY_CONFIG).run_epoch())
    Trial(tiny_config(seed=5, model__name="lenet")).run_epoch()
    assert metrics_of(Trial(TINY_CONFIG).run_epoch()) == fresh


def test_the_report_has_all_accuracies():
    trial = Trial(TINY_CONFIG)
    measured = Accuracies(clean=0.9, robust=0.5, balanced_clean=0.7, balanced_robust=0.3)
    replace_component(trial, "exam", measure_accuracies=lambda *_, **__: measured)
    report = trial.run_epoch()
    assert (report.val_clean_accuracy, report.val_robust_accuracy) == (0.9, 0.5)
    assert (report.val_balanced_clean_accuracy, report.val_balanced_robust_accuracy) == (0.7, 0.3)


def test_the_best_epoch_is_kept_not_the_last(monkeypatch):
    trial = Trial(TINY_CONFIG)
    scores = iter([(0.9, 0.2), (0.9, 0.5), (0.95, 0.5), (0.9, 0.4)])
    weights = []

    def record_weights(model, images, *, threat):
        weights.append({k: v.clone() for k, v in model.state_dict().items()})
        return make_accuracies(*next(scores))

    replace_component(trial, "exam", measure_accuracies=record_weights)
    assert len(list(trial.run_epochs())) == 4
    assert trial.best_report.epoch == 3  # as robust as the second, and more accurate
    for name, tensor in weights[2].items():
        assert torch.equal(trial.best_weights[name], tensor)


def test_a_diverged_trial_ends_with_accuracies_of_zero():
    reports = list(Trial(tiny_config(optimizer={"name": "sgd", "lr": 1e12})).run_epochs())
    assert len(reports) < TINY_CONFIG["epochs"]
    assert reports[-1].diverged
    assert not math.isfinite(reports[-1].train_loss)
    assert (reports[-1].val_clean_accuracy, reports[-1].val_robust_accuracy) == (0.0, 0.0)


def test_the_test_split_is_never_used():
    trial = Trial(TINY_CONFIG)
    trial.dataset.test.x.fill_(0)
    seen = torch.cat([trial.train_images.x, trial.validation_images.x])
    assert len(seen) == 180
    assert seen.flatten(1).any(dim=1).all()  # none of the blanked images
    trial.dataset.test.x.random_()


def flip_last_bit(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # inside the last tensor
    file.write_bytes(content)


def test_a_flipped_bit_in_the_weights_is_noticed(tmp_path):
    trial = Trial(TINY_CONFIG)
    trial.run_epoch()
    checkpoint.save(trial, tmp_path)
    load_model(tmp_path)
    assert checkpoint.checkpoint_position(tmp_path) == (0, 1)
    flip_last_bit(tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="do not match the hash"):
        load_model(tmp_path)
    assert checkpoint.checkpoint_position(tmp_path) is None  # the one before it is used
