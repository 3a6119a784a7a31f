"""The keys of `attuner export`, and its `--help`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trainables.components import GROUPS
from trainables.hparams.knobs import check_value, read_knobs
from trainables.hparams.ranges import PathText
from tuner.cli.command import Command
from tuner.cli.parse import CommandLine, Vocabulary, check_key, parse_arguments, split_folders
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import TrustedFiles
from tuner.commands.evaluate import TRIAL_GROUPS

NonEmptyText = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Keys of the command.

    Attributes:
        to: New folder; default: FOLDER/export, or export/ in the folder of `results`.
        name: Title of the paper.
        authors: Authors of the paper.
        venue: Venue and year, for example "ICLR 2021".
        link: Address of the paper.
        trust: Python file that defines the network and may run, if the results name one.
        weights: File of other software to export instead: needs model=, data= and threat.eps=, as
            `attuner evaluate` does, whose results for this file are exported too.
        results: Folder of these results; default: results/ and the name of the file.
    """

    to: PathText | None = None
    name: NonEmptyText = ""
    authors: NonEmptyText = ""
    venue: NonEmptyText = ""
    link: NonEmptyText = ""
    trust: TrustedFiles = ()
    weights: PathText | None = None
    results: PathText | None = None


def parse(words: Sequence[str], vocabulary: Vocabulary) -> CommandLine:
    """Parse the command line; each value of a key stays a text."""
    given, problems, known = dict[str, object](), list[str](), read_knobs(ExportSettings)
    folders, others = split_folders(words)
    of_trial = [word for word in others if word.partition("=")[0].partition(".")[0] in TRIAL_GROUPS]
    for key, _, text in (word.partition("=") for word in others if word not in of_trial):
        if complaint := check_key(key, vocabulary):
            problems.append(complaint)
        elif not text.strip():
            problems.append(f"{key}: expected a value after the equals sign, got none.")
        elif complaints := list(check_value(key, known[key], " ".join(text.split()))):
            problems += complaints
        else:
            given[key] = " ".join(text.split())
    groups, wrong = parse_arguments(of_trial, vocabulary)
    given, problems = given | groups, problems + wrong
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
  attuner export weights=net.pt model=resnet18 data=cifar10 threat.eps=8/255
""",
    vocabulary=build_vocabulary(
        ExportSettings, groups={name: GROUPS[name] for name in TRIAL_GROUPS}
    ),
    schemas=(ExportSettings,),
    parse=parse,
)
