"""Errors in a command or a configuration, collected and reported together."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from pydantic import ValidationError

from trainables.credentials import redact_credentials

SYNONYMS: Mapping[str, str] = MappingProxyType({
    "wd": "weight_decay",
    "bs": "batch_size",
    "epsilon": "eps",
    "learningrate": "lr",
    "alpha": "step_size",
    "numsteps": "steps",
    "numsamples": "trials",
    "ntrials": "trials",
    "maxepochs": "epochs",
    "numepochs": "epochs",
    "nepochs": "epochs",
    "dataset": "data",
    "arch": "model",
    "network": "model",
    "pgd": "pgd_at",
    "at": "pgd_at",
})
"""Names in other libraries and papers, without case and punctuation, to those used here."""


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
    >>> did_you_mean("PGD-AT", ["pgd_at", "trades"]), did_you_mean("wd", ["weight_decay"])
    (" Did you mean 'pgd_at'?", " Did you mean 'weight_decay'?")
    """
    found = find_synonym(word, words)
    return f" Did you mean {found!r}?" if found else ""


def find_synonym(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the word of `words` that is nearest to `word`; "" if all are far.

    Case and punctuation do not count, and names of other libraries are known.

    Args:
        word: A word.
        words: Valid words.
        cutoff: Share of letters that must agree; 1: all.
    """
    by_letters = {only_letters(each): each for each in words}
    letters = only_letters(word)
    letters = letters if letters in by_letters else only_letters(SYNONYMS.get(letters, word))
    close = get_close_matches(letters, list(by_letters), n=1, cutoff=cutoff)
    return by_letters[close[0]] if close else ""


def only_letters(word: str) -> str:
    """Return the letters and digits of a word in lower case."""
    return "".join(filter(str.isalnum, word.lower()))


def format_validation_error(error: ValidationError) -> str:
    """Return the first message of a pydantic error, in the wording of this project."""
    message = error.errors()[0]["msg"].replace("Input should be", "must be")
    return message.removeprefix("Value error, ")
