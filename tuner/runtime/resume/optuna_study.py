"""Create the Optuna study of a results folder, or rebuild it for a changed space.

The file is replaced atomically: a killed process leaves the old or the new file.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, create_trial

from trainables.io.retry import Retry
from trainables.training.fidelity import Level, epochs_trained
from tuner.config.description import describe_variants
from tuner.config.newer_knobs import complete_trial
from tuner.config.plan import Plan, tuples_to_lists
from tuner.config.study_groups import STUDY_GROUPS
from tuner.layout import OPTUNA_FILE
from tuner.runtime.resume.state import ResumeState, rebuild_resume_state
from tuner.runtime.resume.warm_start import TransferredTrials
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.distributions import VARIANT, Parameters, variant_mismatches
from tuner.searchers.core.optuna_searcher import TRIAL_STATE, constraint_violations, optuna_outcome
from tuner.searchers.core.optuna_storage import (
    NUMBER_ATTRIBUTE,
    enqueue_trial,
    load_optuna_study,
    open_optuna_storage,
    open_study,
)
from tuner.state.trial import SEED_SEPARATOR, Record, distinguishing_knobs
from tuner.storage.event_reader import load_events

SPACE_ATTRIBUTE, ORIGIN_ATTRIBUTE = "space", "warm_start"
"""Optuna user attributes: the space of a study; the study that a trial was transferred from."""


def load_resume_state(
    folder: Path, plan: Plan, scheduler: Scheduler, study: optuna.Study | None
) -> ResumeState:
    """Rebuild the state of a study and replay it into a new scheduler.

    The knobs of each trial are those that distinguish trials of the plan.

    Raises:
        InputError: If the event log cannot be read.
    """
    resume_state = rebuild_resume_state(
        folder, scheduler, plan.settings.goal.constraint, study=study
    )
    for record in resume_state.records.values():
        record.groups = complete_trial(record.groups, plan)
        label = variant_label(record, Parameters(plan.variants))
        record.knobs = distinguishing_knobs({**record.groups, VARIANT: label}, plan.knob_columns)
    return resume_state


def ensure_optuna_study(
    folder: Path,
    plan: Plan,
    levels: Sequence[Level],
    records: Mapping[str, Record],
    transferred: Sequence[TransferredTrials],
    *,
    before: optuna.Study | None,
    retry: Retry | None = None,
) -> optuna.Study:
    """Return the Optuna study of a results folder, created or rebuilt if it does not fit the plan.

    Args:
        folder: The results folder.
        plan: The plan.
        levels: Training runs that a trial may consist of.
        records: Trials of earlier runs, by number.
        transferred: Trials of other studies.
        before: The study that the folder has, or `None`; it is returned if it fits the plan.
        retry: Repeats writes to a new study that the storage refuses.
    """
    if before and before.user_attrs.get(SPACE_ATTRIBUTE) == describe_space(plan):
        return before
    new = folder / f".{OPTUNA_FILE}"
    new.unlink(missing_ok=True)  # left by a process that died
    build_study(
        open_study(open_optuna_storage(folder, new.name), plan.settings.goal, folder.name),
        plan,
        levels,
        records,
        transferred,
    )
    new.replace(folder / OPTUNA_FILE)
    study = load_optuna_study(folder, retry)  # reopened under its final name
    assert study is not None
    return study


def describe_space(plan: Plan) -> dict[str, object]:
    """Return the space of a plan, searched and fixed, and its warm-start folders."""
    result: dict[str, object] = tuples_to_lists({
        **describe_variants(plan),
        ORIGIN_ATTRIBUTE: plan.settings.warm_start,
    })
    return result


def build_study(
    study: optuna.Study,
    plan: Plan,
    levels: Sequence[Level],
    records: Mapping[str, Record],
    transferred: Sequence[TransferredTrials],
) -> None:
    """Fill an empty study with the transferred trials, then with those of earlier runs in order.

    Trials keep their numbers. One that was proposed and never started is proposed again.
    """
    study.set_user_attr(SPACE_ATTRIBUTE, describe_space(plan))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([f"{name} accuracy" for name in plan.settings.goal.objectives])
    for trials in transferred:
        for record in trials.trials:
            source = f"{trials.folder} {record.trial_id}"
            study.add_trial(as_frozen_trial(record, plan, levels, {ORIGIN_ATTRIBUTE: source}))
    own_trials = {
        number: as_frozen_trial(record, plan, levels, {NUMBER_ATTRIBUTE: number})
        for number, record in records.items()
        if SEED_SEPARATOR not in number
    }
    tried = [trial.params for trial in own_trials.values()]
    grid = Parameters(plan.variants).grid_cells() if plan.searcher["name"] == "grid" else iter(())
    cells = (cell for cell in grid if cell not in tried)
    for index in range(max(map(int, own_trials), default=-1) + 1):
        if trial := own_trials.get(f"{index:04d}"):
            study.add_trial(trial)
        else:
            enqueue_trial(study, next(cells, {}), f"{index:04d}")


def as_frozen_trial(
    record: Record, plan: Plan, levels: Sequence[Level], attributes: Mapping[str, object]
) -> FrozenTrial:
    """Return a trial in Optuna's form, as if it had been proposed in this space."""
    parameters, goal = Parameters(plan.variants), plan.settings.goal
    label = variant_label(record, parameters)
    params, distributions = parameters.encode_config(label, record.groups)
    running = record.status == "running"
    state, values = (TRIAL_STATE.RUNNING, None) if running else optuna_outcome(record, goal)
    values_by_epoch = (
        {}
        if goal.is_multi_objective
        else {epochs_trained(levels, r.position): r.val_robust_accuracy for r in record.reports}
    )
    if state == TRIAL_STATE.PRUNED and values_by_epoch:
        values = [values_by_epoch[max(values_by_epoch)]]  # as Optuna sets a pruned trial's
    searcher = STUDY_GROUPS["searcher"].load(str(plan.searcher["name"]))
    adopted = getattr(searcher, "adopted", dict)
    return create_trial(
        state=state,
        values=values,
        params=params,
        distributions=distributions,
        user_attrs=dict(attributes),
        system_attrs=adopted() if state == TRIAL_STATE.COMPLETE else {},
        intermediate_values=values_by_epoch,
        constraints={} if running else constraint_violations(record.best_report, goal),
    )


def incompatible_trials(folder: Path, plan: Plan) -> Iterator[str]:
    """Yield which trials of a study do not fit a plan, and why.

    Raises:
        InputError: If the event log cannot be read.
    """
    parameters = Parameters(plan.variants)
    for record in load_events(folder)[0].values():
        record.groups = complete_trial(record.groups, plan)
        if parameters.matching_variant(record.groups) is None:
            reasons = [
                list(variant_mismatches(variant, record.groups)) for variant in plan.variants
            ]
            yield (
                f"resume: trial {record.trial_id} in {folder} is of another study: "
                f"{' and '.join(min(reasons, key=len)[:2])}; choose another name=NAME."
            )


def variant_label(record: Record, parameters: Parameters) -> str:
    """Return the label of the variant that a trial is of."""
    label = parameters.matching_variant(record.groups, record.knobs.get(VARIANT))
    assert label is not None, "incompatible_trials rejects such a plan"
    return label
