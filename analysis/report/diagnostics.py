"""Results of `analysis.diagnose` in the results folders."""

import base64
from pathlib import Path

import pandas as pd
import pyarrow.parquet
from pyarrow import ArrowException

from analysis.frames import Frames
from analysis.loading import error_reason

DIAGNOSTICS_FILE, PICTURE_FOLDER = "diagnostics.parquet", "diagnostics"
COLUMNS = (
    *("study", "trial_id", "checkpoint", "rule"),
    *("measure", "quantity", "value", "std", "n", "seed"),
)


def collect_diagnostics(frames: Frames) -> dict[str, object]:
    """Return the results of diagnostics, for the page.

    Returns:
        `headings`, `rows` of texts, `pictures` with a `name` and a `source` that needs no file, and
        the `problems` of files that cannot be read.
    """
    found: list[pd.DataFrame] = []
    problems: list[str] = []
    for name, study in frames.studies.items():
        file = study.folder / DIAGNOSTICS_FILE if study.folder else None
        if file is None or not file.exists():
            continue
        try:
            found.append(pyarrow.parquet.read_table(file).to_pandas().assign(study=name))
        except (OSError, ArrowException) as error:
            problems.append(f"{name}: {DIAGNOSTICS_FILE} cannot be read ({error_reason(error)}).")
    frame = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    headings = [key for key in COLUMNS if key in frame]
    rows = [
        [format_cell(value) for value in row] for row in frame[headings].itertuples(index=False)
    ]
    pictures = [
        {"name": f"{name}, {file.stem}", "source": embed_picture(file)}
        for name, study in frames.studies.items()
        for file in sorted((study.folder / PICTURE_FOLDER).glob("*.png") if study.folder else ())
    ]
    return {"headings": headings, "rows": rows, "pictures": pictures, "problems": problems}


def embed_picture(file: Path) -> str:
    """Return a picture as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}"


def format_cell(value: str | float | None) -> str:
    """Return the text of one cell, a number to four digits.

    >>> format_cell(0.123456), format_cell(3.0), format_cell(float("nan")), format_cell("fosc")
    ('0.1235', '3', '', 'fosc')
    """
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
