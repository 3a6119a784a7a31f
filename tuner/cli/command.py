"""Commands: their keys, the topics of their help, and exit statuses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from trainables.hparams.knobs import Knob, read_knobs
from tuner.cli.parse import CommandLine, Vocabulary, parse_command_line

OK, FAILED, BAD_INPUT = 0, 1, 2
Action = Callable[[CommandLine, Console], int]
Parser = Callable[[Sequence[str], Vocabulary], CommandLine]


def parse_without_folders(words: Sequence[str], vocabulary: Vocabulary) -> CommandLine:
    """Parse the command line of a command that takes no results folders."""
    return parse_command_line(words, vocabulary, takes_folders=False)


@dataclass(frozen=True, kw_only=True)
class Command:
    """The keys and the help of a command. Making one imports neither PyTorch nor Ray.

    Attributes:
        name: The word after `attuner`.
        introduction: The first lines of `--help`.
        vocabulary: Keys and groups.
        schemas: Frozen dataclasses with the fields that `vocabulary.keys` names.
        packages: Packages whose members a key chooses, by that key: spaces, recipes, trackers.
        texts: Further topics of the help by name.
        parse: Parses the words.
        interrupt_message: Printed after Ctrl-C; empty: nothing.
    """

    name: str
    introduction: str
    vocabulary: Vocabulary
    schemas: tuple[Callable[..., object], ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    parse: Parser = parse_command_line
    interrupt_message: str = ""

    def knobs(self) -> dict[str, Knob]:
        """Return the keys of the schemas by name."""
        return {
            name: knob
            for schema in self.schemas
            for name, knob in read_knobs(schema).items()
            if name in self.vocabulary.keys
        }
