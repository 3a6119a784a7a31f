"""Parse training logs of other repositories into a table with one row per epoch.

Three formats are supported, with or without the date and name of the logger before each line:

- Columns under a heading (arXiv:2002.11569, arXiv:2004.05884): `Epoch`, `Train Time`, `Test Time`,
  `LR`, `Train Loss`, `Train Acc`, `Train Robust Loss` and so on, in any order and number, and
  lines `validation` with loss and accuracy, robust loss and accuracy.
- The same without test columns, which follow once at the end under `Test Loss`, `Test Acc`, `PGD
  Loss`, `PGD Acc` (arXiv:2001.03994).
- `EPOCH-ITERATION: [train] loss 1.2, ... [test] acc_clean 40.00%, ...` (arXiv:2007.02617), where
  the last line of an epoch counts.

The settings are in the line `Namespace(...)`.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tuner.storage.external_logs.losses import mark_divergence

LOG_PREFIX = re.compile(
    r"^(?:\[[^\]]*\d[^\]]*\]|\d{4}[-/]\d\d[-/]\d\d[ T][\d:.,]+)\s*(?:-?\s*[A-Z]{4,}\b\s*)?-?\s*"
)
COLUMN_GAP = re.compile(r"\s*\t\s*|\s{2,}")
EPOCH_ITERATION = re.compile(r"(\d+)-(\d+): (.*)")
SECTION_NAME = re.compile(r"\[(\w+)\]")
NAME_VALUE = re.compile(r"(\w+) (-?[\d.]+(?:e-?\d+)?|nan|inf)(%?)")
ELAPSED_MINUTES = re.compile(r"\(([\d.]+)m, [\d.]+m\)\s*$")
VALIDATION_COLUMNS = ("val_loss", "val_acc", "val_robust_loss", "val_robust_acc")
COLUMN_NAMES = {
    "train_time": "train_seconds",
    "test_time": "test_seconds",
    "seconds": "train_seconds",
    "pgd_loss": "test_robust_loss",
    "pgd_acc": "test_robust_acc",
    "test_acc_clean": "test_acc",
    "test_acc_pgd": "test_robust_acc",
    "test_acc_fgsm": "test_fgsm_acc",
    "train_acc_pgd": "train_robust_acc",
}
"""Name of a column in a log to the name in the table."""
MISSING_VALUE = -1.0
ELAPSED_COLUMN = "seconds_so_far"


def parse_log(text: str) -> pd.DataFrame:
    """Return a log as a table: one row per epoch, with the settings in every row.

    A resumed run continues the table. If a run was restarted in the same file, only the last start
    counts.

    Args:
        text: The log. Lines in no supported format are skipped.
    """
    settings: dict[str, Any] = {}
    rows: dict[int, dict[str, float]] = {}
    heading: list[str] = []
    for line in text.splitlines():
        message = LOG_PREFIX.sub("", line).strip()
        if message.startswith("Namespace("):
            settings = parse_namespace(message)
            if not settings.get("resume"):
                rows.clear()
        elif values := parse_line(message, heading):
            epoch = int(values.pop("epoch", max(rows, default=-1)))
            marked = {name: mark_divergence(name, value) for name, value in values.items()}
            rows.setdefault(epoch, {}).update(marked)
        elif "Acc" in message and (names := parse_heading(message)):
            heading = names
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis("epoch").reset_index()
    if ELAPSED_COLUMN in frame:
        frame["train_seconds"] = frame.pop(ELAPSED_COLUMN).diff()
        frame = frame[frame["epoch"] >= 0].reset_index(drop=True)
    measures = frame.columns.drop("epoch")
    frame[measures] = frame[measures].mask(frame[measures] == MISSING_VALUE)
    return frame.assign(**{key: [value] * len(frame) for key, value in settings.items()})


def parse_namespace(message: str) -> dict[str, object]:
    """Return the settings in a line such as "Namespace(lr_max=0.1, norm='l_inf')".

    >>> parse_namespace("Namespace(lr_max=0.1, norm='l_inf', device=device(type='cuda'))")
    {'lr_max': 0.1, 'norm': 'l_inf'}
    """
    try:
        call = ast.parse(message, mode="eval").body
    except SyntaxError:
        return {}
    settings = {}
    for keyword in call.keywords if isinstance(call, ast.Call) else []:
        try:
            settings[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            continue
    return settings


def parse_heading(message: str) -> list[str]:
    r"""Return the columns that a heading names.

    >>> parse_heading("Epoch \t Train Time \t LR \t \t Train Acc")
    ['epoch', 'train_seconds', 'lr', 'train_acc']
    """
    names = [name.strip().lower().replace(" ", "_") for name in COLUMN_GAP.split(message)]
    return [COLUMN_NAMES.get(name, name) for name in names if name]


def parse_line(message: str, heading: list[str]) -> dict[str, float]:
    """Return the values in a line, by column; empty if it holds no values."""
    if match := EPOCH_ITERATION.fullmatch(message):
        # epoch 0 is the network before training
        return {"epoch": float(match[1]) - 1, **dict(parse_sections(match[3]))}
    name, *words = message.split() or [""]
    if name == "validation":
        heading = list(VALIDATION_COLUMNS)
    else:
        words = [name, *words]
    try:
        values = [float(word) for word in words]
    except ValueError:
        return {}
    return dict(zip(heading, values, strict=True)) if len(values) == len(heading) else {}


def parse_sections(text: str) -> Iterator[tuple[str, float]]:
    """Yield column and value of each number in a line of sections.

    Percentages become fractions, and elapsed minutes become seconds.

    >>> dict(parse_sections("[train] loss 1.5, acc 20.00%  [test] acc_pgd 25.00% (0.50m, 1.00m)"))
    {'train_loss': 1.5, 'train_acc': 0.2, 'test_robust_acc': 0.25, 'seconds_so_far': 30.0}
    """
    parts = SECTION_NAME.split(text)
    for section, content in zip(parts[1::2], parts[2::2], strict=True):
        for name, value, percent in NAME_VALUE.findall(content):
            column = f"{section}_{name}"
            yield COLUMN_NAMES.get(column, column), float(value) / (100 if percent else 1)
    if match := ELAPSED_MINUTES.search(text):
        yield ELAPSED_COLUMN, 60 * float(match[1])
