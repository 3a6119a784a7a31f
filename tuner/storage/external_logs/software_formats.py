"""Tables that W&B, Lightning and TensorBoard write, one row per step, as they call the columns."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tuner.storage.external_logs.losses import mark_divergence

EVENT_FILES = "events.out.tfevents.*"
LIGHTNING_FILE = "metrics.csv"
WANDB_COLUMN = re.compile(r"(?P<run>.+?) - (?P<metric>[^_].*?)(?P<band>__MIN|__MAX)?")
"""A column of a chart that W&B exported; `__MIN` and `__MAX` are bands of grouped runs."""
MAX_RECORD = 2**28
"""Longest record of an event file in bytes; a longer one is corrupt."""


def is_wandb_chart(table: pd.DataFrame) -> bool:
    """Return whether a table is an exported chart of W&B: a column per run and metric."""
    return any(WANDB_COLUMN.fullmatch(str(name)) for name in table.columns[1:])


def unfold_wandb_chart(table: pd.DataFrame) -> pd.DataFrame:
    """Return a chart of W&B with a column `run`, and one for each metric.

    >>> chart = {"Step": [0, 1], "a - val_acc": [0.1, 0.2], "b - val_acc": [0.3, None]}
    >>> unfold_wandb_chart(pd.DataFrame(chart)).to_dict("list")
    {'run': ['a', 'a', 'b'], 'Step': [0, 1, 0], 'val_acc': [0.1, 0.2, 0.3]}
    """
    axis = str(table.columns[0])
    runs: dict[str, dict[str, str]] = {}
    for column in map(str, table.columns[1:]):
        match = WANDB_COLUMN.fullmatch(column)
        if match and not match["band"]:
            runs.setdefault(match["run"], {})[column] = match["metric"]
    parts = []
    for run, names in runs.items():
        values = table[[axis, *names]].dropna(subset=[*names], how="all")
        parts.append(values.rename(columns=names).assign(run=run))
    whole = pd.concat(parts, ignore_index=True)
    return whole[["run", *(name for name in whole if name != "run")]]


def merge_charts(charts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return several charts as one table; they may share runs, metrics or both.

    Args:
        charts: As `unfold_wandb_chart` returns them: run, axis, metrics.

    Raises:
        ValueError: If their axes differ.
    """
    axes = [*dict.fromkeys(str(chart.columns[1]) for chart in charts)]
    if len(axes) > 1:
        raise ValueError(
            f"the charts have the axes {', '.join(axes)}; export all of them with the same one"
        )
    keys = ["run", *axes]
    merged, *others = (chart.groupby(keys, sort=False).last() for chart in charts)
    for other in others:
        merged = merged.combine_first(other)
    columns = dict.fromkeys(name for chart in charts for name in chart)
    return merged.reset_index()[[*columns]]


def read_event_file(file: Path) -> pd.DataFrame:
    """Return the scalars in an event file of TensorBoard: one row per step, one column per tag."""
    # tensorboardX imports torch, which reading other logs does not need
    from tensorboardX.proto.event_pb2 import Event  # noqa: PLC0415

    values: dict[int, dict[str, float]] = {}
    for record in read_records(file):
        event = Event.FromString(record)
        for value in event.summary.value:
            if value.HasField("simple_value"):
                number = value.simple_value
            elif value.HasField("tensor") and value.tensor.float_val:
                number = value.tensor.float_val[0]
            else:
                continue
            values.setdefault(event.step, {})[value.tag] = mark_divergence(value.tag, number)
    frame = pd.DataFrame.from_dict(values, orient="index").rename_axis("step")
    return frame.sort_index().reset_index()


def read_records(file: Path) -> Iterator[bytes]:
    """Yield the records of an event file; an unfinished last one is passed over.

    A record is its length, a checksum, the content and another checksum.
    """
    with file.open("rb") as opened:
        while len(head := opened.read(12)) == 12:
            (length,) = struct.unpack("<Q", head[:8])
            if length > MAX_RECORD or len(record := opened.read(length)) < length:
                return
            opened.read(4)
            yield record
