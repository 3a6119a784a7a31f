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
from trainables.checkpoint import METRICS, WEIGHTS
from trainables.levels import Level
from trainables.problems import InputError
from tuner.columns import EPOCHS, SEED_COLUMNS, TRIALS
from tuner.domains import spelled
from tuner.plan import Plan, plain
from tuner.progress import Progress
from tuner.race import Standing
from tuner.record import Record
from tuner.rows import epochs_frame, trials_frame
from tuner.settings import cores

PACKAGES = ("attuner", "torch", "torchvision", "ray", "optuna", "pandas", "numpy")
STUDY = study_file.FILE


def describe(
    plan: Plan, levels: Sequence[Level], earlier: int, command: Sequence[str]
) -> dict[str, Any]:
    """Return what `search.yaml` says: the resolved study and what it ran on.

    Args:
        plan: The study.
        levels: The whole runs that a trial may consist of.
        earlier: How many of them are from before the study was given more epochs.
        command: What was typed.
    """
    return {
        "command": " ".join(command),
        "space": plan.space,
        "recipe": plan.recipe,
        **described(plan),
        "study": {
            **{k: v for k, v in plain(asdict(plan.settings)).items() if v is not None},
            "trials": plan.trials,
            "epochs": plan.epochs,
        },
        "levels": [asdict(level) for level in levels],
        "earlier_levels": earlier,
        "scheduler": plain(plan.scheduler),
        "searcher": plain(plan.searcher),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "git_commit": git_commit(),
        "machine": {"platform": platform.platform(), "cores": cores()},
    }


def described(plan: Plan) -> dict[str, object]:
    """Return what is searched and what is fixed, variant by variant if there are several."""
    each = {
        variant.label: {
            "searched": {path: spelled(domain) for path, domain in variant.searched.items()},
            "fixed": plain(variant.fixed),
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
        content = study_file.read(folder / STUDY)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"resume: {folder / STUDY} cannot be read ({reason})."]) from None
    if not isinstance(content, Mapping):
        raise InputError([f"resume: {folder / STUDY} says nothing of a study."])
    return StudyDescription(folder, content)


def write_study(folder: Path, study: Mapping[str, object]) -> None:
    """Write `search.yaml`: what `describe` returned."""
    text = yaml.safe_dump(study, sort_keys=False)
    whole(folder / STUDY, lambda path: path.write_text(text))


def write(folder: Path, plan: Plan, progress: Progress) -> None:
    """Write both frames and the leader's `best/`, each whole or not at all."""
    records = sorted(progress.records.values(), key=lambda record: record.trial_id)
    trials = judged(trials_frame(records, plan.columns, folder), progress)
    epochs = epochs_frame(records)
    whole(folder / TRIALS, trials.to_parquet)
    whole(folder / EPOCHS, epochs.to_parquet)
    if progress.leader is not None:
        write_best(folder, plan, progress)


def judged(trials: pd.DataFrame, progress: Progress) -> pd.DataFrame:
    """Return trials with a column for what two objectives, and one for what a constraint says."""
    said = {}
    if progress.goal.several:
        said["pareto"] = {record.trial_id for record in progress.front}
    if progress.goal.constraint:
        said["feasible"] = {r.trial_id for r in progress.records.values() if r.feasible}
    trials = trials.assign(**{name: trials["trial_id"].isin(ids) for name, ids in said.items()})
    return over_seeds(trials, progress)


def over_seeds(trials: pd.DataFrame, progress: Progress) -> pd.DataFrame:
    """Return trials with what their configuration has come to, if any has several seeds."""
    if not (raced := progress.standings):
        return trials
    own = trials["trial_id"].map({n: r.configuration for n, r in progress.records.items()})
    rows = own.map(raced).map(lambda each: asdict(each) if isinstance(each, Standing) else {})
    known = pd.DataFrame(rows.to_list(), index=trials.index, columns=list(SEED_COLUMNS)[1:])
    return trials.assign(configuration=own).join(known).astype(SEED_COLUMNS)


def write_best(folder: Path, plan: Plan, progress: Progress) -> None:
    """Write the winner's weights, configuration and measurements to `best/`."""
    winner = progress.leader
    assert winner is not None
    source, target, new = Path(winner.checkpoint), folder / "best", folder / ".best"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    shutil.copyfile(source / WEIGHTS, new / WEIGHTS)
    metrics = json.loads((source / METRICS).read_text())
    metrics = {"trial_id": winner.trial_id, "knobs": plain(winner.knobs), **metrics}
    (new / METRICS).write_text(json.dumps(metrics, indent=2))
    config = winning(plan, winner, progress.levels)
    (new / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)


def winning(plan: Plan, winner: Record, levels: Sequence[Level]) -> dict[str, object]:
    """Return the winner's whole configuration, as its best epoch was trained."""
    assert winner.best is not None
    shared = plan.shared() | {"seed": winner.seed}
    config = levels[winner.best.level].of(plain(winner.groups) | shared)
    return {key: value for key, value in config.items() if key != "threads"}


def whole(path: Path, write_to: Callable[[Path], object]) -> None:
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
