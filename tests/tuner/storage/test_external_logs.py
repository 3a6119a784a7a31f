"""External logs: parsed as training scripts write them, and the recorded runs of a paper."""

import subprocess
import sys

import pandas as pd
import pytest

import analysis
from analysis.selection import select_epochs
from trainables.errors import InputError
from tuner.replay.recordings import load_archive
from tuner.schedulers.core.ranking import RankingAccuracy, ranking_accuracy
from tuner.storage.external_logs import parser, reader

NAMESPACE = (
    "Namespace(attack='pgd', attack_iters=10, batch_size=128, epochs=2, epsilon=8, l2=0, "
    "lr_max=0.1, lr_schedule='piecewise', model='PreActResNet18', norm='l_inf', pgd_alpha=2, "
    "resume=0, seed=3, val=True, device=device(type='cuda'))"
)
HEADING = (
    "Epoch \t Train Time \t Test Time \t LR \t \t Train Loss \t Train Acc \t Train Robust Loss \t "
    "Train Robust Acc \t Test Loss \t Test Acc \t Test Robust Loss \t Test Robust Acc"
)


def line(epoch, clean, robust):
    return (
        f"{epoch} \t 385.8 \t \t 84.0 \t \t 0.1000 \t 2.0050 \t 0.2671 \t 2.1842 \t \t 0.1904 \t "
        f"\t 1.7855 \t {clean:.4f} \t 2.0061 \t \t {robust:.4f}"
    )


def log(*lines, prefix="[2020/01/22 12:41:11] - "):
    return "".join(f"{prefix}{text}\n" for text in lines)


RUN = (
    NAMESPACE,
    HEADING,
    line(0, 0.3, 0.2),
    "validation 1.8 \t 0.31 \t 2.0 \t 0.21",
    line(1, 0.4, 0.1),
    "validation 1.7 \t 0.41 \t 1.9 \t 0.11",
)


@pytest.mark.parametrize(
    "prefix",
    [
        "[2020/01/22 12:41:11] - ",
        "[2020/01/22 12:41:11 train.py __main__ INFO] - ",
        "2020-01-22 12:41:11,123 - INFO - ",
        "",
    ],
)
def test_parse_columns_under_a_heading(prefix):
    table = parser.parse_log(log(*RUN, prefix=prefix))
    assert table["epoch"].tolist() == [0, 1]
    first = table.iloc[0]
    assert (first["train_seconds"], first["test_seconds"], first["lr"]) == (385.8, 84.0, 0.1)
    assert (first["train_robust_loss"], first["train_robust_acc"]) == (2.1842, 0.1904)
    assert table["test_acc"].tolist() == [0.3, 0.4]
    assert table["test_robust_acc"].tolist() == [0.2, 0.1]
    assert table["val_robust_acc"].tolist() == [0.21, 0.11]
    assert first["norm"] == "l_inf"
    assert "device" not in table


def test_a_resumed_run_continues_and_a_restarted_run_starts_anew():
    resumed = NAMESPACE.replace("resume=0", "resume=1")
    again = log(*RUN[:5], resumed, "Resuming at epoch 1", HEADING, line(1, 0.5, 0.3))
    assert parser.parse_log(again)["test_robust_acc"].tolist() == [0.2, 0.3]
    assert parser.parse_log(log(*RUN, NAMESPACE, HEADING, line(0, 0.5, 0.3)))["epoch"].tolist() == [
        0
    ]


def test_a_value_that_was_not_measured_is_missing():
    table = parser.parse_log(log(HEADING, line(0, 0.3, 0.2), line(1, 0.4, -1)))
    assert table["test_robust_acc"].isna().tolist() == [False, True]


def test_a_log_with_one_evaluation_at_the_end():
    lines = [
        "Namespace(alpha=10, epochs=2, epsilon=8, weight_decay=0.0005)",
        "Epoch \t Seconds \t LR \t \t Train Loss \t Train Acc",
        "0 \t 30.5 \t \t 0.1000 \t 2.0 \t 0.25",
        "1 \t 30.0 \t \t 0.0500 \t 1.5 \t 0.35",
        "Total train time: 1.0083 minutes",
        "Test Loss \t Test Acc \t PGD Loss \t PGD Acc",
        "0.6 \t \t 0.8000 \t 1.1 \t 0.4500",
    ]
    table = parser.parse_log(log(*lines))
    assert table["test_robust_acc"].tolist()[1:] == [0.45]
    assert table["test_robust_acc"].isna().tolist() == [True, False]
    assert table["train_seconds"].tolist() == [30.5, 30.0]


def test_a_log_with_several_lines_per_epoch():
    """Epoch 0 is the network before training; the last line of an epoch counts."""
    form = (
        "{}: [train] loss {:.3f}, reg 0.000, acc 20.00% acc_pgd 30.00%  [test] acc_clean 45.00%, "
        "acc_fgsm 40.00%, acc_pgd {:.2f}%, cos_x_eta 0.99, cos_fgsm_pgd nan ({:.2f}m, 9.00m)"
    )
    rows = [
        ("0-0", 2.3, 10, 0),
        ("1-200", 2.0, 20, 1),
        ("1-390", 1.9, 25, 1.5),
        ("2-400", 1.8, 30, 2),
    ]
    table = parser.parse_log("\n".join(form.format(*row) for row in rows))
    assert table["epoch"].tolist() == [0, 1]
    assert table["train_loss"].tolist() == [1.9, 1.8]
    assert table["test_robust_acc"].tolist() == [0.25, 0.3]
    assert table["train_seconds"].tolist() == [90, 30]


def write_log(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(log(*lines))
    return path


def test_a_log_becomes_a_trial(tmp_path):
    path = write_log(tmp_path / "cifar10_l2/net_5e-4/output.log", *RUN)
    logs = reader.read_logs(path)
    (trial,) = logs.trials.to_dict("records")
    assert trial["trial_id"] == "cifar10_l2/net_5e-4"
    assert trial["status"] == "completed"
    assert (trial["data"], trial["threat"], trial["model"]) == (
        "cifar10",
        "linf",
        "preact_resnet18",
    )
    assert trial["threat.eps"] == 8 / 255
    assert trial["attack.step_size"] == 2 / 255
    assert trial["optimizer.weight_decay"] == 5e-4
    assert (trial["best_epoch"], trial["val_robust_accuracy"]) == (1, 0.2)
    assert trial["last_val_robust_accuracy"] == 0.1
    assert trial["robust_overfitting"] == pytest.approx(0.1)
    assert (trial["seed"], trial["epochs"]) == (3, 2)
    # ten steps of the attack and one of the weights per epoch
    assert logs.epochs["gradient_passes"].tolist() == [11, 22]
    assert logs.epochs["seconds"].tolist() == pytest.approx([469.8, 469.8])
    assert logs.epochs["held_out_robust_accuracy"].tolist() == [0.21, 0.11]
    assert logs.epochs["train_robust_accuracy"].tolist() == [0.1904, 0.1904]
    assert "evaluated on the test split" in logs.notes[0]
    assert "have a validation split too" in logs.notes[1]


def test_an_unfinished_run_is_stopped_and_percent_become_fractions(tmp_path):
    logs = reader.read_logs(write_log(tmp_path / "a.log", NAMESPACE, HEADING, line(0, 30, 20)))
    assert logs.trials["status"].tolist() == ["stopped"]
    assert logs.trials["val_robust_accuracy"].tolist() == [0.2]


def test_a_folder_of_logs_is_a_study_with_the_varied_settings_as_knobs(tmp_path):
    for decay in ("0.01", "0.1"):
        words = NAMESPACE.replace("l2=0", f"l2={decay}, l1={decay}")
        write_log(tmp_path / f"logs/e/{decay}/output.log", words, *RUN[1:])
    write_log(tmp_path / "logs/e/empty/output.log", NAMESPACE)
    frames = analysis.load(tmp_path / "logs")
    assert frames.trials["trial_id"].tolist() == ["e/0.01", "e/0.1"]
    assert frames.knobs == ["optimizer.weight_decay", "l1"]
    assert frames.problems[0].startswith("logs: the 2 logged runs were evaluated on the test split")
    assert select_epochs(frames)["oracle_split"].tolist() == ["test", "test"]
    archive = load_archive(tmp_path / "logs")
    assert [run.knobs["optimizer.weight_decay"] for run in archive.runs] == [0.01, 0.1]
    assert [run.best_accuracy for run in archive.runs] == [0.2, 0.2]


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_table_with_both_networks_is_ranked_as_a_search_does(tmp_path, split):
    """The average lags in the first epoch, not in the second; one run has none."""
    columns = f"run,epoch,{split}_acc,{split}_robust_acc,{split}_raw_acc,{split}_robust_raw_acc"
    rows = ["a,1,0.1,0.1,0.5,0.4,3", "a,2,0.6,0.5,0.5,0.4,20", "b,1,0.5,0.3,,,", "b,2,0.6,0.4,,,"]
    file = tmp_path / "runs.csv"
    file.write_text("\n".join([f"{columns},average_horizons", *rows]) + "\n")
    one, other = load_archive(file).runs
    assert [report.val_clean_accuracy_raw for report in one.reports] == [0.5, 0.5]
    assert [ranking_accuracy(report) for report in (*one.reports, other.reports[0])] == [
        RankingAccuracy(0.1, 0.4, lags=True),
        RankingAccuracy(0.5, 0.4),
        RankingAccuracy(0.3, 0.3),
    ]
    assert analysis.load(file).knobs == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", "", "No columns"),
        ("a.csv", "a,b\n1,2\n", "no column of epochs, nor of steps"),
        ("a.csv", "run,epoch\nx,0\n", "neither test_acc nor"),
        ("a.log", "hello\n", "no line of an epoch"),
        ("a.csv.gz", "no gzip", "gzip"),
    ],
)
def test_a_file_without_runs_is_refused(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        reader.read_logs(tmp_path / name)


def write_table(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def rows_of(run, *robust, **more):
    return [{"run": run, "epoch": e, "test_robust_acc": r, **more} for e, r in enumerate(robust)]


def test_runs_without_a_loss_have_not_diverged(tmp_path):
    table = write_table(tmp_path / "a.csv", rows_of("x", 0.2, 0.3, test_acc=0.5))
    assert reader.read_logs(table).trials["status"].tolist() == ["completed"]


@pytest.mark.parametrize(
    ("written", "status"), [("", "completed"), ("nan", "diverged"), ("inf", "diverged")]
)
def test_a_run_has_diverged_if_its_last_loss_is_written_as_nan(tmp_path, written, status):
    """An empty cell says nothing, whether or not other runs have losses."""
    text = f"run,epoch,test_robust_acc,train_loss\nx,0,0.2,1.5\nx,1,0.3,{written}\ny,0,0.2,\n"
    (tmp_path / "a.csv").write_text(text)
    logs = reader.read_logs(tmp_path / "a.csv")
    assert logs.trials["status"].tolist() == [status, "completed"]
    assert logs.epochs["train_loss"].isna().tolist() == [False, True, True]


def test_a_log_with_a_loss_of_nan_is_of_a_run_that_diverged(tmp_path):
    text = log(HEADING, line(0, 0.3, 0.2), line(1, 0.1, 0.1).replace("2.1842", "nan"))
    (tmp_path / "a.log").write_text(text)
    assert reader.read_logs(tmp_path / "a.log").trials["status"].tolist() == ["diverged"]


def read_text(path, text):
    path.write_text(text)
    return reader.read_logs(path).epochs


def test_each_column_is_percent_or_fraction(tmp_path):
    text = "run,epoch,test_acc,test_robust_acc\nx,1,80,0.4\nx,2,81,0.5\n"
    epochs = read_text(tmp_path / "a.csv", text)
    assert epochs["val_clean_accuracy"].tolist() == [0.8, 0.81]
    assert epochs["val_robust_accuracy"].tolist() == [0.4, 0.5]


@pytest.mark.parametrize(
    ("row", "message"),
    [("x,1,50%", "test_robust_acc must hold numbers, got '50%'"), ("x,last,1", "epoch must hold")],
)
def test_a_value_that_is_no_number_is_an_error_with_its_column(tmp_path, row, message):
    with pytest.raises(InputError, match=message):
        read_text(tmp_path / "a.csv", f"run,epoch,test_robust_acc\n{row}\n")


@pytest.mark.parametrize(
    ("given", "expected"),
    [((5, 10, 15), [5, 10, 15]), ((0, 1), [1, 2]), ((0.5, 1, 1.5, 2), [1, 2])],
)
def test_epochs_keep_their_numbers_unless_they_count_from_0(tmp_path, given, expected):
    rows = "".join(f"x,{epoch},{epoch / 100}\n" for epoch in given)
    epochs = read_text(tmp_path / "a.csv", f"run,epoch,test_robust_acc\n{rows}")
    assert epochs["epoch"].tolist() == expected
    assert epochs["val_robust_accuracy"].iloc[-1] == given[-1] / 100


def test_a_table_with_a_validation_split_only_is_read_without_a_caveat(tmp_path):
    rows = [{"run": "x", "epoch": e, "val_acc": 0.5, "val_robust_acc": r} for e, r in [(0, 0.2)]]
    logs = reader.read_logs(write_table(tmp_path / "a.csv", rows))
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.2]
    assert logs.epochs["val_clean_accuracy"].tolist() == [0.5]
    assert logs.notes == ()
    assert reader.HELD_OUT_COLUMN not in logs.epochs


def test_weight_perturbation_takes_one_more_pass_from_its_epoch_on(tmp_path):
    """Two steps and one of the weights: 3, then 4 each from the second epoch on."""
    settings = {"attack": "pgd", "attack_iters": 2, "awp_gamma": 0.01, "awp_warmup": 1}
    unperturbed = settings | {"awp_gamma": 0}
    rows = [*rows_of("x", 0.2, 0.3, 0.4, **settings), *rows_of("y", 0.1, **unperturbed)]
    logs = reader.read_logs(write_table(tmp_path / "a.csv", rows))
    assert logs.epochs["gradient_passes"].tolist() == [3, 7, 11, 3]


def test_a_column_that_changes_within_a_run_is_no_knob(tmp_path):
    rows = [
        {**row, "gpu_memory": number, "temperature": run == "e/y"}
        for run in ("e/x", "e/y")
        for number, row in enumerate(rows_of(run, 0.2, 0.3))
    ]
    trials = reader.read_logs(write_table(tmp_path / "a.csv", rows)).trials
    assert "gpu_memory" not in trials
    assert trials["temperature"].tolist() == [False, True]


def test_a_replay_names_the_runs_that_it_leaves_out(tmp_path):
    rows = [
        *rows_of("a", 0.2, dataset="cifar10", epsilon=8),
        *rows_of("b", 0.2, dataset="cifar10", epsilon=8),
        *rows_of("c", 0.2, dataset="svhn", epsilon=8),
        *rows_of("semisupervised", 0.2, dataset="cifar10", epsilon=8),
    ]
    archive = load_archive(write_table(tmp_path / "a.csv", rows))
    assert len(archive.runs) == 2
    assert "val_* holds it" in archive.selection[0]
    assert archive.selection[1:] == (
        f"2 of 4 runs are replayed, those with data=cifar10, threat.eps={8 / 255}.",
        f"left out: 1 with data=svhn, threat.eps={8 / 255}.",
        "left out: 1 trained on additional images.",
    )
    alike = load_archive(write_table(tmp_path / "b.csv", rows[:2]))
    assert alike.selection[1:] == (
        f"2 of 2 runs are replayed, all with data=cifar10, threat.eps={8 / 255}.",
    )


def test_reading_logs_imports_neither_torch_nor_ray():
    code = (
        "import sys, tuner.storage.external_logs.reader; print({'torch', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_recorded_runs_of_a_paper(shared):
    logs = reader.read_logs(shared / "at_learning_curves.csv.gz")
    assert len(logs.trials) == 69
    table = pd.read_csv(shared / "at_learning_curves.csv.gz")
    assert logs.epochs["val_robust_accuracy"].tolist() == table["test_robust_acc"].tolist()
    assert logs.epochs["val_clean_accuracy"].tolist() == table["test_acc"].tolist()
    # no two runs have the same knobs: the setting that an experiment varied is a column
    knobs = list(logs.trials.columns[2 : list(logs.trials.columns).index("best_epoch")])
    assert not logs.trials[knobs].duplicated().any()
    assert logs.trials.loc[
        logs.trials["status"] == "diverged", "optimizer.weight_decay"
    ].tolist() == [50]
