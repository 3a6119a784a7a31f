"""A results folder that tests may do anything to."""

import shutil

import pytest

from tests.oracles import tiny_config
from trainables import checkpoint
from trainables.levels import Level
from trainables.trial import Trial
from tuner import ledger, results
from tuner.arguments import parse_search_arguments
from tuner.compose import compose_plan
from tuner.evaluate import main as evaluate
from tuner.journal import EventLog
from tuner.progress import StudyProgress
from tuner.record import Record


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """Return a results folder of one trial, as a search leaves it, with a verdict."""
    folder = tmp_path_factory.mktemp("results") / "study"
    kept = folder / "trials/0000"
    kept.mkdir(parents=True)
    trial = Trial(tiny_config())
    list(trial.run_epochs())
    checkpoint.save(trial, kept)
    plan = compose_plan(*parse_search_arguments(["space=weight_decay", "trials=3"]))
    groups = {k: v for k, v in trial.config.items() if isinstance(v, dict)}
    groups["optimizer"] = {**groups["optimizer"], "weight_decay": 1e-3}
    knobs = {"optimizer.weight_decay": 1e-3}
    record = Record("0000", knobs, 0, groups, [trial.best_report], "completed", "", str(kept))
    levels = (Level(trial.epochs),)
    results.write_search_yaml(folder, results.describe_study(plan, levels, 0, ["python"]))
    results.write_results(folder, plan, StudyProgress(3, levels, 1, {"0000": record}))
    journal = EventLog(folder)
    journal.log_start(record)
    journal.log_end(record)
    journal.close()
    assert evaluate([str(folder), "suite=fgsm", "images=60"]) == 0
    (folder / ledger.FILE).unlink()
    return folder


@pytest.fixture
def folder(searched, tmp_path):
    return shutil.copytree(searched, tmp_path / "study")


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"
