"""Checks of the results folder and preparations before a study runs."""

import logging
import warnings
from dataclasses import dataclass

import optuna

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.config.plan import Plan
from tuner.layout import EVENT_LOG_FILE
from tuner.runtime.resume.compatibility import StudyDescription, find_differences, read_description
from tuner.runtime.resume.optuna_study import (
    incompatible_trials,
)
from tuner.searchers.core.optuna_storage import load_optuna_study
from tuner.storage.naming import check_results_folder
from tuner.storage.results_store import LocalStore, RemoteStore
from tuner.storage.safe_paths import check_links


@dataclass(frozen=True)
class EarlierStudy:
    """The files of a study that is resumed, each loaded once.

    Attributes:
        description: Its `search.yaml`, or `None` if there is none.
        optuna_study: The Optuna study, or `None` if there is none.
    """

    description: StudyDescription | None = None
    optuna_study: optuna.Study | None = None


def load_earlier_study(
    place: LocalStore, plan: Plan, patience: Retry
) -> tuple[list[str], EarlierStudy]:
    """Load the study that a plan resumes, if it resumes one.

    Args:
        place: The results folder.
        plan: The plan.
        patience: How to write to the Optuna study while the storage refuses.

    Returns:
        Why the study can neither be resumed nor created, and what was loaded.

    Raises:
        InputError: If the Optuna study or the journal cannot be read.
    """
    folder = place.folder
    if not (folder / EVENT_LOG_FILE).exists() or plan.settings.resume != "auto":
        return list(check_results_folder(place)), EarlierStudy()
    problems = list(check_links(folder))
    try:
        description = read_description(folder)
    except InputError as error:
        return [*problems, *error.problems], EarlierStudy()
    problems += find_differences(description, plan)
    if problems:
        return problems, EarlierStudy()
    optuna_study = load_optuna_study(folder, patience)
    return list(incompatible_trials(folder, plan)), EarlierStudy(description, optuna_study)


def create_results_folder(store: LocalStore, plan: Plan) -> None:
    """Make the results folder.

    Raises:
        InputError: If that fails.
    """
    folder = store.folder
    if isinstance(store, RemoteStore):
        store.create_folder()
    try:
        folder.mkdir(parents=True, exist_ok=plan.settings.resume == "auto")
    except OSError as error:
        raise InputError([f"results: cannot make {folder} ({error})."]) from None
    if isinstance(store, RemoteStore):
        store.mark_as_copy()


def silence_libraries() -> None:
    """Keep the libraries from talking over the table."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the table tells what failed
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
