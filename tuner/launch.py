"""The dispatcher: whether a plan is replayed on recorded runs or executed."""

from collections.abc import Sequence

from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.cli.command import OK
from tuner.config.plan import Plan
from tuner.replay.compare import replay_study
from tuner.runtime.execute import execute_study
from tuner.runtime.preparation import load_earlier_study, silence_libraries
from tuner.searchers.core.optuna_storage import WRITE_TIMEOUT
from tuner.storage.naming import open_results_store


def launch(plan: Plan, typed: Sequence[str], console: Console) -> int:
    """Replay or execute a plan; return the exit status.

    Args:
        plan: The plan of a valid command.
        typed: The command.
        console: Where to print.

    Raises:
        InputError: If the plan cannot be replayed or executed.
    """
    if not plan.settings.replay:
        return execute_study(plan, typed, console)
    place = open_results_store(plan)
    patience = Retry(lambda refusal: console.print(refusal, soft_wrap=True), WRITE_TIMEOUT)
    if problems := load_earlier_study(place, plan, patience)[0]:
        raise InputError(problems)
    silence_libraries()
    replay_study(plan, console, place.folder)
    return OK
