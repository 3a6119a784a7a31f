"""A results folder that tests may do anything to."""

import shutil

import pytest

from tests.oracles import tiny
from trainables import checkpoint
from trainables.levels import Level
from trainables.trial import Trial
from tuner import ledger, results
from tuner.arguments import read
from tuner.compose import compose
from tuner.evaluate import main as evaluate
from tuner.journal import Journal
from tuner.progress import Progress
from tuner.record import Record


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """Return a results folder of one trial, as a search leaves it, with a verdict."""
    folder = tmp_path_factory.mktemp("results") / "study"
    kept = folder / "trials/0000"
    kept.mkdir(parents=True)
    trial = Trial(tiny())
    list(trial.reports())
    checkpoint.save(trial, kept)
    plan = compose(*read(["space=weight_decay", "trials=3"]))
    groups = {k: v for k, v in trial.config.items() if isinstance(v, dict)}
    groups["optimizer"] = {**groups["optimizer"], "weight_decay": 1e-3}
    knobs = {"optimizer.weight_decay": 1e-3}
    record = Record("0000", knobs, 0, groups, [trial.best], "completed", "", str(kept))
    levels = (Level(trial.epochs),)
    results.write_study(folder, results.describe(plan, levels, 0, ["python"]))
    results.write(folder, plan, Progress(3, levels, 1, {"0000": record}))
    journal = Journal(folder)
    journal.began(record)
    journal.ended(record)
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
