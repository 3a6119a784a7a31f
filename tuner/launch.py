"""The dispatcher: whether a plan is replayed on recorded runs or executed."""

from collections.abc import Sequence

from rich.console import Console

from trainables.problems import InputError
from tuner.command import OK
from tuner.folder import placed
from tuner.plan import Plan
from tuner.pursue import obstacles, pursue, silence
from tuner.regret import rehearse


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
        return pursue(plan, typed, console)
    place = placed(plan)
    if problems := obstacles(place, plan):
        raise InputError(problems)
    silence()
    rehearse(plan, console, place.folder)
    return OK
