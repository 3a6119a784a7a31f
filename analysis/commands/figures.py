"""The keys of `attuner figures`, and its `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from trainables.hparams.ranges import PathText
from tuner.cli.command import Command
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import ColumnPairs, CommaList, OptionalCommaList

AccuracySource = Literal["validation", "evaluation"]
FileFormat = Literal["pdf", "svg", "png"]


@dataclass(frozen=True, kw_only=True)
class FigureSettings:
    """Settings of figures.

    Attributes:
        figure: Figures, separated by commas; empty: all.
        to: Output folder; `None`: figures in the first FOLDER, or beside the log. Existing files of
            the same name are overwritten.
        format: Formats of the files, separated by commas.
        accuracies: "evaluation" takes the test split under the attacks of attuner evaluate.
        columns: What columns of a table of logs are, where their names do not say it:
            NAME:COLUMN separated by commas; see `columns` of attuner search.
    """

    figure: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], OptionalCommaList] = ()
    to: PathText | None = None
    format: Annotated[tuple[FileFormat, ...], CommaList, Field(min_length=1)] = ("pdf", "png")
    accuracies: AccuracySource = "validation"
    columns: ColumnPairs = ()


COMMAND = Command(
    name="figures",
    introduction="""\
Draw figures of one or several studies. Figures for which the studies lack data
are left out.

  attuner figures results/weight_decay-pgd_at-20261121-083000
  attuner figures FOLDER FOLDER figure=clean_robust,rungs format=svg
""",
    vocabulary=build_vocabulary(FigureSettings),
    schemas=(FigureSettings,),
    packages={"figure": "analysis.figures"},
    interrupt_message="Interrupted; what was drawn so far is kept.",
)
