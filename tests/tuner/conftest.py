"""A results folder that tests may do anything to."""

import shutil

import pytest

from tests.oracles import tiny_config
from trainables.training import checkpoint
from trainables.training.fidelity import Level
from trainables.training.trial import Trial
from tuner.config import description
from tuner.config.compose import compose_plan
from tuner.evaluate import main as evaluate
from tuner.evaluation import table
from tuner.search import parse_search_arguments
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog


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
    results_folder.write_search_yaml(
        folder, description.describe_study(plan, levels, 0, ["python"])
    )
    results_folder.write_results(folder, plan, StudyProgress(3, levels, 1, {"0000": record}))
    journal = EventLog(folder)
    journal.log_start(record)
    journal.log_end(record)
    journal.close()
    assert evaluate([str(folder), "suite=fgsm", "images=60"]) == 0
    (folder / table.FILE).unlink()
    return folder


@pytest.fixture
def folder(searched, tmp_path):
    return shutil.copytree(searched, tmp_path / "study")


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"
