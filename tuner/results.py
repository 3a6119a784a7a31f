"""The results folder: what outlives the study, and what analysis reads."""

import importlib.metadata
import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trainables import study_file
from trainables.checkpoint import METRICS_FILE, WEIGHTS_FILE
from trainables.levels import Level
from trainables.problems import InputError
from tuner.columns import EPOCHS_FILE, SEED_COLUMNS, TRIALS_FILE
from tuner.domains import format_domain
from tuner.plan import Plan, tuples_to_lists
from tuner.progress import StudyProgress
from tuner.race import SeedStatistics
from tuner.record import Record
from tuner.rows import epochs_frame, trials_frame
from tuner.settings import count_cores

VERSIONED_PACKAGES = ("attuner", "torch", "torchvision", "ray", "optuna", "pandas", "numpy")
SEARCH_FILE = study_file.SEARCH_FILE


def describe_study(
    plan: Plan, levels: Sequence[Level], n_earlier: int, command: Sequence[str]
) -> dict[str, Any]:
    """Return what `search.yaml` says: the resolved study and what it ran on.

    Args:
        plan: The study.
        levels: The whole runs that a trial may consist of.
        n_earlier: How many of them are from before the study was given more epochs.
        command: What was typed.
    """
    return {
        "command": " ".join(command),
        "space": plan.space,
        "recipe": plan.recipe,
        **describe_variants(plan),
        "study": {
            **{k: v for k, v in tuples_to_lists(asdict(plan.settings)).items() if v is not None},
            "trials": plan.trials,
            "epochs": plan.epochs,
        },
        "levels": [asdict(level) for level in levels],
        "earlier_levels": n_earlier,
        "scheduler": tuples_to_lists(plan.scheduler),
        "searcher": tuples_to_lists(plan.searcher),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in VERSIONED_PACKAGES},
        "git_commit": git_commit(),
        "machine": {"platform": platform.platform(), "cores": count_cores()},
    }


def describe_variants(plan: Plan) -> dict[str, object]:
    """Return what is searched and what is fixed, variant by variant if there are several."""
    each = {
        variant.label: {
            "searched": {path: format_domain(domain) for path, domain in variant.searched.items()},
            "fixed": tuples_to_lists(variant.fixed),
            **({"published": dict(variant.published)} if variant.published else {}),
        }
        for variant in plan.variants
    }
    return {"variants": each} if len(each) > 1 else next(iter(each.values()))


def git_commit() -> str | None:
    """Return the commit of this checkout, if it is one."""
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "HEAD"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


@dataclass(frozen=True)
class StudyDescription:
    """The content of a `search.yaml`.

    Attributes:
        folder: The results folder.
        content: The validated content; keys may be missing.
    """

    folder: Path
    content: Mapping[str, Any]

    def earlier_levels(self, epochs: int) -> list[Level]:
        """Return the levels that the study had before it was given more epochs, or none.

        Args:
            epochs: The epochs that the study has now.

        Raises:
            LookupError: If the content lacks its levels.
            TypeError: If a level is none.
        """
        levels = [Level(**level) for level in self.content["levels"]]
        return levels if epochs > levels[-1].epochs else levels[: self.content["earlier_levels"]]


def read_description(folder: Path) -> StudyDescription:
    """Read the `search.yaml` of a results folder.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        content = study_file.read_search_yaml(folder / SEARCH_FILE)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"resume: {folder / SEARCH_FILE} cannot be read ({reason})."]) from None
    if not isinstance(content, Mapping):
        raise InputError([f"resume: {folder / SEARCH_FILE} says nothing of a study."])
    return StudyDescription(folder, content)


def write_search_yaml(folder: Path, description: Mapping[str, object]) -> None:
    """Write `search.yaml`: what `describe_study` returned."""
    text = yaml.safe_dump(description, sort_keys=False)
    write_atomically(folder / SEARCH_FILE, lambda path: path.write_text(text))


def write_results(folder: Path, plan: Plan, progress: StudyProgress) -> None:
    """Write both frames and the leader's `best/`, each whole or not at all."""
    records = sorted(progress.records.values(), key=lambda record: record.trial_id)
    trials = add_objective_columns(trials_frame(records, plan.knob_columns, folder), progress)
    epochs = epochs_frame(records)
    write_atomically(folder / TRIALS_FILE, trials.to_parquet)
    write_atomically(folder / EPOCHS_FILE, epochs.to_parquet)
    if progress.leader is not None:
        write_best(folder, plan, progress)


def add_objective_columns(trials: pd.DataFrame, progress: StudyProgress) -> pd.DataFrame:
    """Return trials with a column for what two objectives, and one for what a constraint says."""
    said = {}
    if progress.goal.is_multi_objective:
        said["pareto"] = {record.trial_id for record in progress.pareto_front}
    if progress.goal.constraint:
        said["feasible"] = {r.trial_id for r in progress.records.values() if r.is_feasible}
    trials = trials.assign(**{name: trials["trial_id"].isin(ids) for name, ids in said.items()})
    return add_seed_columns(trials, progress)


def add_seed_columns(trials: pd.DataFrame, progress: StudyProgress) -> pd.DataFrame:
    """Return trials with what their configuration has come to, if any has several seeds."""
    if not (raced := progress.seed_statistics):
        return trials
    own = trials["trial_id"].map({n: r.configuration_id for n, r in progress.records.items()})
    rows = own.map(raced).map(lambda each: asdict(each) if isinstance(each, SeedStatistics) else {})
    known = pd.DataFrame(rows.to_list(), index=trials.index, columns=list(SEED_COLUMNS)[1:])
    return trials.assign(configuration=own).join(known).astype(SEED_COLUMNS)


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


def write_atomically(path: Path, write_to: Callable[[Path], object]) -> None:
    """Write a file under another name and rename it, so that it is never seen half-written.

    Raises:
        OSError: If the storage refuses it.
    """
    new = path.with_name(f".{path.name}")
    try:
        new.unlink(missing_ok=True)  # it may be a link that leads elsewhere
        write_to(new)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)  # of a full disk
        raise
