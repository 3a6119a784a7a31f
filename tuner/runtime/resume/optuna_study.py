"""The searcher's study on the disk: made whole before anybody asks it, and anew for another space.

Whatever kills a study while this goes on, either the old file is there or the new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, create_trial

from trainables.io.retry import Retry
from trainables.training.fidelity import Level, epochs_trained
from tuner.config.components import STUDY_GROUPS
from tuner.config.description import describe_variants
from tuner.config.plan import Plan, tuples_to_lists
from tuner.layout import OPTUNA_FILE
from tuner.runtime.resume import state as recall
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.resume.warm_start import TransferredTrials
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.distributions import VARIANT, Parameters, variant_mismatches
from tuner.searchers.core.optuna_searcher import (
    NUMBER_ATTRIBUTE,
    TRIAL_STATE,
    constraint_violations,
    enqueue_trial,
    open_study,
    optuna_outcome,
)
from tuner.searchers.core.optuna_storage import load_optuna_study, open_optuna_storage
from tuner.state.trial import SEED_SEPARATOR, Record, distinguishing_knobs
from tuner.storage.event_reader import load_events

SPACE_ATTRIBUTE, ORIGIN_ATTRIBUTE = "space", "warm_start"
"""Attributes: of a study, the space that it was made for; of a trial, the study it is lent by."""


def load_resume_state(
    folder: Path, plan: Plan, scheduler: Scheduler, study: optuna.Study | None
) -> ResumeState:
    """Return what a study has come to, in the columns of a plan, and tell a new rule of it.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    memory = recall.rebuild_resume_state(
        folder, scheduler, plan.settings.goal.constraint, study=study
    )
    for record in memory.records.values():
        label = variant_label(record, Parameters(plan.variants))
        record.knobs = distinguishing_knobs({**record.groups, VARIANT: label}, plan.knob_columns)
    return memory


def ensure_optuna_study(
    folder: Path,
    plan: Plan,
    levels: Sequence[Level],
    records: Mapping[str, Record],
    transferred: Sequence[TransferredTrials],
    *,
    before: optuna.Study | None,
    patience: Retry | None = None,
) -> optuna.Study:
    """See to it that a results folder has a study that is made for a plan, and return it.

    Args:
        folder: The results folder.
        plan: What is searched.
        levels: The whole runs that a trial may consist of.
        records: What earlier runs have begun, by number.
        transferred: Trials of other studies.
        before: The study that the folder has, or `None`; it is returned if it fits the plan.
        patience: How to write to a new study while the storage refuses.
    """
    if before and before.user_attrs.get(SPACE_ATTRIBUTE) == describe_space(plan):
        return before
    new = folder / f".{OPTUNA_FILE}"
    new.unlink(missing_ok=True)  # left by a process that died
    build_study(
        open_study(open_optuna_storage(folder, new.name), plan.settings.goal),
        plan,
        levels,
        records,
        transferred,
    )
    new.replace(folder / OPTUNA_FILE)
    study = load_optuna_study(folder, patience)  # by its new name
    assert study is not None
    return study


def describe_space(plan: Plan) -> dict[str, object]:
    """Return what a study is made for: what is searched and what is fixed, and what it is lent."""
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
    """Fill an empty study with what is known: trials that are lent, then our own in order.

    Our trials keep their numbers. One that was asked for and never begun is asked for again.
    """
    study.set_user_attr(SPACE_ATTRIBUTE, describe_space(plan))
    for loan in transferred:
        for record in loan.trials:
            source = f"{loan.folder} {record.trial_id}"
            study.add_trial(as_frozen_trial(record, plan, levels, {ORIGIN_ATTRIBUTE: source}))
    ours = {
        number: as_frozen_trial(record, plan, levels, {NUMBER_ATTRIBUTE: number})
        for number, record in records.items()
        if SEED_SEPARATOR not in number
    }
    had = [trial.params for trial in ours.values()]
    listed = Parameters(plan.variants).grid_cells() if plan.searcher["name"] == "grid" else iter(())
    cells = (cell for cell in listed if cell not in had)
    for index in range(max(map(int, ours), default=-1) + 1):
        if trial := ours.get(f"{index:04d}"):
            study.add_trial(trial)
        else:
            enqueue_trial(study, next(cells, {}), f"{index:04d}")


def as_frozen_trial(
    record: Record, plan: Plan, levels: Sequence[Level], attributes: Mapping[str, object]
) -> FrozenTrial:
    """Return a trial to Optuna as it would stand there, had it been proposed in this space."""
    parameters, goal = Parameters(plan.variants), plan.settings.goal
    label = variant_label(record, parameters)
    params, distributions = parameters.encode_config(label, record.groups)
    running = record.status == "running"
    state, values = (TRIAL_STATE.RUNNING, None) if running else optuna_outcome(record, goal)
    told = (
        {}
        if goal.is_multi_objective
        else {epochs_trained(levels, r.position): r.val_robust_accuracy for r in record.reports}
    )
    if state == TRIAL_STATE.PRUNED and told:
        values = [told[max(told)]]  # as Optuna has it
    searcher = STUDY_GROUPS["searcher"].load(plan.searcher["name"])
    adopted = getattr(searcher, "adopted", dict)
    return create_trial(
        state=state,
        values=values,
        params=params,
        distributions=distributions,
        user_attrs=dict(attributes),
        system_attrs=adopted() if state == TRIAL_STATE.COMPLETE else {},
        intermediate_values=told,
        constraints={} if running else constraint_violations(record.best_report, goal),
    )


def incompatible_trials(folder: Path, plan: Plan) -> Iterator[str]:
    """Yield which trials of a study could be none of a plan's, and why.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    parameters = Parameters(plan.variants)
    for record in load_events(folder)[0].values():
        if parameters.matching_variant(record.groups) is None:
            reasons = [list(variant_mismatches(each, record.groups)) for each in plan.variants]
            yield (
                f"resume: trial {record.trial_id} in {folder} is of another study: "
                f"{' and '.join(min(reasons, key=len)[:2])}; choose another name=NAME."
            )


def variant_label(record: Record, parameters: Parameters) -> str:
    """Return the label of the variant that a trial is of."""
    label = parameters.matching_variant(record.groups, record.knobs.get(VARIANT))
    assert label is not None, "a space that does not hold its trials is refused"
    return label
