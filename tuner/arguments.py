"""What `python -m tuner.search` understands."""

from collections.abc import Sequence
from dataclasses import fields

from trainables.groups import GROUPS
from trainables.knobs import read_knobs
from tuner import words as typed
from tuner.settings import Settings
from tuner.study_groups import STUDY_GROUPS
from tuner.typed_domains import parse_value_or_domain
from tuner.words import Vocabulary

VOCABULARY = Vocabulary(
    keys=("space", "recipe", *(field.name for field in fields(Settings))),
    groups={**GROUPS, **STUDY_GROUPS},
    paths=frozenset({"name", *(name for name, knob in read_knobs(Settings).items() if knob.is_path)}),
    parse=parse_value_or_domain,
)


def parse_search_arguments(words: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return the arguments of a search as nested dictionaries, and what is wrong with them.

    Args:
        words: The command line without the program.
    """
    return typed.parse_arguments(words, VOCABULARY)
