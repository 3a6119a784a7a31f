"""The dispatcher: whether a plan is replayed on recorded runs or executed."""

from collections.abc import Sequence

from rich.console import Console

from trainables.patience import Patience
from trainables.problems import InputError
from tuner.command import OK
from tuner.folder import placed
from tuner.plan import Plan
from tuner.pursue import load_earlier_study, pursue, silence
from tuner.regret import rehearse
from tuner.storage import PATIENCE


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
    patience = Patience(lambda refusal: console.print(refusal, soft_wrap=True), PATIENCE)
    if problems := load_earlier_study(place, plan, patience)[0]:
        raise InputError(problems)
    silence()
    rehearse(plan, console, place.folder)
    return OK
