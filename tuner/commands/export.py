"""The keys of `attuner export`, and its `--help`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trainables.hparams.knobs import check_value, read_knobs
from trainables.hparams.ranges import PathText
from tuner.cli.command import Command
from tuner.cli.parse import CommandLine, Vocabulary, check_key, split_folders
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import TrustedFiles

NonEmptyText = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Keys of the command.

    Attributes:
        to: New folder; default: FOLDER/export.
        name: Title of the paper.
        authors: Authors of the paper.
        venue: Venue and year, for example "ICLR 2021".
        link: Address of the paper.
        trust: Python file that defines the network and may run, if the results name one.
    """

    to: PathText | None = None
    name: NonEmptyText = ""
    authors: NonEmptyText = ""
    venue: NonEmptyText = ""
    link: NonEmptyText = ""
    trust: TrustedFiles = ()


def parse(words: Sequence[str], vocabulary: Vocabulary) -> CommandLine:
    """Parse the command line; each value stays a text."""
    given, problems, known = dict[str, str](), list[str](), read_knobs(ExportSettings)
    folders, others = split_folders(words)
    for key, _, text in (word.partition("=") for word in others):
        if complaint := check_key(key, vocabulary):
            problems.append(complaint)
        elif not text.strip():
            problems.append(f"{key}: expected a value after the equals sign, got none.")
        elif complaints := list(check_value(key, known[key], " ".join(text.split()))):
            problems += complaints
        else:
            given[key] = " ".join(text.split())
    return CommandLine(
        words=tuple(words), folders=tuple(folders), arguments=given, problems=tuple(problems)
    )


COMMAND = Command(
    name="export",
    introduction="""\
Write the winner of a finished search to a new folder: weights, configuration,
model card and RobustBench entry.

  attuner export results/weight_decay-pgd_at-20261121-083000
  attuner export FOLDER to=released name="A title" authors="Ann Lee"
""",
    vocabulary=build_vocabulary(ExportSettings),
    schemas=(ExportSettings,),
    parse=parse,
)
