"""A study in a notebook: the stop button leaves one that can be resumed."""

import asyncio
import os
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[3]
TRIALS = 12
CELLS = [
    f"""
from tuner import Study

small = {{"data.limit": 400, "data.validation": 100, "attack.steps": 3, "exam.steps": 3}}
study = Study(
    space="weight_decay", trials={TRIALS}, epochs=3, tracker="none", name="study", knobs=small
)
study.run()""",
    "ended = study.result.trials\nended",
    "study.resume()",
]


class Interrupted(NotebookClient):
    """Presses the stop button once a trial has ended."""

    request = None

    def process_message(self, msg, cell, cell_index):
        text = msg["content"].get("data", {}).get("text/plain", "")
        has_ended = re.search(rf"\b[1-9]\d* of {TRIALS} trials ended", text)
        if msg["msg_type"] == "update_display_data" and has_ended and self.request is None:
            self.request = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(msg, cell, cell_index)


def text_of(cell):
    """Return what a cell printed, and its value."""
    return "".join(
        o.get("text") or o.get("evalue") or o.get("data", {}).get("text/plain", "")
        for o in cell.outputs
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own parts
def test_the_stop_button_leaves_a_study_that_resumes(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, CELLS)))
    here = {"metadata": {"path": str(tmp_path)}}
    client = Interrupted(
        notebook, timeout=500, kernel_name="python3", resources=here, allow_errors=True
    )
    client.execute()
    first, between, second = map(text_of, notebook.cells)
    assert "Missing packages" not in first
    assert first.index("New study study") < first.index("Interrupted after")
    assert "The study is saved; to continue it, call study.resume() or Study.load(" in first
    assert notebook.cells[0].outputs[-1]["ename"] == "KeyboardInterrupt"
    assert "0000" in between
    assert f"Result('{tmp_path}/results/study'): " in second
    assert len(pd.read_parquet(tmp_path / "results/study/trials.parquet")) == TRIALS
