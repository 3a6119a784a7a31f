"""Write the results folder: `search.yaml`, the frames and `best/`."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from trainables.credentials import redact_values
from trainables.training.checkpoint import METRICS_FILE, WEIGHTS_FILE
from trainables.training.fidelity import Level
from tuner.config.plan import Plan, tuples_to_lists
from tuner.layout import EPOCHS_FILE, SEARCH_FILE, SEED_COLUMNS, TRIALS_FILE
from tuner.state.seed_racing import SeedStatistics
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.frames import epochs_frame, trials_frame
from tuner.storage.safe_files import write_atomically

MAX_WIDTH = 2**31 - 1
"""Longest line of YAML: the largest that libyaml takes."""


def write_search_yaml(folder: Path, description: Mapping[str, object]) -> None:
    """Write `search.yaml`, the description that `describe_study` returns, without credentials."""
    # lines of any length, so that the command can be copied as one
    text = yaml.safe_dump(redact_values(description), sort_keys=False, width=MAX_WIDTH)
    write_atomically(folder / SEARCH_FILE, lambda path: path.write_text(text))


def write_results(folder: Path, plan: Plan, progress: StudyProgress) -> None:
    """Write both frames and `best/` of the best trial, each atomically."""
    records = sorted(progress.records.values(), key=lambda record: record.trial_id)
    trials = add_objective_columns(trials_frame(records, plan.knob_columns, folder), progress)
    epochs = epochs_frame(records)
    write_atomically(folder / TRIALS_FILE, trials.to_parquet)
    write_atomically(folder / EPOCHS_FILE, epochs.to_parquet)
    if progress.leader is not None:
        write_best(folder, plan, progress)


def add_objective_columns(trials: pd.DataFrame, progress: StudyProgress) -> pd.DataFrame:
    """Return trials with columns `pareto` (two objectives) and `feasible` (a constraint)."""
    trial_ids = {}
    if progress.goal.is_multi_objective:
        trial_ids["pareto"] = {record.trial_id for record in progress.pareto_front}
    if progress.goal.constraint:
        trial_ids["feasible"] = {r.trial_id for r in progress.records.values() if r.is_feasible}
    trials = trials.assign(**{
        name: trials["trial_id"].isin(ids) for name, ids in trial_ids.items()
    })
    return add_seed_columns(trials, progress)


def add_seed_columns(trials: pd.DataFrame, progress: StudyProgress) -> pd.DataFrame:
    """Return trials with statistics of each configuration, if any has several seeds."""
    if not (statistics := progress.seed_statistics):
        return trials
    configurations = trials["trial_id"].map({
        n: r.configuration_id for n, r in progress.records.items()
    })
    rows = configurations.map(statistics).map(
        lambda row: asdict(row) if isinstance(row, SeedStatistics) else {}
    )
    columns = pd.DataFrame(rows.to_list(), index=trials.index, columns=list(SEED_COLUMNS)[1:])
    return trials.assign(configuration=configurations).join(columns).astype(SEED_COLUMNS)


def write_best(folder: Path, plan: Plan, progress: StudyProgress) -> None:
    """Write the winner's weights, configuration and measurements to `best/`."""
    winner = progress.leader
    assert winner is not None
    source, target, new = Path(winner.checkpoint), folder / "best", folder / ".best"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    shutil.copyfile(source / WEIGHTS_FILE, new / WEIGHTS_FILE)
    metrics = json.loads((source / METRICS_FILE).read_text())
    metrics = {"trial_id": winner.trial_id, "knobs": tuples_to_lists(winner.knobs), **metrics}
    (new / METRICS_FILE).write_text(json.dumps(metrics, indent=2))
    config = build_best_config(plan, winner, progress.levels)
    (new / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def build_best_config(plan: Plan, winner: Record, levels: Sequence[Level]) -> dict[str, object]:
    """Return the winner's whole configuration, as its best epoch was trained."""
    assert winner.best_report is not None
    shared = plan.shared_config() | {"seed": winner.seed}
    config = levels[winner.best_report.level].apply_to(tuples_to_lists(winner.groups) | shared)
    return {key: value for key, value in config.items() if key != "threads"}
