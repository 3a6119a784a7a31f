"""`python -m analysis.tables`: what it prints, and how errors are reported."""

import pandas as pd
import pytest
import yaml

from analysis.tables.__main__ import main
from tests.analysis.test_tables import SEEDS, study


def kept(folder, said, trials):
    """A results folder, as a search leaves it."""
    folder.mkdir()
    (folder / "search.yaml").write_text(yaml.safe_dump(said))
    rows = [{key: value for key, value in row.items() if key != "study"} for row in trials]
    pd.DataFrame(rows).to_parquet(folder / "trials.parquet")
    epochs = pd.DataFrame({"trial_id": [row["trial_id"] for row in rows], "epoch": 1})
    epochs.to_parquet(folder / "epochs.parquet")
    return str(folder)


@pytest.fixture
def table(tmp_path):
    return kept(tmp_path / "table", dict(study().description), SEEDS)


@pytest.fixture
def plain_study(tmp_path):
    said = {
        "space": "weight_decay", "command": "python -m tuner.search space=weight_decay",
        "searched": {"optimizer.weight_decay": "loguniform(1e-05, 0.01)"},
        "fixed": {"data": {"name": "mnist5k"}}, "study": {"epochs": 7},
    }  # fmt: skip
    trials = [
        {key: value for key, value in row.items() if key != "variant"}
        | {"optimizer.weight_decay": 1e-4}
        for row in SEEDS[:1]
    ]
    return kept(tmp_path / "plain_study", said, trials)


def test_our_cells_are_beside_the_published_ones(table, capsys):
    assert main([table]) == 0
    out = capsys.readouterr().out
    assert "Table 4 of Bag of Tricks (arXiv:2010.00467): table." in out
    assert "Label smoothing 0.3 beats none with ResNet-18" in out
    assert "48.51" in out


@pytest.mark.parametrize(
    ("form", "opens"), [("markdown", "**Table 4"), ("latex", "\\begin{table}"), ("html", "<table>")]
)
def test_written_to_a_file(table, form, opens, tmp_path, capsys):
    assert main([table, f"format={form}", f"to={tmp_path / 'out'}"]) == 0
    assert (tmp_path / "out").read_text().startswith(opens)
    assert capsys.readouterr().out.startswith("Wrote ")


def test_columns_name_those_of_a_log(tmp_path, capsys):
    rows = {"Name": ["a", "b"], "Step": [1, 1], "pgd": [0.1, 0.2]}
    pd.DataFrame(rows).to_csv(tmp_path / "log.csv", index=False)
    assert main([str(tmp_path / "log.csv"), "columns=run:Name,epoch:Step,val_robust_acc:pgd"]) == 2
    # it is read, and no table of a paper
    assert "pgd as val_robust_acc" in capsys.readouterr().err


def test_published_tables_alone(capsys):
    assert main(["paper=bag_of_tricks"]) == 0
    out = capsys.readouterr().out
    assert "Table 13 of Bag of Tricks" in out
    assert "Table 1 of PAS" not in out
    assert main(["table=bag_of_tricks/Table 2", "format=markdown"]) == 0
    out = capsys.readouterr().out
    assert out.count("**Table") == 1
    assert "| 86.56 | 53.22 | 46.04 |" in out


def test_another_space_lists_the_spaces_of_tables(plain_study, capsys):
    assert main([plain_study]) == 2
    said = capsys.readouterr().err
    assert "space weight_decay is no table of a paper" in said
    assert "gradalign_figure1" in said


def test_a_folder_without_a_table_is_reported_beside_tables(table, plain_study, capsys):
    assert main([table, plain_study]) == 0
    out = capsys.readouterr().out
    assert "Table 4 of Bag of Tricks" in out
    assert "plain_study: space weight_decay is no table of a paper" in out


def test_published_settings_are_matched_without_their_space(tmp_path, capsys):
    fixed = {
        "threat": {"name": "linf", "eps": 8 / 255}, "data": {"name": "cifar10", "batch_size": 128},
        "model": {"name": "wrn_34_10", "activation": "relu"}, "method": {"name": "pgd_at"},
        "attack": {"name": "pgd", "steps": 10, "step_size": None}, "update": {"mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.1}, "criterion": {"smoothing": 0.0},
        "schedule": {"drops": [100 / 110, 105 / 110], "warmup": 0.0},
        "eps_schedule": {"warmup": 0.0},
    }  # fmt: skip
    said = {
        "space": "custom", "command": "python -m tuner.search data=cifar10", "fixed": fixed,
        "searched": {"optimizer.weight_decay": "grid(0.0001, 0.0003)"}, "study": {"epochs": 110},
    }  # fmt: skip
    trials = [
        {key: value for key, value in SEEDS[0].items() if key != "variant"}
        | {"trial_id": f"{decay}", "optimizer.weight_decay": decay}
        for decay in (1e-4, 3e-4)
    ]
    assert main([kept(tmp_path / "grid", said, trials), "format=markdown"]) == 0
    out = capsys.readouterr().out
    assert "| optimizer.weight\\_decay=0.0001 | 85.87 | 49.45 | 46.43 | 80.00 (1) |" in out
    assert "0.0003" not in out  # nothing was published for it
    assert "ran their very settings: Table 8 of Bag of Tricks" in out


def test_all_command_errors_are_reported_together(tmp_path, capsys):
    words = ["format=pdf", "paper=bagoftricks", "tabel=x", f"to={tmp_path}", str(tmp_path / "no")]
    assert main(words) == 2
    said = capsys.readouterr().err
    for each in ("format: ", "paper: no such paper", "Did you mean", "to: expected a file", "/no"):
        assert each in said
    assert "tabel: no such key." in said


@pytest.mark.parametrize(
    "words",
    [
        ["format=latex"],
        ["table=he/Table 99"],
        ["table=gradalign/Figure 1"],
        ["paper=he", "table=pas/Table 1"],
    ],
)
def test_nothing_to_print_is_an_error(words, capsys):
    assert main(words) == 2
    assert "1 problem" in capsys.readouterr().err


def test_help_names_papers_and_tables(capsys):
    assert main(["--help", "all"]) == 0
    out = capsys.readouterr().out
    assert "bag_of_tricks_table12" in out
    assert "format" in out
