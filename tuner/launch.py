"""Replay a plan on recorded runs, or execute it."""

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.config.compose import compose_plan
from tuner.config.plan import Plan
from tuner.config.study_file import name_sources
from tuner.replay.compare import replay_study
from tuner.runtime.execute import execute_study
from tuner.runtime.outcome import Outcome
from tuner.runtime.preparation import load_earlier_study, silence_libraries
from tuner.runtime.resume.interrupted_studies import choose_study
from tuner.searchers.core.optuna_storage import WRITE_TIMEOUT
from tuner.storage.naming import open_results_store


def search(line: CommandLine, console: Console) -> int:
    """Compose the plan of a search and launch it; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    try:
        plan = compose_plan(line.arguments, line.problems)
    except InputError as error:
        raise InputError(name_sources(error.problems, line.sources)) from None
    plan = replace(plan, warnings=(*line.notes, *plan.warnings))
    return launch(plan, ["attuner", "search", *line.words], console).status


def launch(plan: Plan, command: Sequence[str], console: Console) -> Outcome:
    """Replay or execute a plan; return how it ended.

    Args:
        plan: Plan of a valid command.
        command: The command as typed, recorded in search.yaml.
        console: Where to print.

    Raises:
        InputError: If the plan cannot be replayed or executed.
    """
    if not plan.settings.replay:
        return execute_study(plan, command, console)
    store = open_results_store(plan, choose_study(plan).folder)
    retry = Retry(lambda message: console.print(message, soft_wrap=True), WRITE_TIMEOUT)
    if problems := load_earlier_study(store, plan, retry)[0]:
        raise InputError(problems)
    silence_libraries()
    replay_study(plan, console, store.folder)
    return Outcome(OK, store.folder)
