"""The keys of `attuner report`, and its `--help`."""

from dataclasses import dataclass

from trainables.hparams.ranges import PathText, Port
from tuner.cli.command import Command
from tuner.cli.schema import build_vocabulary
from tuner.cli.values import ColumnPairs


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Settings of a report.

    Attributes:
        to: The file to write, which is overwritten; `None`: report.html in the first FOLDER.
        live: Whether to serve the page on 127.0.0.1 and follow the search until Ctrl-C, instead of
            writing a file.
        port: Port of the page with live=true; 0: any free port.
        columns: What columns of a table of logs are, where their names do not say it:
            NAME:COLUMN separated by commas; see `columns` of attuner search.
    """

    to: PathText | None = None
    live: bool = False
    port: Port = 0
    columns: ColumnPairs = ()


COMMAND = Command(
    name="report",
    introduction="""\
Write one HTML page about one or several searches, readable offline: tables,
curves, the Pareto front, hyper-parameters, stopped trials, evaluations on the
test split. Or follow a running search.

  attuner report results/weight_decay-pgd_at-20261121-083000
  attuner report results/one results/other to=both.html
  attuner report wandb_export.csv 'columns=epoch:Step,val_robust_acc:pgd'
  attuner report FOLDER live=true
""",
    vocabulary=build_vocabulary(ReportSettings),
    schemas=(ReportSettings,),
    interrupt_message="Interrupted.",
)
