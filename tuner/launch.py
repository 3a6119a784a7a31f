"""The dispatcher: whether a plan is replayed on recorded runs or executed."""

from collections.abc import Sequence

from rich.console import Console

from trainables.patience import Retry
from trainables.problems import InputError
from tuner.command import OK
from tuner.folder import open_results_store
from tuner.plan import Plan
from tuner.pursue import load_earlier_study, execute_study, silence_libraries
from tuner.regret import replay_study
from tuner.storage import WRITE_TIMEOUT


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
