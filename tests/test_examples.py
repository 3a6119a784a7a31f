"""Every example, and the notebook, as a reader would run them."""

import os
import runpy
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[!_]*.py"))
LEAVES = {
    "search_and_analyse": "example/report.html",
    "own_method": "custom-own_method-*/trials.parquet",
    "own_space": "own_space-pgd_at-*/trials.parquet",
    "evaluate_weights": "lenet/evaluation.parquet",
    "warm_start": "newer/trials.parquet",
    "replay": "weight_decay-pgd_at-*/replay.parquet",
}
"""What each example must leave in `results/`."""


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_what_it_is_about(path, tmp_path, monkeypatch, machine):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert len(list((tmp_path / "results").glob(LEAVES[path.stem]))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own parts
def test_the_notebook_runs_and_what_it_trains_learns(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(ROOT / "docs/quickstart.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    here = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=here).execute()
    trials = pd.read_parquet(tmp_path / "results/quickstart/trials.parquet")
    assert trials["val_robust_accuracy"].max() > 0.2  # twice chance among ten classes
    assert (tmp_path / "results/quickstart/report.html").is_file()
