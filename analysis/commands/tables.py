"""The keys of `attuner tables`, and its `--help`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from analysis.tables.papers import PAPERS, SPACE_TABLES
from trainables.hparams.ranges import PathText
from tuner.cli.command import Command
from tuner.cli.help import wrap
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import ColumnPairs

NonEmptyStr = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """Settings of tables.

    Attributes:
        format: Output format; text is for the terminal.
        to: A file to write to; `None`: the terminal.
        table: Print the published numbers of this table, PAPER/TABLE.
        paper: Print the published numbers of this paper.
        columns: What columns of a table of logs are, where their names do not say it:
            NAME:COLUMN separated by commas; see `columns` of attuner search.
    """

    format: Literal["text", "markdown", "latex", "html"] = "text"
    to: PathText | None = None
    table: NonEmptyStr | None = None
    paper: NonEmptyStr | None = None
    columns: ColumnPairs = ()


COMMAND = Command(
    name="tables",
    introduction="""\
Compare the results of a study with the published numbers of a paper, and check
whether your seeds support the conclusions of the paper. Or print published
numbers.

  attuner tables results/bag_of_tricks_table4-pgd_at-20261121-083000
  attuner tables FOLDER OTHER format=latex to=tables.tex
  attuner tables paper=bag_of_tricks
  attuner tables table="pas/Table 1"
""",
    vocabulary=build_vocabulary(TableSettings, parse=str),
    schemas=(TableSettings,),
    texts={
        "papers": "Papers  paper=NAME\n"
        + "\n".join(f"  {name:<15}{paper.title}" for name, paper in PAPERS.items()),
        "spaces": f"Spaces that are tables\n{wrap(', '.join(SPACE_TABLES), 2)}",
    },
)
