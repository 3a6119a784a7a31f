"""`tuner.evaluate`, the function, beside `tuner.evaluate`, the module of the command."""

import sys

import pandas as pd
import pytest

import tuner
from trainables.errors import InputError
from tuner.api.result import Result
from tuner.evaluate import main

QUICK = {"suite": "fgsm", "images": 60}


def test_the_name_is_a_module_and_a_function():
    """Importing the module makes it an attribute of the package, whichever is imported first."""
    assert tuner.evaluate is sys.modules["tuner.evaluate"]
    with pytest.raises(InputError, match="FOLDER: expected the results folder of one search, got"):
        tuner.evaluate()
    assert tuner.evaluate.main([]) == 2


def test_the_frame_is_that_of_the_file_and_of_the_command(folder, capsys):
    frame = tuner.evaluate(Result(folder), **QUICK, progress=False)
    assert not capsys.readouterr().out
    assert frame["attack"].tolist() == ["fgsm"]
    saved = pd.read_parquet(folder / "evaluation.parquet")
    assert saved["robust_accuracy"].tolist() == frame["robust_accuracy"].tolist()
    assert main([str(folder), "suite=fgsm", "images=60"]) == 0
    assert f"{100 * frame['robust_accuracy'][0]:.1f}" in capsys.readouterr().out
    assert len(pd.read_parquet(folder / "evaluation.parquet")) == 1  # the same key


def test_all_problems_of_an_evaluation_are_raised(folder):
    with pytest.raises(InputError) as caught:
        tuner.evaluate(folder, suite="fgsmm", imagse=3, knobs={"threat.eps": 0})
    assert len(caught.value.problems) == 3


def test_a_ranking_is_a_frame(folder):
    with pytest.raises(InputError, match="rank"):
        tuner.evaluate(folder, rank="best", top=1)
