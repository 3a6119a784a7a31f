"""Whole runs of different lengths, one after the other in a trial."""

import shutil
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from tests.oracles import tiny_config
from trainables.training import checkpoint, ray_trainable
from trainables.training.fidelity import Level, Rung
from trainables.training.trial import Trial

TIMES = {"seconds", "exam_seconds", "gradient_passes", "level"}


def test_a_weaker_attack_takes_fewer_and_longer_steps():
    config = tiny_config(attack__steps=10, attack__step_size=0.02)
    weak = Level(epochs=3, attack=0.2).apply_to(config)
    assert (weak["attack"]["steps"], weak["epochs"]) == (2, 3)
    assert weak["attack"]["step_size"] == pytest.approx(0.1)  # 10 * 0.02 / 2
    assert Level(epochs=3, attack=0.01).apply_to(config)["attack"]["steps"] == 1
    assert Level(epochs=3).apply_to(config)["attack"] == config["attack"]
    assert config["attack"]["steps"] == 10


@pytest.fixture
def reported(monkeypatch):
    """Run a configuration as Ray does; return what it reports."""

    def ran(config, keep=None):
        reports = []

        def report(metrics, checkpoint):
            reports.append(metrics)
            if keep and len(reports) == 1:
                keep(checkpoint.path)

        tune = SimpleNamespace(
            report=report,
            get_checkpoint=lambda: None,
            Checkpoint=ray_trainable.tune.Checkpoint,
        )
        with monkeypatch.context() as patch:
            patch.setattr(ray_trainable, "tune", tune)
            ray_trainable.trainable(config)
        return reports

    return ran


def without_times(reports):
    return [{k: v for k, v in report.items() if k not in TIMES} for report in reports]


def test_each_level_is_a_whole_run_and_costs_add_up(reported):
    config = tiny_config() | {"levels": [asdict(Level(1)), asdict(Level(2))]}
    reports = reported(config)
    assert [(report["level"], report["epoch"]) for report in reports] == [(0, 1), (1, 1), (1, 2)]
    for level, part in ((1, reports[:1]), (2, reports[1:])):
        expected = [asdict(report) for report in Trial(Level(level).apply_to(config)).run_epochs()]
        assert without_times(part) == without_times(expected)
    passes = [report["gradient_passes"] for report in reports]
    assert passes == sorted(passes)
    assert passes[2] == pytest.approx(3 * passes[0])


def test_an_average_starts_again_with_each_run_and_is_compared_at_its_rungs(reported):
    config = tiny_config(average={"name": "ema"}, rungs=[asdict(Rung(0, 1))])
    config |= {"levels": [asdict(Level(2)), asdict(Level(2))]}
    reports = reported(config)
    raw = [report["val_robust_accuracy_raw"] is not None for report in reports]
    assert raw == [True, True, False, True]
    horizons = [report["average_horizons"] for report in reports]
    assert horizons[2:] == horizons[:2]


def test_a_trial_that_starts_at_a_higher_level_skips_the_short_runs(reported):
    config = tiny_config() | {"levels": [asdict(Level(1)), asdict(Level(2))], "level": 1}
    assert [(report["level"], report["epoch"]) for report in reported(config)] == [(1, 1), (1, 2)]


def test_a_trial_resumes_from_its_checkpoint(reported, tmp_path):
    """Resumed after its short run, the long run is the same as without a stop."""
    config = tiny_config() | {"levels": [asdict(Level(1)), asdict(Level(2))]}
    whole = reported(config, keep=lambda path: shutil.copytree(path, tmp_path / "kept"))
    assert checkpoint.checkpoint_position(tmp_path / "kept") == (0, 1)
    rest = reported(config | {"goes_on_from": str(tmp_path / "kept")})
    assert without_times(rest) == without_times(whole[1:])
    best = max(report["val_robust_accuracy"] for report in whole)
    trial = Trial(Level(1).apply_to(config))
    checkpoint.restore(trial, tmp_path / "kept")
    assert trial.best_report.val_robust_accuracy <= best


def test_the_best_epoch_of_a_short_run_is_kept(tmp_path):
    short = Trial(Level(1).apply_to(tiny_config()))
    short.run_epoch()
    longer = Trial(Level(2).apply_to(tiny_config()), 1)
    longer.continue_from(short)
    assert longer.best_report is short.best_report
    assert longer.gradient_passes == short.gradient_passes
