"""Find logs and tables in a file or folder, and read them into one table of epochs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from tuner.storage.external_logs import fastat_benchmark, parser
from tuner.storage.external_logs.column_names import name_columns, number_epochs
from tuner.storage.external_logs.knob_names import METRIC_COLUMNS
from tuner.storage.external_logs.losses import read_table
from tuner.storage.external_logs.software_formats import (
    EVENT_FILES,
    LIGHTNING_FILE,
    is_wandb_chart,
    merge_charts,
    read_event_file,
    unfold_wandb_chart,
)

GENERIC_NAMES = ("output", "log", "train", "metrics")
"""Names of files that say nothing of the run."""


@dataclass(frozen=True)
class LogTable:
    """Epochs of other people's runs.

    Attributes:
        table: One row per run and epoch, with the columns of `METRIC_COLUMNS` and settings.
        notes: What was understood, left out and assumed, one line each.
    """

    table: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_source(path: Path, columns: Mapping[str, str]) -> LogTable:
    """Return the epochs in a file, or in the logs of a folder.

    Args:
        path: A table (.csv, .csv.gz), a log, an event file, or a folder of them.
        columns: Name of a column in this project to its name in the tables.

    Raises:
        ValueError: If there is no epoch.
    """
    if not path.is_dir():
        name = run_name(Path(*path.absolute().parts[-3:]))
        kind = next(kind for kind in READERS if fnmatch(path.name, kind))
        return READERS[kind]({name: path}, columns)
    found = find_logs(path)
    if not found:
        raise ValueError("there is no line of an epoch")
    (kind, files), *others = found.items()
    result = READERS[kind](files, columns)
    left_out = [f"left out: {len(each)} files {kind}" for kind, each in others]
    return LogTable(result.table, (*result.notes, *left_out))


def find_logs(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each kind in a folder by name of the run, logs first."""
    found: dict[str, dict[str, Path]] = {}
    for kind in READERS:
        files = [file for file in sorted(folder.rglob(kind)) if file.is_file()]
        if kind == LOG_PATTERN:
            files = [file for file in files if file.suffix == ".log"]
        named = name_runs(files, folder)
        if named and not any({*named.values()} <= {*each.values()} for each in found.values()):
            found[kind] = named
    return dict(sorted(found.items(), key=lambda item: item[0] != LOG_PATTERN))


def name_runs(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Return files by name of the run, of those in a folder; names are longer where they agree."""
    names = [run_name(file.relative_to(folder)) for file in files]
    return {
        name if names.count(name) == 1 else str(file.relative_to(folder)): file
        for name, file in zip(names, files, strict=True)
    }


def run_name(log: Path) -> str:
    """Return the name of the run of a log.

    >>> run_name(Path("cifar10_l2/preactresnet18/output.log")), run_name(Path("logs/eps=8.log"))
    ('cifar10_l2/preactresnet18', 'logs/eps=8')
    """
    is_generic = log.stem in GENERIC_NAMES or fnmatch(log.name, EVENT_FILES)
    return str(log.parent if is_generic and log.parent.name else log.with_suffix(""))


def read_logs(logs: Mapping[str, Path], columns: Mapping[str, str]) -> LogTable:
    """Return the epochs in logs of training scripts by name of the run.

    Raises:
        ValueError: If there is no epoch, or `columns` are given, which logs do not have.
    """
    if columns:
        raise ValueError("columns: goes with tables; the names in a log are known")
    tables, notes = [], dict[str, None]()
    for name, log in logs.items():
        text = log.read_text(errors="replace")
        if fastat_benchmark.is_benchmark_log(text):
            tables.append(fastat_benchmark.parse_benchmark_log(text).assign(run=name))
            notes |= dict.fromkeys(fastat_benchmark.NOTES)
        else:
            tables.append(parser.parse_log(text).assign(run=name))
    return LogTable(join_tables(tables), tuple(notes))


def read_lightning_tables(files: Mapping[str, Path], columns: Mapping[str, str]) -> LogTable:
    """Return the epochs that Lightning's CSVLogger wrote, by name of the run.

    Raises:
        ValueError: If there is no epoch.
    """
    tables = [read_table(file).assign(run=name) for name, file in files.items()]
    return arrange(join_tables(tables), columns)


def read_event_files(files: Mapping[str, Path], columns: Mapping[str, str]) -> LogTable:
    """Return the epochs in event files of TensorBoard, by name of the run.

    A run that was resumed has several files in one folder, of which the later counts.

    Raises:
        ValueError: If there is no epoch.
    """
    folders: dict[Path, dict[str, Path]] = {}
    for name, file in files.items():
        folders.setdefault(file.parent, {})[name] = file
    tables = []
    for same in folders.values():
        first = Path(next(iter(same)))
        run = str(first.parent if len(same) > 1 and first.parent.name else first)
        merged, *others = (read_event_file(file).set_index("step") for file in same.values())
        for later in others:
            merged = later.combine_first(merged)
        tables.append(merged.reset_index().assign(run=run))
    return arrange(join_tables(tables), columns)


def read_tables(files: Mapping[str, Path], columns: Mapping[str, str]) -> LogTable:
    """Return the epochs in tables: of this project's columns, exported from W&B, or of any others.

    Raises:
        ValueError: If there is no epoch.
    """
    tables = {name: read_table(file) for name, file in files.items()}
    if all(map(fastat_benchmark.is_benchmark_table, tables.values())):
        parts = [fastat_benchmark.convert_benchmark_table(each) for each in tables.values()]
        return LogTable(join_tables(parts), fastat_benchmark.NOTES)
    if all(map(is_wandb_chart, tables.values())):
        charts = merge_charts([unfold_wandb_chart(each) for each in tables.values()])
        result = arrange(charts, columns)
        return LogTable(result.table, ("read as charts that W&B exported", *result.notes))
    named = [arrange(table, columns, name) for name, table in tables.items()]
    notes = dict.fromkeys(note for each in named for note in each.notes)
    return LogTable(join_tables([each.table for each in named]), tuple(notes))


def arrange(table: pd.DataFrame, columns: Mapping[str, str], run: str = "") -> LogTable:
    """Return a table with this project's names of columns and one row per epoch.

    Args:
        table: One row per epoch or step.
        columns: Name of a column in this project to its name in the table.
        run: Name of the run if the table has no column of runs.

    Raises:
        ValueError: If there is no epoch.
    """
    named, chosen = name_columns(table, columns)
    notes = []
    if "run" not in named:
        named = named.assign(run=run)
        notes.append(f"assumed: all rows of {run} are of one run")
    if any(name != column for column, name in chosen.items()):
        pairs = [f"{column} as {name}" for column, name in chosen.items() if name != column]
        notes.append(f"understood: {', '.join(pairs)}")
    numbered, assumed = number_epochs(named)
    ignored = [str(name) for name in numbered if is_unknown_measurement(numbered, str(name))]
    left_out = [f"left out: {', '.join(ignored)}"] if ignored else []
    return LogTable(numbered, (*notes, *assumed, *left_out))


def is_unknown_measurement(table: pd.DataFrame, name: str) -> bool:
    """Return whether a column varies within a run and means nothing here."""
    if name in ("run", "step") or name in METRIC_COLUMNS or name.startswith(("train_", "test_")):
        return False
    return bool((table.groupby("run")[name].nunique() > 1).any())


def join_tables(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all tables.

    Raises:
        ValueError: If there is none.
    """
    if not any(map(len, tables)):
        raise ValueError("there is no line of an epoch")
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


LOG_PATTERN = "*"
READERS: dict[str, Callable[[Mapping[str, Path], Mapping[str, str]], LogTable]] = {
    LIGHTNING_FILE: read_lightning_tables,
    EVENT_FILES: read_event_files,
    "*.csv": read_tables,
    "*.csv.gz": read_tables,
    LOG_PATTERN: read_logs,
}
"""Pattern of a file's name to its reader; the first that matches counts, else it is a log."""
