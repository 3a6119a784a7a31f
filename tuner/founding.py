"""The searcher's study on the disk: made whole before anybody asks it, and anew for another space.

Whatever kills a study while this goes on, either the old file is there or the new one.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, create_trial

from trainables.levels import Level, elapsed
from trainables.patience import Patience
from tuner import recall
from tuner.history import told
from tuner.parameters import VARIANT, Parameters, foreign
from tuner.plan import Plan, plain
from tuner.recall import STUDY, Memory, kept_in, studied
from tuner.record import SEED, Record
from tuner.results import described
from tuner.rule import Rule
from tuner.searcher import NUMBER, STATE, enqueue, margins, opened, outcome
from tuner.study_groups import STUDY_GROUPS
from tuner.warm_start import Loan
from tuner.watch import told_apart

SPACE, SOURCE = "space", "warm_start"
"""Attributes: of a study, the space that it was made for; of a trial, the study it is lent by."""


def remember(folder: Path, plan: Plan, rule: Rule, study: optuna.Study | None) -> Memory:
    """Return what a study has come to, in the columns of a plan, and tell a new rule of it.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    memory = recall.remember(folder, rule, plan.settings.goal.constraint, study=study)
    for record in memory.records.values():
        label = home(record, Parameters(plan.variants))
        record.knobs = told_apart({**record.groups, VARIANT: label}, plan.columns)
    return memory


def found(
    folder: Path,
    plan: Plan,
    levels: Sequence[Level],
    past: Mapping[str, Record],
    loans: Sequence[Loan],
    *,
    before: optuna.Study | None,
    patience: Patience | None = None,
) -> optuna.Study:
    """See to it that a results folder has a study that is made for a plan, and return it.

    Args:
        folder: The results folder.
        plan: What is searched.
        levels: The whole runs that a trial may consist of.
        past: What earlier runs have begun, by number.
        loans: Trials of other studies.
        before: The study that the folder has, or `None`; it is returned if it fits the plan.
        patience: How to write to a new study while the storage refuses.
    """
    if before and before.user_attrs.get(SPACE) == space(plan):
        return before
    new = folder / f".{STUDY}"
    new.unlink(missing_ok=True)  # left by a process that died
    make(opened(kept_in(folder, new.name), plan.settings.goal), plan, levels, past, loans)
    new.replace(folder / STUDY)
    study = studied(folder, patience)  # by its new name
    assert study is not None
    return study


def space(plan: Plan) -> dict[str, object]:
    """Return what a study is made for: what is searched and what is fixed, and what it is lent."""
    result: dict[str, object] = plain({**described(plan), SOURCE: plan.settings.warm_start})
    return result


def make(
    study: optuna.Study,
    plan: Plan,
    levels: Sequence[Level],
    past: Mapping[str, Record],
    loans: Sequence[Loan],
) -> None:
    """Fill an empty study with what is known: trials that are lent, then our own in order.

    Our trials keep their numbers. One that was asked for and never begun is asked for again.
    """
    study.set_user_attr(SPACE, space(plan))
    for loan in loans:
        for record in loan.trials:
            source = f"{loan.folder} {record.trial_id}"
            study.add_trial(known(record, plan, levels, {SOURCE: source}))
    ours = {
        number: known(record, plan, levels, {NUMBER: number})
        for number, record in past.items()
        if SEED not in number
    }
    had = [trial.params for trial in ours.values()]
    listed = Parameters(plan.variants).cells() if plan.searcher["name"] == "grid" else iter(())
    cells = (cell for cell in listed if cell not in had)
    for index in range(max(map(int, ours), default=-1) + 1):
        if trial := ours.get(f"{index:04d}"):
            study.add_trial(trial)
        else:
            enqueue(study, next(cells, {}), f"{index:04d}")


def known(
    record: Record, plan: Plan, levels: Sequence[Level], about: Mapping[str, object]
) -> FrozenTrial:
    """Return a trial to Optuna as it would stand there, had it been proposed in this space."""
    parameters, goal = Parameters(plan.variants), plan.settings.goal
    label = home(record, parameters)
    params, distributions = parameters.settled(label, record.groups)
    running = record.status == "running"
    state, values = (STATE.RUNNING, None) if running else outcome(record, goal)
    told = (
        {}
        if goal.several
        else {elapsed(levels, r.moment): r.val_robust_accuracy for r in record.reports}
    )
    if state == STATE.PRUNED and told:
        values = [told[max(told)]]  # as Optuna has it
    searcher = STUDY_GROUPS["searcher"].load(plan.searcher["name"])
    adopted = getattr(searcher, "adopted", dict)
    return create_trial(
        state=state,
        values=values,
        params=params,
        distributions=distributions,
        user_attrs=dict(about),
        system_attrs=adopted() if state == STATE.COMPLETE else {},
        intermediate_values=told,
        constraints={} if running else margins(record.best, goal),
    )


def strangers(folder: Path, plan: Plan) -> Iterator[str]:
    """Yield which trials of a study could be none of a plan's, and why.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    parameters = Parameters(plan.variants)
    for record in told(folder)[0].values():
        if parameters.home(record.groups) is None:
            reasons = [list(foreign(each, record.groups)) for each in plan.variants]
            yield (
                f"resume: trial {record.trial_id} in {folder} is of another study: "
                f"{' and '.join(min(reasons, key=len)[:2])}; choose another name=NAME."
            )


def home(record: Record, parameters: Parameters) -> str:
    """Return the label of the variant that a trial is of."""
    label = parameters.home(record.groups, record.knobs.get(VARIANT))
    assert label is not None, "a space that does not hold its trials is refused"
    return label
