"""Errors in a command or a configuration, collected and reported together."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from pydantic import ValidationError

from trainables.io.credentials import redact_credentials


class InputError(ValueError):
    """All the problems that keep a study or a trial from running.

    Credentials in addresses are redacted.

    Attributes:
        problems: One line per problem: where, what was expected, what was given, what to type.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(redact_credentials, problems))
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n  ".join([f"{count}:", *self.problems]))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[str, ...]]]:
        return type(self), (self.problems,)


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the word of `words` nearest to `word`; "" if all are far.

    >>> did_you_mean("weight_dcay", ["weight_decay", "lr"])
    " Did you mean 'weight_decay'?"
    """
    close = get_close_matches(word, list(words), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def format_validation_error(error: ValidationError) -> str:
    """Return the first message of a pydantic error, in the wording of this project."""
    message = error.errors()[0]["msg"].replace("Input should be", "must be")
    return message.removeprefix("Value error, ")
