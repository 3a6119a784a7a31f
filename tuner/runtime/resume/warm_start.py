"""Warm start: trials of other studies from which a searcher starts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from trainables.errors import InputError
from tuner.config.newer_knobs import complete_trial
from tuner.config.plan import Plan
from tuner.layout import EVENT_LOG_FILE, SEARCH_FILE
from tuner.searchers.core.distributions import Parameters, variant_mismatches
from tuner.state.trial import Record
from tuner.storage import search_yaml
from tuner.storage.event_reader import load_events
from tuner.storage.remote_folders import fetch_results_folder


@dataclass(frozen=True)
class TransferredTrials:
    """The trials of another study that fit this one.

    Attributes:
        folder: Its results folder, a path or an address.
        trials: Ended trials with at least one epoch.
        excluded: Reason to number of trials that were left out.
    """

    folder: str
    trials: list[Record]
    excluded: Counter[str]

    def __str__(self) -> str:
        total = len(self.trials) + self.excluded.total()
        why = "; ".join(f"{number} because {reason}" for reason, number in self.excluded.items())
        text = f"Learns from {len(self.trials)} of {total} trials of {self.folder}"
        return f"{text}; left out: {why}." if why else f"{text}."


def load_warm_start(plan: Plan, folder: Path) -> list[TransferredTrials]:
    """Return the trials of the warm-start folders of a plan.

    Args:
        plan: The plan.
        folder: The results folder of the plan.

    Raises:
        InputError: If a folder is no results folder of a search, is this study's, or has no trial
            that fits.
    """
    problems: list[str] = []
    transferred = []
    for named in plan.settings.warm_start:
        try:
            source = fetch_results_folder(named)
            wrong = list(check_warm_start_folder(plan, named, source, folder))
            transferred += [] if wrong else [load_transferred_trials(plan, named, source)]
            problems += wrong
        except InputError as error:
            problems += [f"warm_start: {problem}" for problem in error.problems]
    problems += [
        f"warm_start: {trials.folder} has no trial that fits: "
        f"{'; '.join(trials.excluded) or 'it has no trials'}."
        for trials in transferred
        if not trials.trials
    ]
    if problems:
        raise InputError(problems)
    return transferred


def check_warm_start_folder(
    plan: Plan, address: str, local_folder: Path, folder: Path
) -> Iterator[str]:
    """Yield why the trials of a folder cannot be compared with those of a plan.

    Args:
        plan: The plan.
        address: The folder, or its address.
        local_folder: Its path on this machine.
        folder: The results folder of the plan.
    """
    if local_folder.resolve() == folder.resolve():
        yield f"warm_start: {address} is this study itself; write resume=auto to resume it."
        return
    if not (local_folder / EVENT_LOG_FILE).is_file():
        yield f"warm_start: {address} holds no {EVENT_LOG_FILE}; name the folder of a search."
        return
    try:
        content = search_yaml.read_search_yaml(local_folder / SEARCH_FILE) or {}
        source: Mapping[str, object] = content["study"]
        lengths = {key: source[key] for key in ("epochs", "fidelity", "precision")}
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield f"warm_start: {address}: {SEARCH_FILE} cannot be read ({reason})."
        return
    here = {**vars(plan.settings), "epochs": plan.epochs}
    for key, value in lengths.items():
        if value != here[key]:
            yield (
                f"warm_start: the trials of {address} have {key}={value}, so that their accuracies "
                f"cannot be compared with those of {key}={here[key]}; write {key}={value}, or "
                "leave the folder out."
            )


def load_transferred_trials(plan: Plan, address: str, local_folder: Path) -> TransferredTrials:
    """Return the trials of a folder that fit a plan.

    Args:
        plan: The plan.
        address: The folder, or its address.
        local_folder: Its path on this machine.

    Raises:
        InputError: If the event log cannot be read.
    """
    fitting, left_out = [], Counter[str]()
    records, _ = load_events(local_folder, plan.settings.goal.constraint)
    for record in records.values():
        record.groups = complete_trial(record.groups, plan)
        if reason := next(exclusion_reasons(plan, record), None):
            left_out[reason] += 1
        else:
            fitting.append(record)
    return TransferredTrials(address, fitting, left_out)


def exclusion_reasons(plan: Plan, record: Record) -> Iterator[str]:
    """Yield why a trial does not fit a plan, or has no results."""
    if record.status in {"running", "failed"} or not record.reports:
        yield "it failed" if record.status == "failed" else "it has not ended"
    elif record.status == "completed" and record.reports[-1].epoch != plan.epochs:
        yield f"it ended after {record.reports[-1].epoch} epochs"
    elif Parameters(plan.variants).matching_variant(record.groups) is None:
        reasons = [list(variant_mismatches(variant, record.groups)) for variant in plan.variants]
        yield " and ".join(min(reasons, key=len)[:2])
