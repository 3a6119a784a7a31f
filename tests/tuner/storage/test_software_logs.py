"""Logs of other software: FastAT_Benchmark, W&B, Lightning, TensorBoard, and columns by name."""

import math

import pandas as pd
import pytest
from tensorboardX import SummaryWriter

import analysis
from analysis.report.ranking import build_ranking
from analysis.report.summary import summarize_studies
from analysis.report.trials import add_selected_epochs
from trainables.errors import InputError
from tuner.replay.recordings import load_archive
from tuner.search import main as search
from tuner.storage.external_logs import reader

BENCHMARK_LOG = """Method: elle
Seed: 1
Scheduler: OneCycleLR
Label smoothing: 0.4
Weight average: True, tau: 0.9995
lin_reg: 1.0
fgsm_init: random


============ Epoch 0 ============
Training time: 28.74s
Training loss: 2.2904
Training accuracy: 0.1666
Current GPU memory: 2.50 GB
Validation time: 2.35s
Model - Validation accuracy: 0.3140
Model - FGSM accuracy: 0.2490
Model - PGD accuracy: 0.2270
WA Model - Validation accuracy: 0.1190
WA Model - FGSM accuracy: 0.1180
WA Model - PGD accuracy: 0.1170
Best model: model (PGD acc: 0.2270, Val acc: 0.3140)

============ Epoch 1 ============
Training time: 28.09s
Training loss: 2.2300
Training accuracy: 0.2201
Validation time: 2.32s
Model - Validation accuracy: 0.3560
Model - FGSM accuracy: 0.2560
Model - PGD accuracy: 0.2480
WA Model - Validation accuracy: 0.2190
WA Model - FGSM accuracy: 0.2180
WA Model - PGD accuracy: 0.2170

train_acc_list:
[0.16, 0.22]
PGD test results:
  pgd_10_acc: 0.5370
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_log_of_fastat_benchmark(tmp_path):
    """Of a run with an average, whose accuracies count; the network's own are columns besides."""
    write(tmp_path / "cifar10/elle/2026-seed-1/output.log", BENCHMARK_LOG)
    logs = reader.read_logs(tmp_path)
    (trial,) = logs.trials.to_dict("records")
    assert (trial["data"], trial["threat"], trial["threat.eps"]) == ("cifar10", "linf", 8 / 255)
    assert (trial["method"], trial["model"], trial["seed"]) == ("elle", "resnet18", 1)
    assert logs.epochs["epoch"].tolist() == [1, 2]
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.117, 0.217]
    assert logs.epochs["val_clean_accuracy"].tolist() == [0.119, 0.219]
    assert logs.epochs["val_robust_accuracy_raw"].tolist() == [0.227, 0.248]
    horizons = [-number * 383 * math.log(0.9995) for number in (1, 2)]
    assert logs.epochs["average_horizons"].tolist() == pytest.approx(horizons)
    assert logs.epochs["train_loss"].tolist() == [2.2904, 2.23]
    assert logs.epochs["seconds"].tolist() == pytest.approx([31.09, 30.41])
    assert any("assumed for FastAT_Benchmark: linf, eps 8/255" in note for note in logs.notes)


def test_a_run_of_fastat_benchmark_without_an_average(tmp_path):
    lines = [line.removeprefix("Model - ") for line in BENCHMARK_LOG.splitlines()]
    text = "\n".join(line for line in lines if not line.startswith("WA "))
    logs = reader.read_logs(write(tmp_path / "pgd_at.log", text))
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.227, 0.248]
    assert "val_robust_accuracy_raw" not in logs.epochs


def test_the_recorded_runs_of_fastat_benchmark(shared):
    """63 runs of 21 methods; PGD-AT without an average has the network's own accuracies."""
    path = shared / "fastat_cifar10.csv.gz"
    logs, table = reader.read_logs(path), pd.read_csv(path)
    assert len(logs.trials) == 63
    assert logs.trials["status"].unique().tolist() == ["completed"]
    assert logs.trials["method"].nunique() == 21
    expected = table["wa_pgd_acc"].fillna(table["model_pgd_acc"])
    assert logs.epochs["val_robust_accuracy"].tolist() == expected.tolist()
    lacks_average = logs.epochs["average_horizons"].isna()
    assert lacks_average.sum() == 300  # PGD-AT without an average
    assert logs.epochs["val_robust_accuracy_raw"].isna().equals(lacks_average)
    archive = load_archive(path)
    assert "63 of 63 runs are replayed, all with data=cifar10, threat=linf" in archive.selection[-1]


def chart(path, metric, axis="Step"):
    """Write a chart as W&B exports it, of two runs, the second of which is shorter."""
    rows = {axis: [0, 1, 2]}
    for run, values in (("fast-bird-1", [0.1, 0.3, 0.2]), ("old-sea-2", [0.2, 0.4, None])):
        rows[f"{run} - {metric}"] = values
        rows[f"{run} - {metric}__MIN"] = rows[f"{run} - {metric}__MAX"] = values
    return write_table(path, rows)


@pytest.mark.parametrize("axis", ["Step", "epoch"])
def test_a_chart_of_wandb_has_a_column_per_run(tmp_path, axis):
    logs = reader.read_logs(chart(tmp_path / "wandb_export.csv", "val/pgd_acc", axis))
    assert logs.trials["trial_id"].tolist() == ["fast-bird-1", "old-sea-2"]
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.1, 0.3, 0.2, 0.2, 0.4]
    assert logs.epochs["epoch"].tolist() == [1, 2, 3, 1, 2]
    assert "read as charts that W&B exported." in logs.notes
    assert any("val/pgd_acc as val_robust_acc" in note for note in logs.notes)
    assumption = "assumed: each step with an accuracy is the end of an epoch."
    assert (assumption in logs.notes) == (axis == "Step")


def test_charts_of_the_same_runs_are_joined(tmp_path):
    chart(tmp_path / "one.csv", "val/pgd_acc")
    chart(tmp_path / "two.csv", "val/acc")
    logs = reader.read_logs(tmp_path)
    assert logs.epochs["val_clean_accuracy"].tolist() == [0.1, 0.3, 0.2, 0.2, 0.4]
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.1, 0.3, 0.2, 0.2, 0.4]


def test_charts_of_one_metric_keep_the_runs_of_each(tmp_path):
    axis = "trainer/global_step"
    for run, value in (("a", 0.1), ("b", 0.2)):
        write_table(tmp_path / f"{run}.csv", {axis: [0, 9], f"{run} - val/pgd_acc": [value, 0.3]})
    write_table(tmp_path / "c.csv", {axis: [0, 9], "a - val/acc": [0.5, 0.6]})
    logs = reader.read_logs(tmp_path)
    assert logs.epochs["trial_id"].tolist() == ["a", "a", "b", "b"]
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.1, 0.3, 0.2, 0.3]
    assert logs.epochs["val_clean_accuracy"].tolist()[:2] == [0.5, 0.6]


def test_charts_with_different_axes_are_refused(tmp_path):
    chart(tmp_path / "one.csv", "val/pgd_acc")
    chart(tmp_path / "two.csv", "val/acc", "trainer/global_step")
    with pytest.raises(InputError, match="the axes Step, trainer/global_step; export all"):
        reader.read_logs(tmp_path)


def test_the_metrics_of_lightning_are_split_between_rows(tmp_path):
    rows = [
        {"epoch": 0, "step": 9, "train_loss": 2.0},
        {"epoch": 0, "step": 9, "val_acc": 0.5, "val_robust_acc": 0.2},
        {"epoch": 1, "step": 19, "train_loss": 1.5, "lr-SGD": 0.1},
        {"epoch": 1, "step": 19, "val_acc": 0.6, "val_robust_acc": 0.3},
    ]
    write_table(tmp_path / "lightning_logs/version_0/metrics.csv", rows)
    write_table(tmp_path / "lightning_logs/version_1/metrics.csv", rows[:2])
    logs = reader.read_logs(tmp_path)
    assert logs.trials["trial_id"].tolist() == [f"lightning_logs/version_{n}" for n in (0, 1)]
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.2, 0.3, 0.2]
    assert logs.epochs["train_loss"].tolist() == [2.0, 1.5, 2.0]
    assert logs.epochs["lr"].tolist()[1] == 0.1
    assert logs.trials["status"].tolist() == ["completed"] * 2


def test_event_files_of_tensorboard(tmp_path):
    """Training is logged at each step; a step with an accuracy ends an epoch."""
    for run in ("a", "b"):
        with SummaryWriter(str(tmp_path / run)) as writer:
            for step in range(1, 7):
                writer.add_scalar("train/loss", 3 - step / 10, step)
                if step % 3 == 0:
                    writer.add_scalar("val/robust_accuracy", step / 10, step)
    logs = reader.read_logs(tmp_path)
    assert logs.trials["trial_id"].tolist() == ["a", "b"]
    assert logs.epochs["val_robust_accuracy"].tolist() == pytest.approx([0.3, 0.6] * 2)
    assert logs.epochs["train_loss"].tolist() == pytest.approx([2.7, 2.4] * 2)


@pytest.mark.parametrize("run", ["lr=0.1", "."])
def test_event_files_of_one_folder_are_one_run(tmp_path, run):
    for number, steps in enumerate([(0, 1), (1, 2)]):
        with SummaryWriter(str(tmp_path / run), filename_suffix=f".{number}") as writer:
            for step in steps:
                writer.add_scalar("val/pgd_acc", (step + number) / 10, step)
    logs = reader.read_logs(tmp_path)
    assert len(logs.trials) == 1
    assert run == "." or logs.trials["trial_id"].tolist() == [run]
    assert logs.epochs["val_robust_accuracy"].tolist() == pytest.approx([0, 0.2, 0.3])


def test_tables_of_one_name_are_called_by_their_files(tmp_path):
    for name in ("exp/log.csv", "exp/output.csv", "other/log.csv"):
        write_table(tmp_path / name, [{"epoch": e, "val_pgd_acc": 0.1} for e in range(2)])
    trials = reader.read_logs(tmp_path).trials
    assert trials["trial_id"].tolist() == ["exp/log.csv", "exp/output.csv", "other"]


def test_an_event_file_that_is_cut_off_is_read_to_there(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("val/pgd_acc", 0.1, step)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert len(reader.read_logs(file).epochs) == 2


def test_any_table_is_read_with_columns(tmp_path):
    rows = [
        {"id": run, "t": epoch, "m1": 50 + epoch, "m2": 20 + epoch, "decay": decay}
        for run, decay in (("x", 0.1), ("y", 0.2))
        for epoch in range(3)
    ]
    path = write_table(tmp_path / "a.csv", rows)
    columns = {"run": "id", "epoch": "t", "val_acc": "m1", "val_robust_acc": "m2"}
    logs = reader.read_logs(path, columns | {"weight_decay": "decay"})
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.2, 0.21, 0.22] * 2
    assert logs.trials["optimizer.weight_decay"].tolist() == [0.1, 0.2]
    with pytest.raises(InputError, match="columns: no column m3; there are id, t, m1, m2, decay"):
        reader.read_logs(path, {"run": "m3"})


def test_what_was_understood_left_out_and_assumed_is_said(tmp_path):
    rows = [{"Epoch": e, "validAccuracy": 0.5, "val/pgd": e, "val adv acc": 0.2} for e in range(2)]
    logs = reader.read_logs(write_table(tmp_path / "exp/run.csv", rows))
    (trial,) = logs.trials["trial_id"]
    assert trial.endswith("exp/run")
    assumed, understood, left_out = logs.notes
    assert assumed.startswith("assumed: all rows of ")
    assert understood == (
        "understood: Epoch as epoch, validAccuracy as val_acc, val adv acc as val_robust_acc."
    )
    assert left_out == "left out: val/pgd."


def test_a_best_value_so_far_is_no_measurement(tmp_path):
    rows = [{"epoch": e, "best_val_pgd_acc": 0.9, "val_pgd_acc": 0.1 * e} for e in range(1, 3)]
    logs = reader.read_logs(write_table(tmp_path / "a.csv", rows))
    assert logs.epochs["val_robust_accuracy"].tolist() == [0.1, 0.2]


def test_a_log_without_epochs_is_one_clear_error(tmp_path):
    """A table of runs as W&B exports it: one row per run with its final results."""
    rows = [{"Name": "a", "State": "finished", "val_acc": 0.5, "val_robust_acc": 0.2}]
    with pytest.raises(InputError) as error:
        reader.read_logs(write_table(tmp_path / "a.csv", rows))
    assert len(error.value.problems) == 1
    assert "no column of epochs, nor of steps" in error.value.problems[0]
    assert "columns=epoch:COLUMN" in error.value.problems[0]


def test_a_replay_says_how_it_read_a_table_and_which_question_it_chose(tmp_path, capsys):
    rows = [
        {"id": str(run), "t": epoch, "m": 0.1 * run + 0.01 * epoch, "norm": norm, "eps": 8}
        for run, norm in enumerate(["l_inf", "l_inf", "l_inf", "l_2"])
        for epoch in range(4)
    ]
    path = write_table(tmp_path / "a.csv", rows)
    words = [f"replay={path}", "columns=run:id,epoch:t,val_robust_acc:m", "orders=2"]
    words += ["scheduler=asha", "fidelity=epochs", "space=weight_decay", f"results={tmp_path}"]
    assert search(words) == 0
    out = capsys.readouterr().out
    assert "understood: id as run, t as epoch, m as val_robust_acc." in out
    assert f"3 of 4 runs are replayed, those with threat=linf, threat.eps={8 / 255}." in out
    assert f"left out: 1 with threat=l2, threat.eps={8 / 255}." in out


@pytest.mark.parametrize("columns", ["columns=epoch", "columns=epoch:a,epoch:b", "columns=:a"])
def test_columns_are_pairs(tmp_path, capsys, columns):
    assert search([f"replay={tmp_path}", columns, "space=weight_decay"]) == 2
    assert "must be pairs NAME:COLUMN" in capsys.readouterr().err


def test_a_report_groups_by_threat_and_data_and_ranks_none_across(tmp_path):
    """The l2 runs have the higher accuracies, which mean nothing for the linf runs."""
    rows = [
        {"run": f"{norm}{run}", "epoch": epoch, "val_robust_acc": top + run / 100, "norm": norm}
        | {
            "eps": eps,
            "dataset": "cifar10",
            "weight_decay": run / 10,
            "batch_size": 32 * (1 + run % 2),
        }
        for norm, eps, top in (("l_inf", 8, 0.4), ("l_2", 128, 0.6))
        for run in range(12)
        for epoch in range(2)
    ]
    frames = analysis.load(write_table(tmp_path / "a.csv", rows[:-2]))
    summaries = summarize_studies(add_selected_epochs(frames))
    assert [each.title for each in summaries] == [
        "a.csv, l2, eps 0.502, cifar10",
        "a.csv, linf, eps 0.03137, cifar10",
    ]
    assert [each.sentences[0].split(" (")[0] for each in summaries] == [
        "Best: trial l_210",
        "Best: trial l_inf11",
    ]
    ranking = build_ranking(frames)
    assert {row["knob"] for row in ranking.knobs} == {"optimizer.weight_decay", "data.batch_size"}
    assert (
        "a.csv: by 12 of its 23 trials, those of linf, eps 0.03137, cifar10; others have another "
        "threat or data set." in ranking.notes
    )
