"""What is wrong with a command or a configuration: collected, then told all at once."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import ValidationError


class InputError(ValueError):
    """Everything that keeps a study or a trial from running.

    Attributes:
        problems: One line a problem: where, what was expected, what was got, what to type.
    """

    def __init__(self, each: Sequence[str]) -> None:
        self.problems = tuple(each)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n  ".join([f"{count}:", *self.problems]))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest of `known`, or nothing if none is near.

    >>> did_you_mean("weight_dcay", ["weight_decay", "lr"])
    " Did you mean 'weight_decay'?"
    """
    close = get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def format_validation_error(error: ValidationError) -> str:
    """Return what a value must be that pydantic has refused: the first thing, in our words."""
    message = error.errors()[0]["msg"].replace("Input should be", "must be")
    return message.removeprefix("Value error, ")
